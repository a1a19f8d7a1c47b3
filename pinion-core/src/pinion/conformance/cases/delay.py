"""DELAY: a job with a `run_at` in the future is accepted, and not handed out before it."""

from datetime import UTC, datetime, timedelta, timezone

from pinion.conformance.broken import expect
from pinion.conformance.case import chapter
from pinion.conformance.cases.refusal import refuses
from pinion.conformance.trial import Trial, names
from pinion.job import Job
from pinion.storage import Inserted, Promise

__all__ = ["cases"]

cases = chapter(Promise.DELAY)


@cases("delay.not_before")
def not_before(trial: Trial) -> None:
    """A job can't be claimed before its run_at, and can from then on."""
    delay = 3 * trial.lease
    trial.put("task", run_at=trial.moment(delay))
    trial.expect_none("the job isn't due yet")
    trial.elapse(delay - trial.margin)
    trial.expect_none("the job isn't due yet")
    trial.elapse(2 * trial.margin)
    came = trial.take()
    expect(len(came) == 1, "the job's run_at is past, but a claim got nothing")


@cases("delay.counted")
def counted(trial: Trial) -> None:
    """A delayed job is PENDING: size counts it."""
    trial.put("task", run_at=trial.moment(600))
    size = trial.claims.size()
    expect(size == 1, f"a job waits for its time, so size() must be 1, but is {size}")


@cases("delay.exact")
def exact(trial: Trial) -> None:
    """Times are kept to the microsecond, and compared as numbers."""
    base = trial.moment(600).replace(microsecond=0)
    for name, micros in {"b": 1, "d": 999_999, "a": 0, "c": 500_000}.items():
        trial.put(name, run_at=base + timedelta(microseconds=micros))
    trial.put("e", run_at=base + timedelta(seconds=1))
    if trial.clock is None:
        trial.expect_none("none of the jobs is due")
        return
    trial.clock.advance((base - trial.moment(0)).total_seconds() - 0.000001)
    trial.expect_none("the first job is due in a microsecond")
    for step, wanted in ((1, "a"), (1, "b"), (499_999, "c"), (499_999, "d"), (1, "e")):
        trial.clock.advance(step / 1_000_000)
        came = names(trial.take(10))
        expect(came == wanted, f"at the very microsecond when {wanted!r} is due, a claim got {came}")


@cases("delay.order")
def order(trial: Trial) -> None:
    """Jobs that have come due are claimed in the order of their run_at, and of their insertion if that is equal."""
    moments = {"late": 3.0, "early": 1.0, "middle": 2.0, "middle too": 2.0}
    base = trial.moment(0.5)
    for name, seconds in moments.items():
        trial.put(name, run_at=base + timedelta(seconds=seconds / 10))
    trial.elapse(1.0)
    came = names(trial.take(10))
    expect(came == "early, middle, middle too, late", f"due at {moments}, they came in the order {came}")


@cases("delay.others_pass")
def others_pass(trial: Trial) -> None:
    """Jobs that aren't due keep no other from being claimed."""
    trial.claims.insert([Job(f"later-{number}", run_at=trial.moment(600)) for number in range(200)])
    trial.put("now")
    came = names(trial.take(10))
    expect(came == "now", f"200 jobs aren't due, and one is; a claim got {came}")


@cases("delay.time_zones")
def time_zones(trial: Trial) -> None:
    """A run_at in any time zone is the same instant, and comes back as an aware datetime of that instant."""
    due = trial.moment(-60)
    for hours in (14, -12, 5.5, 0):
        zone = timezone(timedelta(hours=hours))
        [sent] = trial.put("task", run_at=due.astimezone(zone))
        job = trial.take_one()
        expect(job.run_at == due, f"run_at was {sent.run_at}, and came back as {job.run_at}")
        trial.put("later", run_at=(due + timedelta(hours=3)).astimezone(zone))
        trial.expect_none(f"the job is due in three hours, at UTC{hours:+g}")


@cases("delay.past")
def past(trial: Trial) -> None:
    """A run_at that has passed means at once."""
    for moment in (trial.moment(-1), datetime(1970, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        trial.put("task", run_at=moment)
        came = trial.take()
        expect(len(came) == 1, f"the job was due at {moment}, but a claim got nothing")


@cases("delay.far")
def far(trial: Trial) -> None:
    """A run_at in the year 9999 is kept, and the job isn't lost."""
    moment = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    got = trial.claims.insert([Job("task", run_at=moment)])
    expect(got == [Inserted.NEW], f"a job for the year 9999 was inserted; the answer was {got}")
    trial.expect_none("the job is due in the year 9999")
    expect(trial.claims.size() == 1, "a job for the year 9999 was inserted, but size() is 0")


@cases("delay.longer_than_a_lease")
def longer_than_a_lease(trial: Trial) -> None:
    """A delay that is longer than a lease neither hands the job out early nor twice."""
    delay = 4 * trial.lease
    trial.put("task", run_at=trial.moment(delay))
    for _ in range(3):
        trial.elapse(trial.lease)
        trial.expect_none("the job isn't due yet")
    trial.elapse(trial.lease + trial.margin)
    job = trial.take_one()
    expect(
        (job.attempts, job.lost) == (1, 0),
        f"the job waited for its time; attempts and lost are {job.attempts}, {job.lost}",
    )
    trial.expect_none("the job is held")


@cases("delay.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, a job for later is refused with Unsupported; one whose time has passed is not."""
    refuses(trial, Job("task", run_at=trial.moment(600)))
    trial.put("past", run_at=trial.moment(-600))
    came = names(trial.take())
    expect(came == "past", f"a job whose run_at has passed needs no promise; a claim got {came}")
