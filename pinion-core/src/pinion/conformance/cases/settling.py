"""CLAIMS: how a claim ends: by an outcome, once, and only by whoever holds it."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import WORKER, Trial, claim_of, names
from pinion.errors import ClaimLost
from pinion.job import Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Claim, ClaimRequest, Inserted, Settled, Settlement

__all__ = ["OUTCOMES", "cases"]

cases = chapter(CLAIMS)
ERROR = JobError("ValueError", "no", "Traceback: none")
FINAL: tuple[Outcome, ...] = (Done(), Failed(ERROR), Cancelled())
OUTCOMES: tuple[Outcome, ...] = (*FINAL, Retry(0.0, ERROR), Snoozed(0.0), Released())


@cases("settle.final")
def final(trial: Trial) -> None:
    """After Done, Failed or Cancelled the job is never handed out again."""
    for outcome in FINAL:
        trial.put("task")
        settled = trial.settle(trial.take_one(), outcome)
        expect(settled is Settled.SETTLED, f"{_name(outcome)} was given by the holder, but the answer was {settled}")
        trial.expect_none(f"the job was settled with {_name(outcome)}")
        trial.expire()
        trial.expect_none(f"the job was settled with {_name(outcome)}, and its lease would have run out since")
        size = trial.claims.size()
        expect(size == 0, f"the only job was settled with {_name(outcome)}, so size() must be 0, but is {size}")


@cases("settle.retry")
def retry(trial: Trial) -> None:
    """After Retry the job comes back when its delay is over and not before, with a failure more."""
    delay = trial.lease * 3
    _comes_back(trial, Retry(delay, ERROR), delay, failures=1)


@cases("settle.snoozed")
def snoozed(trial: Trial) -> None:
    """After Snoozed the job comes back when its delay is over and not before; no failure is counted."""
    delay = trial.lease * 3
    _comes_back(trial, Snoozed(delay), delay, failures=0)


def _comes_back(trial: Trial, outcome: Outcome, delay: float, failures: int) -> None:
    trial.put("task", args=(1,))
    trial.settle(trial.take_one(), outcome)
    trial.expect_none(f"the job was settled with a delay of {delay:g} s")
    trial.elapse(delay - trial.margin)
    trial.expect_none(f"the job was settled with a delay of {delay:g} s, which isn't over yet")
    trial.elapse(2 * trial.margin)
    job = trial.take_one()
    expect(job.args == (1,), f"the job came back with the arguments {job.args}")
    _counted(job, attempts=2, failures=failures, lost=0)


def _counted(job: Job, *, attempts: int, failures: int, lost: int) -> None:
    counts = (job.attempts, job.failures, job.lost)
    expect(
        counts == (attempts, failures, lost),
        f"attempts, failures and lost must be {attempts}, {failures} and {lost}, but are {counts}",
    )


@cases("settle.retry_at_once")
def retry_at_once(trial: Trial) -> None:
    """After a Retry without a delay the job can be claimed at once."""
    trial.put("task")
    trial.settle(trial.take_one(), Retry(0.0, ERROR))
    _counted(trial.take_one(), attempts=2, failures=1, lost=0)


@cases("settle.retry_far")
def retry_far(trial: Trial) -> None:
    """A Retry a hundred years ahead keeps the job."""
    trial.put("task")
    settled = trial.settle(trial.take_one(), Retry(100 * 365 * 86400.0, ERROR))
    expect(settled is Settled.SETTLED, f"the holder settled its job, but the answer was {settled}")
    expect(trial.claims.size() == 1, "a job that is to be retried in a hundred years must be PENDING, but size() is 0")
    trial.expect_none("the job is due in a hundred years")


@cases("settle.released")
def released(trial: Trial) -> None:
    """After Released the job can be claimed at once; neither a failure nor a lost lease is counted."""
    trial.put("task")
    trial.settle(trial.take_one(), Released())
    expect(trial.claims.size() == 1, "a released job must be PENDING, but size() is 0")
    _counted(trial.take_one(), attempts=2, failures=0, lost=0)


@cases("settle.released_place")
def released_place(trial: Trial) -> None:
    """A released job keeps its place in the order."""
    trial.put("one", "two", "three")
    first = trial.take_one()
    trial.elapse(1.0 if trial.clock else 0.01)
    trial.settle(first, Released())
    trial.put("four")
    came = [job.func_name for job in trial.take(10)]
    expect(came == ["one", "two", "three", "four"], f"'one' was the first, and was released; the order is {came}")


@cases("settle.once")
def once(trial: Trial) -> None:
    """Repeating a settlement with the same token and outcome succeeds, and changes nothing."""
    for outcome in OUTCOMES:
        trial.put("task")
        job = trial.take_one()
        for time in ("first", "second", "third"):
            settled = trial.settle(job, outcome)
            expect(settled is Settled.SETTLED, f"{_name(outcome)} was given the {time} time; the answer was {settled}")
        failures = 1 if isinstance(outcome, Retry) else 0
        for again in trial.take(10):
            expect(
                again.failures == failures,
                f"{_name(outcome)} was given three times for one claim, and {again.failures} failures are counted",
            )
            trial.settle(again, Done())


@cases("settle.other_outcome")
def other_outcome(trial: Trial) -> None:
    """A claim that was settled can't be settled again with another outcome."""
    for outcome in FINAL:
        trial.put("task")
        job = trial.take_one()
        trial.settle(job, outcome)
        for other in OUTCOMES:
            if type(other) is not type(outcome):
                settled = trial.settle(job, other)
                expect(
                    settled is Settled.LOST,
                    f"the claim was settled with {_name(outcome)}, then {_name(other)} was given: the answer was {settled}",
                )
                trial.expect_none(f"the job was settled with {_name(outcome)}")


