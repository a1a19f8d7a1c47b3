"""SCHEDULES: of many workers, exactly one makes the job of a tick."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pinion.clock import as_microseconds
from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses_calls
from pinion.conformance.cases.waits import wait_for_a_job
from pinion.conformance.interleaving import Scene, meetings
from pinion.conformance.trial import SOON, Trial, names
from pinion.errors import InvalidJob
from pinion.job import Job
from pinion.storage import Promise, ScheduleEntry

__all__ = ["cases"]

cases = chapter(Promise.SCHEDULES)
PROCESSES = 3
THREADS = 8


def _stored(trial: Trial, name: str = "nightly", of: Any = None) -> datetime:
    """A schedule that is due at that moment; it may be years ago, which the storage leaves to its caller."""
    due = trial.moment(-3600)
    (of or trial.schedules).put_schedule(ScheduleEntry(name, "definition", due))
    return due


def _expect_listed(trial: Trial, wanted: Sequence[ScheduleEntry], because: str, of: Any = None) -> None:
    told = (of or trial.schedules).schedules()
    expect(told == list(wanted), f"{because}; schedules() must tell {list(wanted)}, but told {told}")


@cases("schedules.put")
def put(trial: Trial) -> None:
    """What is put is told, exactly; the answer is what is stored."""
    _expect_listed(trial, [], "nothing was put")
    entries = [
        ScheduleEntry("a", '{"text": "ne\\u0000in \U0001f400\n"}', trial.moment(0.000001)),
        ScheduleEntry("b %", "", None, trial.moment(-1)),
    ]
    for entry in entries:
        got = trial.schedules.put_schedule(entry)
        expect(got == entry, f"{entry} was put for the first time; put_schedule answered {got}")
    _expect_listed(trial, entries, "two schedules were put")


@cases("schedules.order")
def order(trial: Trial) -> None:
    """schedules tells all of them, in the order of their names; small and capital letters differ."""
    wanted = ["A", "B", "a", *(f"n{number:02}" for number in range(12))]
    for name in trial.random.sample(wanted, len(wanted)):
        _stored(trial, name)
    told = [entry.name for entry in trial.schedules.schedules()]
    expect(told == wanted, f"schedules must be told in the order {wanted}, but were told as {told}")


@cases("schedules.fire")
def fire(trial: Trial) -> None:
    """A schedule that is due at the moment expected is set to the next, and its jobs are there."""
    due, later = _stored(trial), trial.moment(0.000001)
    fired = trial.schedules.fire("nightly", due, later, [Job("one", (1,)), Job("two")])
    expect(fired is True, f"the schedule is due at that moment; fire must answer True, but answered {fired!r}")
    _expect_listed(trial, [ScheduleEntry("nightly", "definition", later, due)], "a schedule was fired")
    came = trial.take(10)
    expect(names(came) == "one, two", f"a schedule was fired with the jobs one and two; a claim got {names(came)}")
    expect(came[0].args == (1,), f"the job one was to be called with (1,), and came with {came[0].args}")


@cases("schedules.fire_once")
def fire_once(trial: Trial) -> None:
    """One that is due at any other moment, or isn't there, makes no job: fire answers False, and nothing changes."""
    due, later = _stored(trial), trial.moment(7200)
    trial.schedules.fire("nightly", due, later, [Job("right")])
    micro = timedelta(microseconds=1)
    for name, moment in (
        ("nightly", due), ("nightly", later - micro), ("nightly", later + micro), ("Nightly", later), ("", later),
    ):  # fmt: skip
        fired = trial.schedules.fire(name, moment, trial.moment(9), [Job("wrong")])
        expect(fired is False, f"nightly is due at {later}; firing {name!r} at {moment} answered {fired!r}")
    _expect_listed(trial, [ScheduleEntry("nightly", "definition", later, due)], "one fire counted, and others didn't")
    came = names(trial.take(10))
    expect(came == "right", f"one fire counted, and others didn't; a claim got {came}")


@cases("schedules.last_tick")
def last_tick(trial: Trial) -> None:
    """A schedule that is never due again stays, and doesn't fire; one may fire without making a job."""
    due = _stored(trial)
    fired = trial.schedules.fire("nightly", due, None, [])
    expect(fired is True, f"a schedule was fired for the last time, without a job; the answer was {fired!r}")
    fired = trial.schedules.fire("nightly", due, None, [Job("wrong")])
    expect(fired is False, f"a schedule is never due again; firing it answered {fired!r}")
    _expect_listed(trial, [ScheduleEntry("nightly", "definition", None, due)], "a schedule is never due again")
    trial.expect_none("no job was made")


