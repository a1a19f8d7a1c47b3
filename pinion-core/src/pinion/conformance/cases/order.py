"""CLAIMS: the order within a queue, as far as insertion decides it; priorities and times are in their own files."""

from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial
from pinion.job import Job
from pinion.outcome import Done

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("order.one_moment")
def one_moment(trial: Trial) -> None:
    """Jobs that were inserted at one moment are claimed in the order of their insertion."""
    sent = [f"job-{number}" for number in range(1, 121)]  # as text, 10 comes before 9
    for name in sent:
        trial.put(name, id=f"{trial.random.random()}")  # nor does the order of ids decide
    came = []
    while jobs := trial.take(7):
        came += [job.func_name for job in jobs]
    _same(came, sent)


@cases("order.over_time")
def over_time(trial: Trial) -> None:
    """Jobs that were inserted at different moments, in calls of different sizes, are claimed in that order."""
    sent = []
    for number in range(24):
        batch = [Job(f"{number}.{place}") for place in range(number % 4 + 1)]
        trial.claims.insert(batch)
        sent += [job.func_name for job in batch]
        trial.elapse(trial.random.choice((0.0, 0.000001, 0.001)))
    came = [job.func_name for job in trial.take(1000)]
    _same(came, sent)


@cases("order.while_finishing")
def while_finishing(trial: Trial) -> None:
    """The order holds while earlier jobs are finished, so that nothing is numbered anew."""
    sent, came = [], []
    for number in range(30):
        trial.put(f"{number}.a", f"{number}.b")
        sent += [f"{number}.a", f"{number}.b"]
        if number % 3 == 2:
            for job in trial.take(5):
                came.append(job.func_name)
                trial.settle(job, Done())
    came += [job.func_name for job in trial.take(1000)]
    _same(came, sent)


def _same(came: list[str], sent: list[str]) -> None:
    wrong = next((place for place, (one, other) in enumerate(zip(came, sent, strict=False)) if one != other), len(came))
    expect(
        came == sent,
        f"{len(sent)} jobs were inserted and {len(came)} claimed; place {wrong} was for {sent[wrong:][:1]}, "
        f"but {came[wrong:][:1]} came",
    )
