"""Schedules and workers: exactly one job per tick, whoever ticks and however late. Time is moved by hand."""

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kinds import opened, promising
from pinion import Job
from pinion.errors import StorageUnavailable
from pinion.hooks import Hooks
from pinion.schedule import Cron, Every, Schedule
from pinion.storage import ClaimStorage, Promise, Query, ScheduleEntry
from pinion.worker.report import Report
from pinion.worker.rounds import Rounds
from pinion.worker.ticking import Ticking
from ticks import HOUR, MINUTE, NOON, AtNoon, act, made, schedule, stored, ticking


@pytest.fixture
def clock() -> AtNoon:
    return AtNoon()


@pytest.fixture(params=promising(Promise.SCHEDULES), ids=lambda kind: kind.__name__)
def storage(request: pytest.FixtureRequest, tmp_path: Path, clock: AtNoon) -> Iterator[Any]:
    with opened(request.param, tmp_path, clock) as storage:
        yield storage


# --- one worker -----------------------------------------------------------------------------------


def test_a_new_schedule_waits_for_its_first_tick(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage)

    assert (stored(storage).next, stored(storage).last, made(storage)) == (NOON + HOUR, None, [])
    clock.move_to(NOON + HOUR - timedelta(seconds=2))
    assert worker.act() == pytest.approx(2)
    assert made(storage) == []


def test_a_tick_makes_its_job_and_the_next_is_due(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage, schedule(job=Job("report", ("de",), {"a": 1}, headers={"x": "y"})))
    clock.move_to(NOON + HOUR)

    worker.act()

    [job] = storage.find(Query())
    assert (job.func_name, job.args, job.kwargs) == ("report", ("de",), {"a": 1})
    assert job.headers == {"x": "y", "pinion.tick": "2026-05-06T13:00:00+00:00"}
    assert (stored(storage).next, stored(storage).last) == (NOON + 2 * HOUR, NOON + HOUR)


@pytest.mark.parametrize(
    ("missed", "ticks"),
    [("latest", [NOON + 5 * HOUR]), ("skip", []), ("all", [NOON + hours * HOUR for hours in range(1, 6)])],
)
def test_after_hours_without_a_worker_the_policy_decides(
    storage: Any, clock: AtNoon, missed: str, ticks: list[datetime]
) -> None:
    ticking(storage, schedule(missed=missed))
    clock.move_to(NOON + 5.5 * HOUR)

    act(ticking(storage, schedule(missed=missed)))

    assert made(storage) == ticks
    assert stored(storage).next == NOON + 6 * HOUR


def test_all_of_many_missed_ticks_are_made_a_bounded_number_at_a_time(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage, schedule(Every(60), "all"))
    clock.move_to(NOON + 250 * MINUTE)

    worker.act()
    first = len(made(storage))
    act(worker)

    assert first == 100
    assert made(storage) == [NOON + number * MINUTE for number in range(1, 251)]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", ["01:00", "00:30"]), ("2026-10-25", ["00:30", "01:30"])],
)
def test_a_nightly_job_runs_once_in_the_nights_when_clocks_jump(
    storage: Any, clock: AtNoon, day: str, hours: list[str]
) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00+00:00") - 3 * HOUR
    clock.move_to(midnight)
    worker = ticking(storage, schedule(Cron("30 2 * * *", "Europe/Berlin")))

    for quarter in range(4 * 36):
        clock.move_to(midnight + quarter * 15 * MINUTE)
        worker.act()

    assert [f"{tick:%H:%M}" for tick in made(storage)] == hours


def test_a_job_whose_unique_key_is_held_is_left_out_and_the_schedule_goes_on(storage: Any, clock: AtNoon) -> None:
    if Promise.UNIQUE not in storage.promises:
        pytest.skip("it promises no unique keys")
    worker = ticking(storage, schedule(job=Job("report", unique_key="report")))

    for hours in (1, 2):
        clock.move_to(NOON + hours * HOUR)
        worker.act()

    assert made(storage) == [NOON + HOUR]
    assert stored(storage).next == NOON + 3 * HOUR