@cases("schedules.put_again")
def put_again(trial: Trial) -> None:
    """A schedule that is put again with the same definition stays as it is, and the answer tells how."""
    due, later = _stored(trial), trial.moment(7200)
    trial.schedules.fire("nightly", due, later, [])
    kept = ScheduleEntry("nightly", "definition", later, due)
    for moment in (due, trial.moment(9), None):
        got = trial.schedules.put_schedule(ScheduleEntry("nightly", "definition", moment))
        expect(got == kept, f"{kept} is stored, and was put again; put_schedule answered {got}")
    _expect_listed(trial, [kept], "a schedule was put again with the same definition")


@cases("schedules.replace")
def replace(trial: Trial) -> None:
    """A schedule of another definition replaces the one of its name, and keeps when it last fired."""
    due = _stored(trial)
    trial.schedules.fire("nightly", due, trial.moment(7200), [])
    new = ScheduleEntry("nightly", "Definition", trial.moment(5), trial.moment(-9))
    kept = ScheduleEntry("nightly", "Definition", new.next, due)
    got = trial.schedules.put_schedule(new)
    expect(got == kept, f"a schedule was replaced by another definition; the answer must be {kept}, but is {got}")
    _expect_listed(trial, [kept], "a schedule was replaced by another definition")


@cases("schedules.delete")
def delete(trial: Trial) -> None:
    """A schedule that is deleted is gone, its jobs stay, and it no longer fires; the answer tells whether there was one."""
    due, _ = _stored(trial), _stored(trial, "other")
    trial.schedules.fire("nightly", due, due, [Job("tick")])
    got = [trial.schedules.delete_schedule(name) for name in ("nightly", "nightly", "", "othe_")]
    expect(
        got == [True, False, False, False], f"one schedule was deleted, and three that aren't there; it answered {got}"
    )
    fired = trial.schedules.fire("nightly", due, None, [Job("wrong")])
    expect(fired is False, f"a schedule was deleted; firing it must answer False, but answered {fired!r}")
    told = [entry.name for entry in trial.schedules.schedules()]
    expect(told == ["other"], f"of nightly and other, nightly was deleted; schedules() told {told}")
    came = names(trial.take(10))
    expect(came == "tick", f"a schedule made a job and was deleted; a claim got {came}")


@cases("schedules.time_zones")
def time_zones(trial: Trial) -> None:
    """A moment is the same in every time zone."""
    due, later, zone = _stored(trial), trial.moment(9), timezone(timedelta(hours=5, minutes=45))
    fired = trial.schedules.fire("nightly", due.astimezone(zone), later.astimezone(zone), [])
    expect(fired is True, f"a schedule is due at {due}, which was told in another time zone; fire answered {fired!r}")
    fired = trial.schedules.fire("nightly", later, None, [])
    expect(fired is True, f"a schedule's next moment was told in another time zone; then fire answered {fired!r}")


@cases("schedules.refused_job")
def refused_job(trial: Trial) -> None:
    """A job that can't be stored is refused, and the schedule is still due."""
    due = _stored(trial)
    for job in (Job("task", (object(),)), Job("task", priority="high")):  # type: ignore[arg-type]  # as the caller might
        try:
            got = trial.schedules.fire("nightly", due, None, [Job("first"), job])
        except InvalidJob:
            continue
        raise Broken(f"a schedule was fired with a job that can't be stored; fire must raise, but answered {got!r}")
    _expect_listed(trial, [ScheduleEntry("nightly", "definition", due)], "a job was refused")
    trial.expect_none("a job was refused, and so the schedule didn't fire")


@cases("schedules.same_id")
def same_id(trial: Trial) -> None:
    """A job whose id is stored already doesn't disturb the others, nor the schedule."""
    [known] = trial.put("known")
    due = _stored(trial)
    fired = trial.schedules.fire("nightly", due, None, [Job("again", id=known.id), Job("other")])
    expect(fired is True, f"the schedule is due at that moment; fire must answer True, but answered {fired!r}")
    came = names(trial.take(10))
    expect(came == "known, other", f"a schedule was fired with a known job and another; a claim got {came}")


@cases("schedules.key", besides=(Promise.UNIQUE,))
def key(trial: Trial) -> None:
    """A job whose key is held isn't stored, which doesn't disturb the others, nor the schedule."""
    trial.put("holder", unique_key="key")
    due = _stored(trial)
    fired = trial.schedules.fire("nightly", due, None, [Job("held", unique_key="key"), Job("other")])
    expect(fired is True, f"the schedule is due at that moment; fire must answer True, but answered {fired!r}")
    came = names(trial.take(10))
    expect(
        came == "holder, other",
        f"a schedule was fired with two jobs, the first of whose keys is held; a claim got {came}",
    )
    _expect_listed(trial, [ScheduleEntry("nightly", "definition", None, due)], "a schedule was fired")


