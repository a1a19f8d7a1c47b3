"""CLAIMS: what a ClaimStorage is, and claiming. How claims end is in `settling`, and how they run out in `leases`."""

from typing import Any

from pinion.codec import JsonCodec
from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.interleaving import interleave, stops
from pinion.conformance.trial import WORKER, Trial, claim_of, names
from pinion.errors import UndecodableJob
from pinion.job import Job, Status
from pinion.outcome import Done, Released
from pinion.storage import (
    ClaimRequest,
    Exchange,
    Inspects,
    Promise,
    Query,
    Settled,
    Settlement,
    Signal,
    check_spi_version,
)

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("claim.declares")
def declares(trial: Trial) -> None:
    """A ClaimStorage says for which version of the interface it was built, and promises what this version knows."""
    check_spi_version(trial.claims)
    unknown = sorted(str(each) for each in trial.claims.promises if not isinstance(each, Promise))
    expect(not unknown, f"promises must hold members of Promise, but holds {unknown}")
    inspects, promised = isinstance(trial.claims, Inspects), Promise.INSPECTS in trial.claims.promises
    expect(
        inspects == promised, "who promises INSPECTS inherits Inspects, and the other way round; here only one is so"
    )


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


@cases("claim.undecodable", codec=True)
def undecodable(trial: Trial) -> None:
    """A stored job that can't be decoded is settled FAILED, alone; the others are claimed."""
    storage = trial.open(trial.elsewhere(), codec=_Forgetful())
    [_, poison, _] = trial.put("one", "poison", "two", into=storage, args=("text",))
    jobs = trial.take(10, of=storage) + trial.take(10, of=storage)
    expect(names(jobs) == "one, two", f"the second of three jobs can't be decoded; two claims got {names(jobs)}")
    trial.expire()
    for job in jobs:
        trial.settle(job, Done(), of=storage)
    trial.expect_none("two jobs are done, and one can't be decoded", of=storage)
    if isinstance(storage, Inspects):
        shown = storage.get(poison.id)
        expect(shown.status is Status.FAILED, f"a job that can't be decoded must be FAILED, but is {shown.status}")
        kind = shown.error.type if shown.error else None
        expect(kind == "pinion.errors.UndecodableJob", f"it must have the error UndecodableJob, but has {kind}")
        listed = [job.id for job in storage.find(Query())]
        expect(poison.id in listed, "find must list a job that can't be decoded")


class _Forgetful(JsonCodec):
    """Knows no more what every second call was."""

    name = "forgetful"

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        self._calls += 1
        return super().encode_call(("gone", *args), kwargs) if self._calls == 2 else super().encode_call(args, kwargs)

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = super().decode_call(text)
        if args[:1] == ("gone",):
            raise UndecodableJob("the second call can't be decoded")
        return args, kwargs


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
    kept = (again.func_name, again.args, again.kwargs, again.attempts, again.failures, dict(again.headers))
    expect(
        kept == ("task", ([1],), {"key": [1]}, 2, 0, {}),
        f"the holder changed its Job, and what is stored changed too: {kept}; hand out copies",
    )


@cases("claim.race")
def race(trial: Trial) -> None:
    """However two claims take turns, no job goes to both, and none is lost."""
    for jobs in (1, 2):
        for stop in stops(trial, lambda storage: trial.take(of=storage), jobs=jobs):
            storage = trial.fresh()
            trial.put(*("one", "two")[:jobs], into=storage)
            first, second = interleave(trial, stop, lambda: trial.take(of=storage), lambda: trial.take(of=storage))
            came = sorted(job.func_name for job in (*first, *second, *trial.take(10, of=storage)))
            expect(
                came == ["one", "two"][:jobs],
                f"of two threads, one paused in a claim {stop} while the other claimed; of {jobs} jobs they got {came}",
            )


@cases("claim.race_with_settling")
def race_with_settling(trial: Trial) -> None:
    """However a late settlement and another worker's claim take turns, exactly one of them gets the job."""
    for stop in stops(trial, lambda storage: _settle_first(trial, storage), jobs=1):
        storage, job = _lost_lease(trial)
        settled, claimed = interleave(
            trial, stop, lambda: trial.settle(job, Done(), of=storage), lambda: trial.take(of=storage)
        )
        expect(
            (settled is Settled.SETTLED) != bool(claimed),
            f"as a late settlement paused {stop}, another worker claimed: the settlement was {settled.name}, "
            f"and the claim got {names(claimed)}",
        )


def _settle_first(trial: Trial, storage: Any) -> None:
    trial.settle(trial.take_one(of=storage), Done(), of=storage)


@cases("claim.race_with_extending")
def race_with_extending(trial: Trial) -> None:
    """However a late extension and another worker's claim take turns, exactly one of them gets the job."""
    for stop in stops(trial, lambda storage: _extend_first(trial, storage), jobs=1):
        storage, job = _lost_lease(trial)
        signals, claimed = interleave(
            trial, stop, lambda: storage.extend([claim_of(job)], 600.0), lambda: trial.take(of=storage)
        )
        expect(
            (signals[0] is Signal.LOST) == bool(claimed),
            f"as a late extension paused {stop}, another worker claimed: the extension was {signals[0].name}, "
            f"and the claim got {names(claimed)}",
        )


def _extend_first(trial: Trial, storage: Any) -> None:
    storage.extend([claim_of(trial.take_one(of=storage))], 600.0)


def _lost_lease(trial: Trial) -> tuple[Any, Job]:
    storage = trial.fresh()
    trial.put("task", into=storage)
    seconds = trial.lease if trial.clock else 0.02
    job = trial.take_one(lease=seconds, of=storage)
    trial.elapse(seconds + 0.001)
    return storage, job
