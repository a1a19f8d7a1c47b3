"""CONTROLS: queues can be paused and resumed."""

from collections.abc import Callable

from pinion.conformance.broken import expect
from pinion.conformance.case import Level, chapter
from pinion.conformance.cases.waits import wait_for_a_job
from pinion.conformance.trial import SOON, Trial, claim_of, names
from pinion.job import DEFAULT_QUEUE, Job, JobError
from pinion.outcome import Done, Outcome, Released, Retry
from pinion.storage import Promise, Settled, Signal

__all__ = ["cases"]

cases = chapter(Promise.CONTROLS)
ERROR = JobError("ValueError", "no")


@cases("pause.holds")
def holds(trial: Trial) -> None:
    """Of a paused queue no job is handed out, by whatever claim; jobs are still accepted, and wait."""
    trial.put("before")
    trial.controls.pause(DEFAULT_QUEUE)
    trial.put("after")
    paused = trial.controls.paused()
    expect(paused == frozenset({DEFAULT_QUEUE}), f"the queue {DEFAULT_QUEUE!r} is paused; paused() told {paused}")
    trial.expect_none("the queue is paused")
    if trial.facts.makes(Promise.QUEUES):
        trial.expect_none("the queue is paused", queues=[DEFAULT_QUEUE])
    expect(trial.storage.dequeue(0) is None, "the queue is paused, but dequeue(0) handed out a job")
    expect(trial.claims.size() == 2, f"two jobs wait in a paused queue; size() is {trial.claims.size()}")


@cases("pause.running")
def running(trial: Trial) -> None:
    """A pause lets what runs go on; what is given back, or whose lease runs out, stays until the queue is resumed."""
    trial.put("done", "released", "retried", "expired")
    done, released, retried, expired = trial.take(4)
    trial.controls.pause(DEFAULT_QUEUE)
    signals = trial.claims.extend([claim_of(done)], trial.lease)
    expect(signals == [Signal.HELD], f"a job runs in a paused queue; extend was answered {signals}")
    outcomes: tuple[tuple[Job, Outcome], ...] = ((done, Done()), (released, Released()), (retried, Retry(0.0, ERROR)))
    for job, outcome in outcomes:
        settled = trial.settle(job, outcome)
        expect(settled is Settled.SETTLED, f"a job of a paused queue was settled with {outcome}: {settled}")
    trial.expect_none("jobs were given back to a paused queue")
    trial.expire()
    trial.expect_none(f"the lease of {expired.func_name!r} ran out in a paused queue")
    trial.controls.resume(DEFAULT_QUEUE)
    came = sorted(job.func_name for _ in range(3) for job in trial.take(10))
    expect(came == ["expired", "released", "retried"], f"the queue was resumed; claims got {came}")


@cases("pause.order")
def order(trial: Trial) -> None:
    """A pause keeps the places of the jobs."""
    trial.put("one", "two")
    trial.settle(trial.take_one(), Released())
    trial.controls.pause(DEFAULT_QUEUE)
    trial.put("three")
    trial.elapse(0.01)
    trial.controls.resume(DEFAULT_QUEUE)
    trial.put("four")
    came = names(trial.take(10))
    expect(came == "one, two, three, four", f"the queue was paused and resumed; a claim got {came}")


@cases("pause.repeated")
def repeated(trial: Trial) -> None:
    """pause and resume may be repeated, and be of a queue that never held a job; one resume ends any pauses."""
    expect(trial.controls.paused() == frozenset(), f"nothing was paused; paused() told {trial.controls.paused()}")
    trial.controls.resume(DEFAULT_QUEUE)
    for _ in range(2):
        trial.controls.pause(DEFAULT_QUEUE)
        trial.controls.pause("Empty %")
    paused = trial.controls.paused()
    expect(paused == frozenset({DEFAULT_QUEUE, "Empty %"}), f"two queues are paused; paused() told {paused}")
    for _ in range(2):
        trial.controls.resume(DEFAULT_QUEUE)
        paused = trial.controls.paused()
        expect(
            paused == frozenset({"Empty %"}), f"one of two queues was paused twice and resumed; paused() told {paused}"
        )
    trial.put("task")
    came = names(trial.take(10))
    expect(came == "task", f"the queue was paused twice and resumed; a claim got {came}")


@cases("pause.others", besides=(Promise.QUEUES,))
def others(trial: Trial) -> None:
    """A pause is of one queue: others go on, also those whose names differ by case alone."""
    trial.put("paused", queue="mail")
    trial.put("one", queue="Mail")
    trial.put("two", queue="other")
    trial.controls.pause("mail")
    came = sorted(job.func_name for _ in range(3) for job in trial.take(10))
    expect(came == ["one", "two"], f"of the queues mail, Mail and other, mail is paused; claims got {came}")
    trial.expect_none("the only job that is left is in a paused queue", queues=["mail", "other"])
    trial.controls.resume("mail")
    came = sorted(job.func_name for job in trial.take(10, queues=["mail"]))
    expect(came == ["paused"], f"the queue mail was resumed; a claim got {came}")


@cases("pause.resume_wakes", real_time=True)
def resume_wakes(trial: Trial) -> None:
    """Whoever waits learns of a resume at once."""
    trial.put("task")
    trial.controls.pause(DEFAULT_QUEUE)
    waiting = trial.start(wait_for_a_job, trial, 4.0)
    expect(not waiting.is_done(0.1), "the queue is paused, but the storage handed out a job")
    trial.controls.resume(DEFAULT_QUEUE)
    waiting.result(SOON, "wait(None, 4), while the queue was resumed,")


@cases("pause.rests", real_time=True, level=Level.SHOULD)
def rests(trial: Trial) -> None:
    """What waits in a paused queue doesn't end a wait again and again, so that a worker rests."""
    trial.put("waiting", "expired")
    [_] = trial.take(1, lease=0.05)
    trial.controls.pause(DEFAULT_QUEUE)
    returns = _returns(trial, lambda: trial.claims.wait(None, 0.5), 0.5)
    expect(returns <= 100, f"the only queue is paused, and in half a second wait(None, 0.5) returned {returns} times")


def _returns(trial: Trial, call: Callable[[], None], seconds: float) -> int:
    began, returns = trial.now(), 0
    while trial.now() - began < seconds:
        call()
        returns += 1
    return returns


@cases("pause.shared", besides=(Promise.SHARED,))
def shared(trial: Trial) -> None:
    """A pause holds for every object, and any of them may end it."""
    trial.check_reopens(Promise.SHARED)
    trial.put("task")
    other = trial.open()
    trial.controls.pause(DEFAULT_QUEUE)
    expect(
        other.paused() == frozenset({DEFAULT_QUEUE}), f"another object paused a queue; paused() told {other.paused()}"
    )
    trial.expect_none("another object paused the queue", of=other)
    other.resume(DEFAULT_QUEUE)
    came = names(trial.take(10))
    expect(came == "task", f"another object resumed the queue; a claim got {came}")


@cases("pause.survives", besides=(Promise.DURABLE,))
def survives(trial: Trial) -> None:
    """A pause survives closing and opening again."""
    trial.check_reopens(Promise.DURABLE)
    trial.put("task")
    trial.controls.pause(DEFAULT_QUEUE)
    trial.claims.close()
    again = trial.open()
    trial.expect_none("the queue was paused before it was closed and opened again", of=again)
    again.resume(DEFAULT_QUEUE)
    came = names(trial.take(10, of=again))
    expect(came == "task", f"the queue was resumed after it was opened again; a claim got {came}")
