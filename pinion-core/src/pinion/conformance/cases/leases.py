"""CLAIMS: leases: how long a claim lasts, what extends it, and what happens when it runs out."""

from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial, claim_of, names
from pinion.job import Job, JobError
from pinion.outcome import Cancelled, Done, Failed, Released
from pinion.storage import Claim, Signal

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("lease.runs_out")
def runs_out(trial: Trial) -> None:
    """A job whose lease ran out can be claimed again, by anybody and without anybody's help."""
    trial.put("task")
    trial.take_one()
    trial.elapse(trial.lease - trial.margin)
    trial.expect_none("the lease has not run out yet")
    trial.elapse(2 * trial.margin)
    jobs = trial.take()
    expect(len(jobs) == 1, "the lease of the only job ran out, but a claim got nothing")


@cases("lease.lost")
def lost(trial: Trial) -> None:
    """Claiming a job whose lease ran out adds one to lost and to attempts, and nothing to failures."""
    trial.put("task")
    trial.take_one()
    for times in (1, 2, 3):
        trial.expire()
        job = trial.take_one()
        counts = (job.lost, job.attempts, job.failures)
        wanted = (times, times + 1, 0)
        expect(
            counts == wanted,
            f"after {times} lost leases, lost, attempts and failures must be {wanted}, but are {counts}",
        )


@cases("lease.not_lost")
def not_lost(trial: Trial) -> None:
    """A job that was released in time has lost nothing, however long it waits then."""
    trial.put("task")
    trial.settle(trial.take_one(), Released())
    trial.expire()
    job = trial.take_one()
    expect(job.lost == 0, f"the job was released, and claimed again later; lost must be 0, but is {job.lost}")


@cases("lease.pending")
def pending(trial: Trial) -> None:
    """A job whose lease ran out stays RUNNING until it is claimed again: size doesn't count it."""
    trial.put("task")
    trial.take_one()
    trial.expire()
    size = trial.claims.size()
    expect(size == 0, f"a job whose lease ran out is not PENDING, so size() must be 0, but is {size}")


@cases("lease.place")
def place(trial: Trial) -> None:
    """A job whose lease ran out keeps its place in the order."""
    trial.put("one", "two")
    trial.take_one()
    trial.put("three")
    trial.expire()
    trial.put("four")
    came = []
    while jobs := trial.take():
        came += [job.func_name for job in jobs]
    expect(came == ["one", "two", "three", "four"], f"'one' was the first, and its lease ran out; the order is {came}")


@cases("lease.alone")
def alone(trial: Trial) -> None:
    """A job that lost a lease is claimed alone, so that one that kills its worker takes no others along."""
    trial.put("one", "two", "three")
    trial.take_one()
    trial.expire()
    groups = []
    while jobs := trial.take(10):
        groups.append([job.func_name for job in jobs])
    expect(
        groups == [["one"], ["two", "three"]], f"'one' lost a lease, and must be claimed alone; the claims got {groups}"
    )


@cases("lease.alone_later")
def alone_later(trial: Trial) -> None:
    """A job that lost a lease is claimed alone also when it is not the first, and after it was released."""
    trial.put("one", "two", "three")
    one = trial.take(2)[0]
    trial.settle(one, Released())
    trial.expire()
    for time in ("after its lease ran out", "after that, when it was released"):
        groups = [trial.take(10)]
        while jobs := trial.take(10):
            groups.append(jobs)
        came = [names(jobs) for jobs in groups]
        expect("two" in came, f"'two' lost a lease, and must be claimed alone {time}; the claims got {came}")
        for job in (job for jobs in groups for job in jobs):
            trial.settle(job, Released())


@cases("lease.extended")
def extended(trial: Trial) -> None:
    """An extension lets a claim last so many seconds from the storage's present, however often it is repeated."""
    trial.put("task")
    claim = claim_of(trial.take_one())
    for _ in range(10):
        trial.elapse(trial.lease / 2)
        signals = trial.claims.extend([claim], trial.lease)
        expect(signals == [Signal.HELD], f"the holder extended its claim; the answer was {signals}")
        trial.expect_none("the claim was extended just now")
    trial.elapse(trial.lease - trial.margin)
    trial.expect_none("the extended lease has not run out yet")
    trial.elapse(2 * trial.margin)
    expect(len(trial.take()) == 1, "the extended lease ran out, but a claim got nothing: extensions must not add up")


