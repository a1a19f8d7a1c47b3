"""CLAIMS: what a ClaimStorage is, and claiming. How claims end is in `settling`, and how they run out in `leases`."""

from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import WORKER, Trial, claim_of, names
from pinion.job import Status
from pinion.outcome import Released
from pinion.storage import (
    ClaimRequest,
    Controls,
    Exchange,
    Inspects,
    Promise,
    Schedules,
    Settlement,
    Steps,
    Workers,
    check_spi_version,
)

__all__ = ["cases"]

cases = chapter(CLAIMS)
GROUPS = {
    Promise.INSPECTS: Inspects,
    Promise.CONTROLS: Controls,
    Promise.SCHEDULES: Schedules,
    Promise.STEPS: Steps,
    Promise.WORKERS: Workers,
}
NEED_INSPECTS = (Promise.RESULTS, Promise.HISTORY, Promise.CONTROLS, Promise.STEPS)


@cases("claim.declares")
def declares(trial: Trial) -> None:
    """A ClaimStorage says for which version of the interface it was built, and promises what this version knows."""
    check_spi_version(trial.claims)
    unknown = sorted(str(each) for each in trial.claims.promises if not isinstance(each, Promise))
    expect(not unknown, f"promises must hold members of Promise, but holds {unknown}")


@cases("claim.groups")
def groups(trial: Trial) -> None:
    """Who promises a group inherits it, and promises what it can't do without."""
    for promise, group in GROUPS.items():
        if promise in trial.claims.promises:
            expect(isinstance(trial.claims, group), f"who promises {promise} must inherit {group.__name__}")
    for promise in NEED_INSPECTS:
        if promise in trial.claims.promises:
            expect(Promise.INSPECTS in trial.claims.promises, f"who promises {promise} must promise INSPECTS")


@cases("claim.nothing")
def nothing(trial: Trial) -> None:
    """A claim of an empty storage gets no jobs, and an exchange of nothing does nothing."""
    trial.expect_none("nothing was inserted")
    trial.put("task")
    answer = trial.claims.exchange()
    expect(isinstance(answer, Exchange), f"exchange() must return an Exchange, got {type(answer).__name__}")
    expect(answer == ([], []), f"exchange() without a settlement or a claim must answer nothing, got {answer}")
    none = trial.claims.exchange(claim=ClaimRequest(WORKER, 0, trial.lease)).jobs
    expect(none == [], f"a claim of at most 0 jobs got {names(none)}")


@cases("claim.hands_out")
def hands_out(trial: Trial) -> None:
    """A claimed job is RUNNING, has one attempt more and a token, and names the worker."""
    [sent] = trial.put("task", args=(1,), kwargs={"key": "value"})
    [job] = trial.claims.exchange(claim=ClaimRequest("somebody", 1, trial.lease)).jobs
    expect(job.id == sent.id, f"the job {sent.id} was inserted, and {job.id} was claimed")
    expect((job.func_name, job.args, job.kwargs) == ("task", (1,), {"key": "value"}), f"it came as {job!r}")
    expect(job.status is Status.RUNNING, f"a claimed job must be RUNNING, but its status is {job.status!r}")
    expect(job.attempts == 1, f"attempts must be 1 at the first claim, but is {job.attempts}")
    expect(bool(job.token) and isinstance(job.token, str), f"a claimed job must have a token, but has {job.token!r}")
    expect(job.worker == "somebody", f"the claim was made for the worker 'somebody', but the job names {job.worker!r}")


@cases("claim.one_holder")
def one_holder(trial: Trial) -> None:
    """A claimed job is not given to a second worker while its lease lasts."""
    trial.put("task")
    trial.take_one()
    trial.expect_none("the only job is held")
    trial.elapse(trial.lease - 2 * trial.margin)
    trial.expect_none("the only job is held by a claim whose lease has not run out yet")


@cases("claim.limit")
def limit(trial: Trial) -> None:
    """A claim gets as many jobs as it wants if they are there, no more, and none twice."""
    trial.put("one", "two", "three", "four", "five")
    first, second = trial.take(3), trial.take(3)
    expect(len(first) == 3, f"5 jobs are there; a claim of at most 3 got {len(first)}")
    expect(len(second) == 2, f"2 jobs are left; a claim of at most 3 got {len(second)}")
    expect(len({job.id for job in first + second}) == 5, f"5 jobs were claimed as {names(first + second)}")


@cases("claim.new_token")
def new_token(trial: Trial) -> None:
    """Every claim of a job comes with a token that was never used for it before."""
    trial.put("task")
    tokens: list[str | None] = []
    for _ in range(12):
        job = trial.take_one()
        expect(job.token not in tokens, f"claim {len(tokens) + 1} of a job has the token of an earlier claim")
        tokens.append(job.token)
        trial.settle(job, Released())


@cases("claim.snapshot")
def snapshot(trial: Trial) -> None:
    """What happens to a claimed Job changes nothing that is stored."""
    trial.put("task", args=([1],), kwargs={"key": [1]})
    job = trial.take_one()
    claim = claim_of(job)
    job.args[0].append(2)
    job.kwargs["key"].append(2)
    job.headers["new"] = "header"
    job.func_name, job.attempts, job.failures, job.queue = "changed", 7, 7, "changed"
    trial.claims.exchange([Settlement(claim, Released())])
    again = trial.take_one()
    kept = (again.func_name, again.args, again.kwargs, again.attempts, dict(again.headers))
    expect(
        kept == ("task", ([1],), {"key": [1]}, 2, {}),
        f"the holder changed its Job, and what is stored changed too: {kept}; hand out copies",
    )