@cases("settle.stale_token")
def stale_token(trial: Trial) -> None:
    """A settlement whose job was claimed again since is LOST, and changes nothing."""
    for outcome in OUTCOMES:
        trial.put("task")
        stale = trial.take_one()
        trial.expire()
        holder = trial.take_one()
        settled = trial.settle(stale, outcome)
        expect(settled is Settled.LOST, f"a worker that lost its job gave {_name(outcome)}: the answer was {settled}")
        trial.expect_none(f"another worker holds the job; one that had lost it gave {_name(outcome)}")
        settled = trial.settle(holder, Done())
        expect(settled is Settled.SETTLED, f"after that, the holder's own settlement was {settled}")
        settled = trial.settle(stale, outcome)
        expect(settled is Settled.LOST, f"a worker that lost its job gave {_name(outcome)} once it was done: {settled}")


@cases("settle.after_retry")
def after_retry(trial: Trial) -> None:
    """A settlement of an earlier attempt changes nothing for the present one, though that attempt was settled."""
    trial.put("task")
    earlier = trial.take_one()
    trial.settle(earlier, Retry(0.0, ERROR))
    present = trial.take_one()
    trial.settle(earlier, Retry(0.0, ERROR))
    settled = trial.settle(earlier, Done())
    expect(settled is Settled.LOST, f"an attempt that was retried was then settled with Done: the answer was {settled}")
    trial.expect_none("the present attempt is running, and only an earlier one was settled again")
    expect(trial.settle(present, Released()) is Settled.SETTLED, "the present attempt could not be settled after that")
    _counted(trial.take_one(), attempts=3, failures=1, lost=0)


@cases("settle.not_claimed")
def not_claimed(trial: Trial) -> None:
    """A settlement of a job that doesn't exist, or isn't claimed, is LOST."""
    [job] = trial.put("task")
    for claim in (Claim("unknown", "token"), Claim(job.id, "token"), Claim(job.id, "")):
        for outcome in OUTCOMES:
            settled = trial.claims.exchange([Settlement(claim, outcome)]).settled
            expect(settled == [Settled.LOST], f"nobody made the claim {claim}; {_name(outcome)} for it was {settled}")
    _counted(trial.take_one(), attempts=1, failures=0, lost=0)


@cases("settle.late")
def late(trial: Trial) -> None:
    """A settlement counts after the lease ran out, as long as nobody claimed the job again."""
    trial.put("task")
    job = trial.take_one()
    trial.expire()
    settled = trial.settle(job, Done())
    expect(settled is Settled.SETTLED, f"the lease ran out, and nobody claimed the job: the answer was {settled}")
    trial.expect_none("the job was settled with Done after its lease ran out")


@cases("settle.each_by_itself")
def each_by_itself(trial: Trial) -> None:
    """One answer per settlement, in order; one that is lost doesn't disturb the others."""
    trial.put("one", "two", "three")
    one, two, three = trial.take(3)
    answers = trial.claims.exchange(
        [
            Settlement(claim_of(three), Done()),
            Settlement(Claim(two.id, "another token"), Done()),
            Settlement(claim_of(one), Released()),
        ]
    ).settled
    wanted = [Settled.SETTLED, Settled.LOST, Settled.SETTLED]
    expect(answers == wanted, f"the second of three settlements has a wrong token; the answers were {answers}")
    came = trial.take(10)
    expect([job.id for job in came] == [one.id], f"only 'one' was released, but the next claim got {names(came)}")


