"""PRIORITY: within a queue, higher priorities are handed out first."""

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses
from pinion.conformance.trial import Trial, names
from pinion.job import Job, JobError
from pinion.outcome import Released, Retry
from pinion.storage import Promise

__all__ = ["cases"]

cases = chapter(Promise.PRIORITY)


@cases("priority.higher_first")
def higher_first(trial: Trial) -> None:
    """Higher priorities are claimed first, negative ones after 0."""
    for priority in (0, 5, -3, 10, -(2**31), 2**31 - 1, 9):
        trial.put(str(priority), priority=priority)
    came = names(trial.take(10))
    wanted = f"{2**31 - 1}, 10, 9, 5, 0, -3, {-(2**31)}"
    expect(came == wanted, f"the priorities came in the order {came}")


@cases("priority.equal")
def equal(trial: Trial) -> None:
    """Among equal priorities, the order of insertion decides."""
    for number in range(20):
        trial.put(f"{number}", priority=number % 2)
    came = [job.func_name for job in trial.take(100)]
    wanted = [f"{number}" for number in (*range(1, 20, 2), *range(0, 20, 2))]
    expect(came == wanted, f"odd numbers have priority 1, even ones 0; they came in the order {came}")


@cases("priority.overtakes")
def overtakes(trial: Trial) -> None:
    """A job of a higher priority overtakes any number of waiting ones."""
    trial.claims.insert([Job(f"low-{number}") for number in range(300)])
    trial.take(10)
    trial.put("high", priority=1)
    came = names(trial.take())
    expect(came == "high", f"300 jobs wait, and one of a higher priority came; a claim got {came}")


@cases("priority.kept")
def kept(trial: Trial) -> None:
    """A job keeps its priority when it is released or retried."""
    trial.put("high", priority=5)
    for outcome in (Released(), Retry(0.0, JobError("ValueError"))):
        trial.settle(trial.take_one(), outcome)
        trial.put("low", priority=1)
        trial.put("lower")
        came = trial.take(100)
        expect(
            came[0].func_name == "high",
            f"after {type(outcome).__name__}, the job of the highest priority came after {names(came)}",
        )
        expect(came[0].priority == 5, f"its priority was 5, and is {came[0].priority}")
        trial.settle(came[0], Released())


@cases("priority.delayed", besides=(Promise.DELAY,))
def delayed(trial: Trial) -> None:
    """A job of a high priority that isn't due yet keeps no other from being claimed."""
    trial.put("later", priority=9, run_at=trial.moment(600))
    trial.put("now")
    came = names(trial.take(10))
    expect(came == "now", f"a job of a high priority is due in ten minutes, another is due now; a claim got {came}")


@cases("priority.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, a job with a priority is refused with Unsupported, and nothing is stored."""
    refuses(trial, Job("task", priority=1))
