"""Declaring what recurs: with a task, or by a call; what is refused at once, and not at three in the morning."""

from collections.abc import Callable

import pytest

from pinion import Job, Registry, schedule, task
from pinion.errors import DuplicateSchedule, InvalidArguments, InvalidJob, UnknownTask
from pinion.schedule import Cron, Every


def registry_with_report() -> Registry:
    registry = Registry()

    @task(registry=registry)
    def report(country: str = "all") -> None: ...

    return registry


def test_a_task_recurs_under_its_own_name_as_its_decorator_says() -> None:
    registry = Registry()

    @task("nightly", cron="0 3 * * *", tz="Europe/Berlin", missed="skip", registry=registry)
    def report() -> None: ...

    [declared] = registry.schedules.values()
    assert (declared.name, declared.when, declared.missed) == ("nightly", Cron("0 3 * * *", "Europe/Berlin"), "skip")
    assert (declared.job.func_name, declared.job.args) == ("nightly", ())


def test_one_task_recurs_with_several_arguments_by_calls() -> None:
    registry = registry_with_report()

    for country in ("de", "fr"):
        schedule(f"report-{country}", Job("report", (country,), queue="slow"), every=60, registry=registry)
    schedule("report-all", registry["report"], cron="@daily", registry=registry)

    assert {name: each.job.args for name, each in registry.schedules.items()} == {
        "report-de": ("de",),
        "report-fr": ("fr",),
        "report-all": (),
    }
    assert registry.schedules["report-de"].when == Every(60)
    assert registry.schedules["report-de"].job.queue == "slow"


def test_a_task_that_needs_arguments_cannot_recur_without_them() -> None:
    registry = Registry()

    with pytest.raises(InvalidArguments) as refused:

        @task(every=60, registry=registry)
        def greet(name: str) -> None: ...

    assert "schedule 'greet': task 'greet' takes (name: str): missing a required argument: 'name'" in str(refused.value)
    assert registry.schedules == {}


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidArguments, match="schedule 'nightly': task 'report' takes"):
        schedule("nightly", Job("report", (1, 2)), every=60, registry=registry_with_report())


def test_a_name_is_given_once() -> None:
    registry = registry_with_report()
    schedule("nightly", Job("report", ("de",)), every=60, registry=registry)

    with pytest.raises(DuplicateSchedule, match=r"'nightly' is declared already, of task 'report' \(every 60 s\)"):
        schedule("nightly", Job("report", ("fr",)), every=60, registry=registry)

    assert registry.schedules["nightly"].job.args == ("de",)


def test_a_module_that_is_loaded_again_declares_again() -> None:
    registry = Registry()

    def load(seconds: int) -> None:
        @task(every=seconds, registry=registry)
        def tidy() -> None: ...

    load(60)
    load(60)
    load(30)

    assert registry.schedules["tidy"].when == Every(30)


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda registry: task(cron="0 25 * * *", registry=registry), "'25' is no hour"),
        (lambda registry: task(cron="@daily", tz="Mars/Base", registry=registry), "install tzdata"),
        (lambda registry: task(every=0, registry=registry), "an interval must be"),
        (lambda registry: task(every=60, tz="UTC", registry=registry), "is for cron="),
        (lambda registry: task(missed="all", registry=registry), "give cron= or every= too"),
        (lambda registry: schedule("s", registry["report"], registry=registry), "schedule 's': give cron= or every="),
        (lambda registry: schedule("", registry["report"], every=1, registry=registry), "a schedule's name must be"),
        (lambda registry: schedule("s", registry["report"], every=1, missed="?", registry=registry), "missed must be"),
    ],
)
def test_what_makes_no_sense_is_refused_at_declaration(declare: Callable[[Registry], object], said: str) -> None:
    registry = registry_with_report()

    with pytest.raises(InvalidJob) as refused:
        declare(registry)

    assert said in str(refused.value) and registry.schedules == {}


def test_a_schedule_of_an_unknown_task_is_refused() -> None:
    with pytest.raises(UnknownTask, match="no task is registered as 'reprot'"):
        schedule("nightly", Job("reprot"), every=60, registry=registry_with_report())


def test_the_name_in_the_package_is_the_function_whatever_is_imported_later() -> None:
    import pinion.schedule

    assert callable(pinion.schedule)