@cases("settle.and_claim")
def and_claim(trial: Trial) -> None:
    """One exchange settles first and claims then."""
    trial.put("one", "two")
    one = trial.take_one()
    answer = trial.claims.exchange([Settlement(claim_of(one), Done())], ClaimRequest(WORKER, 5, trial.lease))
    expect(answer.settled == [Settled.SETTLED], f"the settlement was answered with {answer.settled}")
    expect(
        names(answer.jobs) == "two", f"'one' was settled and 'two' is claimable, but the claim got {names(answer.jobs)}"
    )
    two = answer.jobs[0]
    again = trial.claims.exchange([Settlement(claim_of(two), Released())], ClaimRequest(WORKER, 5, trial.lease)).jobs
    expect(names(again) == "two", f"'two' was released and claimed in one exchange, which got {names(again)}")


@cases("settle.then")
def then(trial: Trial) -> None:
    """Jobs that a settlement brings are inserted if and only if it counts, and once."""
    trial.put("one")
    stale = trial.take_one()
    trial.expire()
    job = trial.take_one()
    trial.settle(stale, Done(), then=[Job("from a lost one")])
    trial.expect_none("the settlement was lost, so that what it brought must not be inserted")
    follow_up = Job("two")
    for _ in range(2):
        trial.settle(job, Done(), then=[follow_up])
    came = trial.take(10)
    expect(
        names(came) == "two", f"the settlement brought the job 'two', and was repeated; then a claim got {names(came)}"
    )


@cases("settle.together")
def together(trial: Trial) -> None:
    """An exchange that is refused, because of a job that a settlement brings, settles nothing."""
    trial.put("task")
    job = trial.take_one()
    try:
        trial.settle(job, Done(), then=[Job("")])
    except Exception:
        settled = trial.settle(job, Retry(0.0, ERROR))
        expect(settled is Settled.SETTLED, f"the exchange raised, yet the claim had been settled: {settled}")
        return
    raise Broken("a settlement brought a job without a name, which can't be stored, and was accepted")


@cases("settle.seed_methods")
def seed_methods(trial: Trial) -> None:
    """mark_done and mark_failed raise ClaimLost for a job that isn't held, and change nothing."""
    trial.put("task")
    stale = trial.take_one()
    trial.expire()
    trial.take_one()
    for call in (lambda: trial.claims.mark_done(stale), lambda: trial.claims.mark_failed(stale, ValueError("no"))):
        _is_lost(call)
    _is_lost(lambda: trial.claims.mark_done(Job("never seen")))
    trial.expect_none("another worker holds the job, and one that lost it marked it")


def _is_lost(call: object) -> None:
    try:
        call()  # type: ignore[operator]
    except ClaimLost:
        return
    raise Broken("marking a job that isn't held must raise ClaimLost, but raised nothing")


@cases("settle.gives_back")
def gives_back(trial: Trial) -> None:
    """A job that comes back keeps its name, arguments, queue, headers and timeout."""
    sent = Job("task", (1, [2]), {"key": "value"}, headers={"trace": "abc"}, timeout=1.5)
    trial.storage.enqueue(sent)
    for outcome in (Retry(0.0, ERROR), Snoozed(0.0), Released()):
        trial.settle(trial.take_one(), outcome)
        job = trial.take_one()
        kept = (job.id, job.func_name, job.args, job.kwargs, job.queue, job.headers, job.timeout)
        wanted = (sent.id, "task", (1, [2]), {"key": "value"}, sent.queue, {"trace": "abc"}, 1.5)
        expect(kept == wanted, f"after {_name(outcome)} the job came back as {kept}, and had been {wanted}")
        trial.settle(job, Released())


@cases("settle.inserted_again")
def inserted_again(trial: Trial) -> None:
    """A settlement of a claim whose job was enqueued again by its holder is LOST."""
    trial.put("task")
    job = trial.take_one()
    [inserted] = trial.claims.insert([job])
    expect(inserted is Inserted.AGAIN, f"the holder enqueued its job again; the answer was {inserted}")
    settled = trial.settle(job, Done())
    expect(settled is Settled.LOST, f"the holder gave the job back, and then settled it with Done: {settled}")
    again = trial.take_one()
    expect(again.status is Status.RUNNING, f"the job that was given back came as {again.status}")


def _name(outcome: Outcome) -> str:
    return type(outcome).__name__