def test_a_clock_that_was_wrong_for_a_while_does_not_stop_the_schedule(storage: Any, clock: AtNoon) -> None:
    clock.move_to(NOON + 100_000 * HOUR)
    worker = ticking(storage)
    clock.move_to(NOON)

    for hours in (0, 1, 2):
        clock.move_to(NOON + hours * HOUR)
        worker.act()

    assert made(storage) == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_clock_that_is_set_back_a_little_makes_no_tick_twice(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage)

    for minutes in (61, 55, 60, 61, 119, 120, 110, 121):
        clock.move_to(NOON + minutes * MINUTE)
        worker.act()

    assert made(storage) == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_worker_that_looks_once_makes_what_is_due_at_its_start_and_nothing_later(storage: Any, clock: AtNoon) -> None:
    ticking(storage)
    clock.move_to(NOON + 1.5 * HOUR)

    worker = ticking(storage, once=True)

    assert worker.caught_up and made(storage) == [NOON + HOUR]
    clock.move_to(NOON + 4 * HOUR)
    worker.act()
    assert made(storage) == [NOON + HOUR]


def test_jobs_that_the_storage_refuses_are_told_of_at_the_start_and_others_go_on(
    storage: Any, clock: AtNoon, caplog: pytest.LogCaptureFixture
) -> None:
    refused = Schedule("urgent", Job("report", priority=1), Cron("@hourly"))
    storage.__class__ = type("WithoutPriority", (type(storage),), {"promises": storage.promises - {Promise.PRIORITY}})

    worker = ticking(storage, refused, schedule())

    assert "schedule urgent makes no jobs, because the storage refuses them" in caplog.text
    clock.move_to(NOON + HOUR)
    worker.act()
    assert made(storage) == [NOON + HOUR]


def test_a_schedule_that_was_deleted_stays_so_until_a_worker_starts(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage)
    storage.delete_schedule("report")

    clock.move_to(NOON + HOUR)
    worker.act()

    assert made(storage) == [] and storage.schedules() == []
    ticking(storage)
    assert stored(storage).next == NOON + 2 * HOUR


def test_a_look_at_what_is_not_due_asks_the_calendar_once(storage: Any, clock: AtNoon) -> None:
    asked = 0

    class Counting(Every):
        def next(self, after: datetime) -> datetime | None:
            nonlocal asked
            asked += 1
            return super().next(after)

    worker = ticking(storage, schedule(Counting(3600)))
    before = asked
    for seconds in range(0, 600, 5):
        clock.move_to(NOON + timedelta(seconds=seconds))
        worker.act()

    assert asked == before


# --- many workers ---------------------------------------------------------------------------------


class ReadTogether:
    """A storage as one of many workers sees it: in each round, all have read what is due before one of them acts."""

    def __init__(self, storage: Any, barrier: threading.Barrier) -> None:
        self._storage = storage
        self._barrier = barrier
        self.is_first = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def schedules(self) -> list[ScheduleEntry]:
        entries: list[ScheduleEntry] = self._storage.schedules()
        if self.is_first:
            self.is_first = False
            self._barrier.wait(30)
        return entries


def test_of_many_workers_that_tick_at_once_exactly_one_makes_the_job(storage: Any, clock: AtNoon) -> None:
    barrier = threading.Barrier(8)
    views = [ReadTogether(storage, barrier) for _ in range(8)]
    workers = [ticking(view) for view in views]

    with ThreadPoolExecutor(8) as pool:
        for hours in range(1, 21):
            clock.move_to(NOON + hours * HOUR)
            for view in views:
                view.is_first = True
            list(pool.map(act, workers))

    assert made(storage) == [NOON + hours * HOUR for hours in range(1, 21)]


def test_of_many_workers_that_catch_up_at_once_each_tick_is_made_once(storage: Any, clock: AtNoon) -> None:
    workers = [ticking(storage, schedule(Every(60), "all")) for _ in range(4)]
    clock.move_to(NOON + 150 * MINUTE)

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(act, workers))

    assert sorted(made(storage)) == [NOON + number * MINUTE for number in range(1, 151)]


