"""SHARED: several processes may open it at once, and see one queue. The processes are real; so is time."""

import os

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.process import Process
from pinion.conformance.trial import SOON, Trial, names
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Inserted, Promise, Settled

__all__ = ["cases"]

cases = chapter(Promise.SHARED)
PROCESSES = 3


@cases("shared.can_be_tested", real_time=True)
def can_be_tested(trial: Trial) -> None:
    """A storage that promises SHARED can be opened twice: by a URL with {tmp} or {unique}, or by a factory with a directory."""
    trial.check_reopens(Promise.SHARED)


@cases("shared.two_objects", real_time=True)
def two_objects(trial: Trial) -> None:
    """Two objects opened at one place see each other's jobs, claims and settlements at once."""
    other = trial.open()
    trial.put("one")
    job = trial.take_one(of=other)
    trial.expect_none("another object holds the job")
    trial.settle(job, Done(), of=other)
    trial.put("two", into=other)
    size = trial.claims.size()
    expect(size == 1, f"another object settled 'one' and inserted 'two', so size() must be 1, but is {size}")
    came = names(trial.take(10))
    expect(came == "two", f"another object settled 'one' and inserted 'two'; a claim here got {came}")


@cases("shared.close", real_time=True)
def close(trial: Trial) -> None:
    """Closing one object hurts no other at the same place."""
    other = trial.open()
    trial.put("one", into=other)
    other.close()
    trial.put("two")
    came = names(trial.take(10))
    expect(came == "one, two", f"another object inserted 'one' and was closed, 'two' came after; a claim got {came}")


@cases("shared.other_process", real_time=True)
def other_process(trial: Trial) -> None:
    """A job that another process inserted is there when it says so."""
    process = _ready(trial.process("insert_when_told", anew=True))
    for number in range(3):
        process.say()
        process.line()
        came = trial.take(10)
        expect(len(came) == 1, f"another process inserted job {number + 1}, but a claim here got {len(came)} jobs")


@cases("shared.exactly_once", real_time=True)
def exactly_once(trial: Trial) -> None:
    """Among processes that claim at once, every job goes to exactly one."""
    sent = {job.id for job in _inserted(trial, 180)}
    claiming = [_ready(trial.process("claim_all", at=0.0, limit=limit)) for limit in (1, 2, 5)]
    for process in claiming:
        process.say()
    got = [job_id for process in claiming for job_id in process.rows()[-1]["got"]]
    twice = len(got) - len(set(got))
    expect(twice == 0, f"{PROCESSES} processes claimed {len(sent)} jobs; {twice} of them went to more than one")
    missing = len(sent - set(got))
    expect(missing == 0, f"{PROCESSES} processes claimed {len(sent)} jobs until nothing was left; {missing} never came")


def _inserted(trial: Trial, count: int) -> list[Job]:
    jobs = [Job("task", (number,)) for number in range(count)]
    trial.claims.insert(jobs)
    return jobs


@cases("shared.contention", real_time=True)
def contention(trial: Trial) -> None:
    """Processes that insert, claim and settle at once never get an error for it, and nothing is lost."""
    working = [_ready(trial.process("produce_and_consume", count=40)) for _ in range(PROCESSES)]
    for process in working:
        process.say()
    said = [process.rows()[-1] for process in working]
    inserted = [job_id for row in said for job_id in row["inserted"]]
    got = [job_id for row in said for job_id in row["got"]] + [job.id for job in trial.take(1000)]
    expect(
        len(got) == len(set(got)),
        f"{PROCESSES} processes inserted and claimed; {len(got) - len(set(got))} jobs came twice",
    )
    missing = len(set(inserted) - set(got))
    expect(missing == 0, f"{PROCESSES} processes inserted {len(inserted)} jobs and claimed; {missing} never came")