@cases("lease.shortened")
def shortened(trial: Trial) -> None:
    """An extension by less than what is left lets the claim end earlier: it counts from now."""
    trial.put("task")
    claim = claim_of(trial.take_one(lease=trial.lease * 20))
    trial.claims.extend([claim], trial.lease)
    trial.expire()
    expect(len(trial.take()) == 1, "the claim was set to end earlier, and that time is over, but a claim got nothing")


@cases("lease.extended_late")
def extended_late(trial: Trial) -> None:
    """A claim whose lease ran out can be extended as long as nobody claimed the job again."""
    trial.put("task")
    job = trial.take_one()
    trial.expire()
    signals = trial.claims.extend([claim_of(job)], trial.lease)
    expect(signals == [Signal.HELD], f"the lease ran out, and nobody claimed the job; extending it was {signals}")
    trial.expect_none("the claim was extended after it ran out")
    trial.expire()
    lost = trial.take_one().lost
    expect(lost == 1, f"the job lost one lease, the extended one, but lost is {lost}")


@cases("lease.extended_by_others")
def extended_by_others(trial: Trial) -> None:
    """Whoever lost a claim, or never had it, learns that it is LOST, and extends nothing."""
    trial.put("task")
    stale = claim_of(trial.take_one())
    trial.expire()
    holder = trial.take_one()
    for claim in (stale, Claim(holder.id, "another token"), Claim("unknown", "token")):
        signals = trial.claims.extend([claim], trial.lease * 20)
        expect(signals == [Signal.LOST], f"a claim that isn't held was extended; the answer was {signals}")
    trial.expire()
    expect(
        len(trial.take()) == 1, "somebody else extended the claim, and it lasted longer: it must end when it would have"
    )


@cases("lease.extended_after_end")
def extended_after_end(trial: Trial) -> None:
    """A claim that was settled can't be extended."""
    for outcome in (Done(), Failed(JobError("ValueError")), Cancelled(), Released()):
        trial.put("task")
        job = trial.take_one()
        trial.settle(job, outcome)
        signals = trial.claims.extend([claim_of(job)], trial.lease)
        expect(signals == [Signal.LOST], f"after {type(outcome).__name__}, extending the claim was {signals}")
        for left in trial.take(10):
            trial.settle(left, Done())


@cases("lease.extended_together")
def extended_together(trial: Trial) -> None:
    """Many claims are extended in one call, each by itself, and the answers are in their order."""
    trial.put("one", "two", "three")
    one, two, three = (claim_of(job) for job in trial.take(3))
    expect(trial.claims.extend([], trial.lease) == [], "extending no claims must answer nothing")
    signals = trial.claims.extend([three, Claim(two.id, "another token"), one], trial.lease * 20)
    wanted = [Signal.HELD, Signal.LOST, Signal.HELD]
    expect(signals == wanted, f"the second of three claims has a wrong token; the answers were {signals}")
    trial.expire()
    came = names(trial.take(10))
    expect(came == "two", f"'one' and 'three' were extended and 'two' was not; then a claim got {came}")


@cases("lease.each_claim_its_own")
def each_claim_its_own(trial: Trial) -> None:
    """Every claim lasts as long as was asked for, also a very long one."""
    trial.put("long", "short")
    trial.take_one(lease=10 * 365 * 86400.0)
    trial.take_one()
    trial.expire()
    came = names(trial.take(10))
    expect(came == "short", f"'long' was claimed for ten years and 'short' has run out; then a claim got {came}")


@cases("lease.many")
def many(trial: Trial) -> None:
    """Of many jobs whose leases ran out at once, each can be claimed, once."""
    trial.claims.insert([Job(f"job-{number}") for number in range(60)])
    expect(len(trial.take(100)) == 60, "60 jobs were inserted, but not all could be claimed at once")
    trial.expire()
    came = [job.func_name for _ in range(60) for job in trial.take(100)]
    expect(
        len(came) == len(set(came)) == 60,
        f"60 leases ran out; {len(came)} jobs came back, {len(set(came))} different ones",
    )
    trial.expect_none("all of them are held again")