def test_a_newer_worker_takes_a_schedule_over_and_the_old_one_ticks_no_more(
    storage: Any, clock: AtNoon, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = ticking(storage, schedule(job=Job("report", ("old",))))
    new = ticking(storage, schedule(Cron("30 * * * *"), job=Job("report", ("new",))))

    for minutes in range(0, 150, 10):
        clock.move_to(NOON + minutes * MINUTE)
        old.act()
        new.act()

    jobs = storage.find(Query())
    assert [job.args for job in jobs] == [("new",), ("new",)]
    assert made(storage) == [NOON + 0.5 * HOUR, NOON + 1.5 * HOUR]
    assert caplog.text.count("schedule report was declared anew by another worker") == 1


def test_a_schedule_that_its_newer_worker_abandoned_is_taken_back(storage: Any, clock: AtNoon) -> None:
    old = ticking(storage, schedule(job=Job("report", ("old",))))
    ticking(storage, schedule(job=Job("report", ("new",))))  # and is stopped again

    clock.move_to(NOON + HOUR + timedelta(seconds=50))
    old.act()
    assert made(storage) == []
    clock.move_to(NOON + HOUR + timedelta(seconds=70))
    old.act()

    assert [job.args for job in storage.find(Query())] == [("old",)]
    assert made(storage) == [NOON + HOUR]


def test_a_tick_that_comes_due_during_a_deployment_is_not_forgotten(storage: Any, clock: AtNoon) -> None:
    ticking(storage, schedule(job=Job("report", ("old",))))
    clock.move_to(NOON + HOUR + 10 * MINUTE)

    act(ticking(storage, schedule(job=Job("report", ("new",)))))

    assert [job.args for job in storage.find(Query())] == [("new",)]
    assert made(storage) == [NOON + HOUR]


def test_what_no_worker_declares_is_left_alone(storage: Any, clock: AtNoon) -> None:
    foreign = ScheduleEntry("foreign", "whatever", NOON + HOUR)
    storage.put_schedule(foreign)
    worker = ticking(storage)
    clock.move_to(NOON + 10 * HOUR)

    act(worker)

    assert foreign in storage.schedules()
    assert {job.func_name for job in storage.find(Query())} == {"report"}


# --- outages --------------------------------------------------------------------------------------


def away(storage: ClaimStorage, *methods: str) -> None:
    """The storage doesn't answer, until `back`."""

    def refuse(*_: object, **__: object) -> Sequence[object]:
        raise StorageUnavailable("the server is being restarted")

    for method in methods:
        setattr(storage, method, refuse)


def back(storage: ClaimStorage) -> None:
    for method in [name for name in vars(storage) if not name.startswith("_") and callable(getattr(storage, name))]:
        if getattr(storage, method).__name__ == "refuse":
            delattr(storage, method)


@pytest.mark.parametrize("method", ["schedules", "put_schedule", "fire"])
def test_an_outage_is_said_once_and_survived(
    storage: Any, clock: AtNoon, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    ticking(storage)
    rounds = Rounds([Ticking(storage, [schedule()], Report("w1", Hooks()))], Report("w1", Hooks()))
    clock.move_to(NOON + HOUR)
    away(storage, method)

    waits = []
    for _ in range(5):
        waits.append(rounds.go())
        rounds.look_again()
    assert made(storage) == []
    back(storage)
    rounds.go()

    assert made(storage) == [NOON + HOUR]
    assert waits == pytest.approx([0.5, 1, 2, 4, 5], abs=0.5)
    assert caplog.text.count("wait for the storage (StorageUnavailable: the server is being restarted)") == 1


def test_a_reply_that_was_lost_makes_no_second_job(storage: Any, clock: AtNoon) -> None:
    worker = ticking(storage)
    clock.move_to(NOON + HOUR)
    fire = storage.fire

    def lose_reply(*words: Any) -> bool:
        fire(*words)
        raise StorageUnavailable("the reply was lost")

    storage.fire = lose_reply
    with pytest.raises(StorageUnavailable):
        worker.act()
    del storage.fire
    worker.act()

    assert made(storage) == [NOON + HOUR]