@cases("shared.one_job", real_time=True)
def one_job(trial: Trial) -> None:
    """A job that several processes insert at once under one id is stored once."""
    inserting = [_ready(trial.process("insert_when_told", job_id="the-one")) for _ in range(PROCESSES)]
    for process in inserting:
        process.say()
    answers = sorted(process.line()["inserted"] for process in inserting)
    wanted = [Inserted.NEW.name] + [Inserted.SAME_ID.name] * (PROCESSES - 1)
    expect(answers == sorted(wanted), f"{PROCESSES} processes inserted one job at once; the answers were {answers}")
    came = len(trial.take(10))
    expect(came == 1, f"{PROCESSES} processes inserted one job at once; a claim got {came}")


@cases("shared.open_together", real_time=True)
def open_together(trial: Trial) -> None:
    """Processes that open a new storage at the same moment all get it, and none undoes what another did."""
    place = trial.elsewhere()
    opening = [_ready(trial.process("open_together", place)) for _ in range(PROCESSES)]
    for process in opening:
        process.say()
    for process in opening:
        expect(process.rows() == [{"inserted": True}], "a process opened a new storage and could not insert a job")
    came = trial.take(10, of=trial.open(place))
    expect(
        len(came) == PROCESSES,
        f"{PROCESSES} processes opened a new storage at once and inserted a job each; {len(came)} are there",
    )


@cases("shared.killed_holder", real_time=True)
def killed_holder(trial: Trial) -> None:
    """The job of a process that was killed by SIGKILL is claimable when its lease has run out, and others at once."""
    trial.put("held", "other")
    holder = trial.process("hold", lease=2 * trial.lease)
    held = holder.line()["id"]
    holder.kill()
    came = names(trial.take(10))
    expect(
        came == "other", f"a process was killed while it held a job, whose lease has not run out; a claim got {came}"
    )
    trial.elapse(2 * trial.lease + trial.margin)
    job = trial.take_one()
    expect(job.id == held, "a process was killed while it held a job; when its lease had run out, another came")
    expect(
        (job.attempts, job.lost) == (2, 1), f"attempts and lost must be 2 and 1, but are {job.attempts} and {job.lost}"
    )


@cases("shared.late_holder", real_time=True)
def late_holder(trial: Trial) -> None:
    """A process that froze past its lease learns that it lost its job, and changes nothing."""
    trial.put("task")
    frozen = trial.process("settle_late", lease=0.2)
    frozen.line()
    trial.elapse(0.3)
    job = trial.take_one()
    frozen.say()
    said = frozen.line()
    expect(said == {"extended": "LOST", "settled": "LOST"}, f"a process lost its job to another; it was told {said}")
    expect(
        trial.settle(job, Done()) is Settled.SETTLED,
        "a late settlement by another process took the job from its holder",
    )


@cases("shared.wakes", real_time=True)
def wakes(trial: Trial) -> None:
    """A wait finds the job that another process inserts, in good time."""
    process = _ready(trial.process("insert_when_told"))
    waiting = trial.start(trial.storage.dequeue, 10.0)
    expect(not waiting.is_done(0.2), "nothing was inserted, but dequeue(10) returned")
    process.say()
    job = waiting.result(SOON, "dequeue(10), while another process inserted a job,")
    expect(job is not None, "another process inserted a job while dequeue(10) waited, and it returned None")


@cases("shared.fork", real_time=True)
def fork(trial: Trial) -> None:
    """A process that forked can go on using the storage, and so can its child."""
    [said] = trial.process("use_after_fork").rows()
    expect(
        os.waitstatus_to_exitcode(said["status"]) == 0,
        f"a child that was forked ended with the status {said['status']}",
    )
    expect(
        not said["child"].startswith("error"), f"in a child that was forked, {said['child'].removeprefix('error: ')}"
    )
    got = [*said["parent"], *said["child"].split(), *said["after"], *(job.func_name for job in trial.take(100))]
    expect(len(got) == len(set(got)), f"a process and its child claimed jobs, and some came twice: {sorted(got)}")
    expect(len(got) == 11, f"a process and its child inserted 11 jobs, and claimed {len(got)} of them")


def _ready(process: Process) -> Process:
    process.line()
    return process