@cases("schedules.wakes", real_time=True)
def wakes(trial: Trial) -> None:
    """The jobs of a tick end a wait."""
    due = _stored(trial)
    waiting = trial.start(wait_for_a_job, trial, 4.0)
    expect(not waiting.is_done(0.1), "nothing is claimable, but the storage handed out a job")
    trial.schedules.fire("nightly", due, None, [Job("tick")])
    waiting.result(SOON, "wait(None, 4), while a schedule was fired,")


@cases("schedules.race")
def race(trial: Trial) -> None:
    """However two workers take turns, one of them fires, and one job is made."""
    for met in meetings(trial, lambda: _two_fires(trial)):
        because = f"as one fire paused {met.stop}, another ran"
        answers = [met.first, met.second]
        expect(sorted(answers) == [False, True], f"{because}; one must answer True, but they answered {answers}")
        came = names(trial.take(10, of=met.storage))
        wanted = "first" if met.first else "second"
        expect(came == wanted, f"{because}; {wanted} counts, but a claim got {came}")


def _two_fires(trial: Trial) -> Scene:
    storage = trial.fresh()
    due = _stored(trial, of=storage)
    one, two = trial.moment(3600), trial.moment(7200)
    return Scene(
        storage,
        lambda: storage.fire("nightly", due, one, [Job("first")]),
        lambda: storage.fire("nightly", due, two, [Job("second")]),
    )


@cases("schedules.threads")
def threads(trial: Trial) -> None:
    """Of many threads that fire every tick, each tick has one that does, and makes one job."""
    start = _stored(trial)
    ticks = [start + timedelta(seconds=number) for number in range(20)]
    racing = [trial.start(_fire_all, trial, ticks) for _ in range(THREADS)]
    fired = [racer.result(4.0, "firing 20 ticks") for racer in racing]
    _expect_each_once(trial, f"{THREADS} threads", fired)


def _fire_all(trial: Trial, ticks: list[datetime]) -> list[bool]:
    fired = []
    for number, tick in enumerate(ticks):
        jobs = [Job(f"tick-{number}")]
        fired.append(trial.schedules.fire("nightly", tick, tick + timedelta(seconds=1), jobs))
        trial.progress()
    return fired


@cases("schedules.processes", real_time=True, besides=(Promise.SHARED,))
def processes(trial: Trial) -> None:
    """Of many processes that fire every tick, each tick has one that does, and makes one job."""
    trial.check_reopens(Promise.SHARED)
    start = _stored(trial)
    racing = [
        trial.process("fire_all", name="nightly", start=as_microseconds(start), count=15) for _ in range(PROCESSES)
    ]
    for process in racing:
        process.line()
    for process in racing:
        process.say()
    fired = [process.line()["fired"] for process in racing]
    expect({len(answers) for answers in fired} == {15}, f"{PROCESSES} processes were to fire 15 ticks each")
    _expect_each_once(trial, f"{PROCESSES} processes", fired)


def _expect_each_once(trial: Trial, racers: str, fired: list[list[bool]]) -> None:
    """fired: for each racer, which ticks it was that fired, in their order."""
    each = [sum(answers) for answers in zip(*fired, strict=True)]
    told = f"{racers} fired {len(each)} ticks"
    expect(each == [1] * len(each), f"{told}; the ticks were fired so many times: {each}")
    came = [job.func_name for job in trial.take(1000)]
    expect(
        sorted(came) == sorted(f"tick-{number}" for number in range(len(each))),
        f"{told}; {len(came)} jobs of {len(set(came))} ticks were made",
    )


@cases("schedules.survives", besides=(Promise.DURABLE,))
def survives(trial: Trial) -> None:
    """Schedules survive closing and opening again."""
    trial.check_reopens(Promise.DURABLE)
    due, later = _stored(trial), trial.moment(7200)
    trial.schedules.fire("nightly", due, later, [])
    kept = ScheduleEntry("nightly", "definition", later, due)
    trial.claims.close()
    again = trial.open()
    _expect_listed(trial, [kept], "a schedule was fired, and the storage closed and opened again", of=again)
    fired = again.fire("nightly", later, None, [])
    expect(fired is True, f"a schedule survived; firing it answered {fired!r}")


@cases("schedules.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, there are no schedules: the methods are absent, or raise Unsupported."""
    due = trial.moment(-3600)
    refuses_calls(
        trial,
        Promise.SCHEDULES,
        {
            "put_schedule": (ScheduleEntry("nightly", "definition", due),),
            "schedules": (),
            "delete_schedule": ("nightly",),
            "fire": ("nightly", due, None, [Job("wrong")]),
        },
    )
    trial.expect_none("what isn't promised must change nothing")
