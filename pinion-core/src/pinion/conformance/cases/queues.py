"""QUEUES: jobs go into named queues, and a claim may name those it wants."""

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses
from pinion.conformance.cases.waits import wait_for_a_job
from pinion.conformance.trial import SOON, Trial, claim_of, names
from pinion.job import DEFAULT_QUEUE, Job, JobError
from pinion.outcome import Done, Released, Retry
from pinion.storage import Promise, Settlement

__all__ = ["cases"]

cases = chapter(Promise.QUEUES)
ALIKE = (
    "mail", "Mail", "MAIL", "mail ", " mail", "mail.high", "mail:high", "mail/high", "mail_high", "mail-high", "mai_",
    "mail%", "%", "_", "*", "?", "[a-z]", "'", '"', "\\", "..", "../mail", "/mail", ";--", "mäil", "ma\u0308il", "m\u00e4il ",
    "0", "00", "None", "x" * 254, "x" * 255,
)  # fmt: skip
"""Names that something takes for each other, or for more than a name."""


@cases("queues.only_those")
def only_those(trial: Trial) -> None:
    """A claim that names queues gets jobs of these and no others."""
    for queue in ("a", "b", "c", "b"):
        trial.put(f"of {queue}", queue=queue)
    came = sorted(job.queue for job in trial.take(10, queues=["a", "c"]))
    expect(came == ["a", "c"], f"the queues a and c were wanted; jobs of {came} came")
    came = sorted(job.queue for job in trial.take(10, queues=["b"]))
    expect(came == ["b", "b"], f"the queue b was wanted; jobs of {came} came")


@cases("queues.unknown")
def unknown(trial: Trial) -> None:
    """A claim from a queue that holds nothing gets nothing, and is no error."""
    trial.put("task")
    trial.expect_none("the queue is empty", queues=["empty"])
    trial.expect_none("the queue is empty", queues=["empty", "too"])


@cases("queues.all")
def everything(trial: Trial) -> None:
    """A claim that names no queues gets jobs of all."""
    trial.put("one", queue="a")
    trial.put("two")
    trial.put("three", queue="b")
    came = sorted(job.func_name for job in trial.take(10)) + sorted(job.func_name for job in trial.take(10))
    expect(
        sorted(came) == ["one", "three", "two"], f"jobs wait in three queues; two claims from all of them got {came}"
    )


@cases("queues.default")
def default(trial: Trial) -> None:
    """A job that names no queue is in the default one."""
    trial.put("task")
    trial.put("other", queue="other")
    came = names(trial.take(10, queues=[DEFAULT_QUEUE]))
    expect(came == "task", f"a claim from {DEFAULT_QUEUE!r} got {came}")


@cases("queues.names")
def queue_names(trial: Trial) -> None:
    """Queues whose names look alike, or look like a pattern or a path, are different queues."""
    trial.claims.insert([Job("task", (queue,), queue=queue) for queue in ALIKE])
    for queue in ALIKE:
        came = [(job.queue, job.args) for job in trial.take(100, queues=[queue])]
        expect(came == [(queue, (queue,))], f"one job is in the queue {queue!r:.40}; a claim from it got {came!r:.200}")


@cases("queues.order")
def order(trial: Trial) -> None:
    """Each queue has its own order."""
    for number in range(6):
        trial.put(f"{number}", queue="ab"[number % 2])
    for queue, wanted in {"b": "1, 3, 5", "a": "0, 2, 4"}.items():
        came = names(trial.take(10, queues=[queue]))
        expect(came == wanted, f"the queue {queue} held {wanted}; they came as {came}")


@cases("queues.kept")
def kept(trial: Trial) -> None:
    """A job stays in its queue when it is released, retried or its lease runs out."""
    trial.put("task", queue="mail")
    trial.settle(trial.take(queues=["mail"])[0], Released())
    trial.expect_none("the job is in another queue", queues=[DEFAULT_QUEUE])
    trial.settle(trial.take(queues=["mail"])[0], Retry(0.0, JobError("ValueError")))
    trial.expect_none("the job is in another queue", queues=[DEFAULT_QUEUE])
    trial.take(queues=["mail"])
    trial.expire()
    trial.expect_none("the job is in another queue", queues=[DEFAULT_QUEUE])
    came = trial.take(queues=["mail"])
    expect(len(came) == 1, "the job was released, retried, and its lease ran out; it is no longer in its queue")


@cases("queues.many")
def many(trial: Trial) -> None:
    """Hundreds of queues are no trouble, and every job is found."""
    trial.claims.insert([Job("task", queue=f"queue-{number}") for number in range(400)])
    came = set()
    while jobs := trial.take(100):
        came |= {job.queue for job in jobs}
        trial.claims.exchange([Settlement(claim_of(job), Done()) for job in jobs])
        trial.progress()
    expect(len(came) == 400, f"a job was put in each of 400 queues; jobs of {len(came)} came")


@cases("queues.wait", real_time=True)
def wait(trial: Trial) -> None:
    """A wait for some queues ends when one of them gets a job."""
    trial.put("other", queue="other")
    waiting = trial.start(wait_for_a_job, trial, 4.0, ["a", "b"])
    trial.put("task", queue="b")
    job = waiting.result(SOON, "wait(['a', 'b'], 4), while a job was put in 'b',")
    expect(job.queue == "b", f"the queues a and b were waited for; a job of {job.queue!r} came")


@cases("queues.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, a job for another queue than the default one is refused with Unsupported."""
    refuses(trial, Job("task", queue="mail"))
