"""Schedules: how they are written down, and what is to be done about the tick that is due."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pinion.errors import InvalidJob, Unserializable
from pinion.job import Job
from pinion.schedule import Cron, Every, Schedule, Step, recurrence, summary

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(missed: str = "latest") -> Schedule:
    return Schedule("hourly", Job("report"), Cron("@hourly"), missed)


def steps(schedule: Schedule, due: datetime, now: datetime) -> tuple[list[datetime], datetime | None]:
    """What is made until nothing is due: the ticks of the jobs, and when the schedule is due then."""
    last: datetime | None = None
    made = []
    while (step := schedule.step(due, last, now)) is not None:
        if step.tick is not None:
            made.append(step.tick)
        assert step.next is not None
        last, due = due, step.next
    return made, due


def test_a_tick_that_is_to_come_is_waited_for() -> None:
    assert hourly().step(NOON, None, NOON - timedelta(seconds=1)) is None


@pytest.mark.parametrize("missed", ["latest", "skip", "all"])
def test_a_tick_in_time_makes_its_job_and_the_next_is_due(missed: str) -> None:
    assert hourly(missed).step(NOON, None, NOON) == Step(NOON + HOUR, NOON)
    assert steps(hourly(missed), NOON, NOON + timedelta(seconds=59)) == ([NOON], NOON + HOUR)


@pytest.mark.parametrize(
    ("missed", "made"),
    [("latest", [NOON + 3 * HOUR]), ("skip", []), ("all", [NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR])],
)
def test_after_hours_without_workers_the_policy_decides(missed: str, made: list[datetime]) -> None:
    assert steps(hourly(missed), NOON, NOON + 3.5 * HOUR) == (made, NOON + 4 * HOUR)


def test_a_frequent_tick_that_is_in_time_is_not_skipped_with_those_before_it() -> None:
    often = Schedule("often", Job("report"), Every(10), "skip")

    assert steps(often, NOON, NOON + HOUR) == ([NOON + HOUR], NOON + HOUR + timedelta(seconds=10))


def test_a_moment_that_another_definition_set_makes_no_job() -> None:
    assert steps(hourly("all"), NOON + timedelta(minutes=7), NOON + timedelta(minutes=10)) == ([], NOON + HOUR)


def test_a_moment_that_lies_too_far_ahead_is_set_right() -> None:
    assert hourly().step(NOON + 9000 * HOUR, None, NOON) == Step(NOON + HOUR, None)
    assert hourly().step(NOON + 9000 * HOUR, NOON + 8999 * HOUR, NOON) == Step(NOON + HOUR, None)


def test_a_clock_that_was_set_back_makes_no_tick_twice() -> None:
    assert hourly().step(NOON + HOUR, NOON, NOON - timedelta(minutes=10)) is None


def test_a_job_of_a_tick_is_new_and_knows_its_tick() -> None:
    schedule = Schedule("mail", Job("send", (1,), {"to": "Ann"}, queue="mail", headers={"a": "b"}), Every(60))

    one, other = (schedule.job_of(NOON, NOON + HOUR) for _ in range(2))

    assert one.id != other.id != schedule.job.id
    assert (one.func_name, one.args, one.kwargs, one.queue) == ("send", (1,), {"to": "Ann"}, "mail")
    assert one.headers == {"a": "b", "pinion.tick": "2026-05-06T12:00:00+00:00"}
    assert one.created_at == NOON + HOUR and schedule.job.headers == {"a": "b"}


def test_the_definition_is_stable_text_without_what_is_usual() -> None:
    schedule = Schedule(
        "s", Job("report", ("de",), {"b": 1, "a": {2}}, priority=3), Cron("0  3 * * *", "Europe/Berlin")
    )

    assert schedule.definition == (
        '{"args":["de"],"cron":"0 3 * * *","kwargs":{"a":{"$":"set","v":[2]},"b":1},"missed":"latest",'
        '"priority":3,"task":"report","tz":"Europe/Berlin"}'
    )


@pytest.mark.parametrize(
    "other",
    [
        Schedule("s", Job("report", (2,)), Every(60)),
        Schedule("s", Job("report", (1,), queue="q"), Every(60)),
        Schedule("s", Job("report", (1,), keep=5), Every(60)),
        Schedule("s", Job("report", (1,), unique_key="k", unique_while="pending"), Every(60)),
        Schedule("s", Job("report", (1,)), Every(61)),
        Schedule("s", Job("report", (1,)), Cron("* * * * *")),
        Schedule("s", Job("report", (1,)), Every(60), "all"),
    ],
)
def test_whatever_differs_is_in_the_definition(other: Schedule) -> None:
    assert other.definition != Schedule("s", Job("report", (1,)), Every(60)).definition


def test_a_definition_is_read_again_for_people() -> None:
    assert summary(Schedule("s", Job("report"), Cron("@daily", "Asia/Tokyo")).definition) == (
        "report",
        "@daily Asia/Tokyo",
    )
    assert summary(Schedule("s", Job("report"), Every(timedelta(minutes=1))).definition) == ("report", "every 60 s")
    assert summary("not ours") == summary("[1]") == summary('{"every": "?"}') == ("?", "?")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "a schedule's name must be printable text"),
        ({"name": "a\nb"}, "a schedule's name must be printable text"),
        ({"when": "@daily"}, "when must be a Cron or an Every, got '@daily'"),
        ({"missed": "some"}, "missed must be one of latest, skip, all, got 'some'"),
        ({"job": Job("report", run_at=NOON)}, "says when its job runs: leave out delay and at"),
        ({"job": Job("report", priority="x")}, "priority must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        Schedule(**{"name": "s", "job": Job("report"), "when": Every(60), **changed})  # type: ignore[arg-type]

    assert said in str(refused.value)


def test_arguments_that_cannot_be_stored_are_refused_when_it_is_declared() -> None:
    with pytest.raises(Unserializable, match="argument 1"):
        Schedule("s", Job("report", (object(),)), Every(60))


def test_the_options_of_a_task_say_when_it_recurs() -> None:
    assert recurrence() is None
    assert recurrence(cron="@daily") == Cron("@daily", "UTC")
    assert recurrence(cron="@daily", tz="Asia/Tokyo") == Cron("@daily", "Asia/Tokyo")
    assert recurrence(every=60) == Every(timedelta(minutes=1))
    with pytest.raises(InvalidJob, match="cron= or every=, not both"):
        recurrence(cron="@daily", every=60)
    with pytest.raises(InvalidJob, match="tz='Asia/Tokyo' is for cron="):
        recurrence(every=60, tz="Asia/Tokyo")


def test_who_declares_no_cron_expression_does_not_load_what_reads_them() -> None:
    code = "import sys, pinion, pinion.schedule; print({'cronsim', 'calendar', 'zoneinfo'} & set(sys.modules))"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "set()\n"
