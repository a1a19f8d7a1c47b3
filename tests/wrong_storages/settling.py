"""Wrong ClaimStorages: how claims end."""

from collections.abc import Sequence
from typing import Any

from pinion import Job, Status
from pinion.clock import SECOND
from pinion.errors import ClaimLost
from pinion.outcome import Outcome, Retry, Snoozed
from pinion.storage import Claim, ClaimRequest, Exchange, Settled, Settlement
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("settle.final")
class HandsOutWhatIsDone(PlainStorage):
    """A job is taken over when its lease runs out, whatever became of it."""

    def is_claimable(self, row: Row) -> bool:
        done = row.job.status is Status.SUCCESS and self.has_expired(row)
        return done or super().is_claimable(row)


@refused_by("settle.retry")
class RetriesAtOnce(PlainStorage):
    """The delay is for others."""

    def apply(self, row: Row, outcome: Outcome) -> None:
        super().apply(row, Retry(0.0, outcome.error) if isinstance(outcome, Retry) else outcome)


@refused_by("settle.retry", "wait.due", like="https://github.com/conductor-oss/conductor/issues/1142")
class NeverComesDue(PlainStorage):
    """A time that is compared as text."""

    def is_due(self, row: Row) -> bool:
        return row.settled_as is not Retry or row.due <= row.lease_ends - 60 * SECOND


@refused_by("settle.snoozed", like="https://github.com/laravel/framework/pull/59329")
class CountsASnooze(PlainStorage):
    """To be called later is taken for a failure."""

    def apply(self, row: Row, outcome: Outcome) -> None:
        super().apply(row, outcome)
        row.job.failures += isinstance(outcome, Snoozed)


@refused_by("settle.retry_at_once")
class TakesNoDelayForTheDefault(PlainStorage):
    """`delay or 60`."""

    def postpone(self, row: Row, delay: float) -> None:
        super().postpone(row, delay or 60.0)


@refused_by("settle.retry_far", like="https://github.com/procrastinate-org/procrastinate/issues/1462")
class LosesWhatIsFar(PlainStorage):
    """A delay that doesn't fit its column takes the job along."""

    def postpone(self, row: Row, delay: float) -> None:
        super().postpone(row, delay)
        if delay * SECOND >= 2**50:
            del self.rows[row.job.id]


@refused_by("settle.released")
class CountsAReleaseAsAFailure(PlainStorage):
    """A worker that stops uses up a retry of its jobs."""

    def release(self, row: Row) -> None:
        super().release(row)
        row.job.failures += 1


@refused_by("settle.released_place")
class ReleasesToTheEnd(PlainStorage):
    """A job that was given back waits behind all others."""

    def release(self, row: Row) -> None:
        super().release(row)
        self.numbers += 1
        row.number, row.due = self.numbers, self.now()


@refused_by("settle.once")
class RefusesARepetition(PlainStorage):
    """Whose reply was lost is told that the job is."""

    def repeats(self, row: Row, settlement: Settlement) -> bool:
        return False


@refused_by("settle.once", like="https://github.com/agronholm/apscheduler/issues/1116")
class CountsARepetition(PlainStorage):
    """A repeated settlement is applied once more."""

    def is_held(self, row: Row, claim: Claim) -> bool:
        again = row.settled_as is Retry and row.job.token == claim.token
        return again or super().is_held(row, claim)


@refused_by("settle.other_outcome")
class AgreesToAnyOutcome(PlainStorage):
    """Says yes to whatever is said about a job that ended."""

    def repeats(self, row: Row, settlement: Settlement) -> bool:
        return row.job.token == settlement.claim.token and row.settled_as is not None


@refused_by("settle.stale_token", "history.threads", like="https://github.com/taskforcesh/bullmq/pull/1064")
class IgnoresTheToken(PlainStorage):
    """Whoever comes, the job is running, and so it is settled."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        row = self.rows.get(settlement.claim.id)
        if row is not None and row.job.status is Status.RUNNING and row.job.token:
            settlement = settlement._replace(claim=Claim(row.job.id, row.job.token))
        return super().settle(settlement, result, then)


@refused_by("settle.after_retry")
class CountsAStaleRetry(PlainStorage):
    """A late failure is counted, though it changes nothing else."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        row = self.rows.get(settlement.claim.id)
        settled = super().settle(settlement, result, then)
        if row is not None and settled is Settled.LOST and isinstance(settlement.outcome, Retry):
            row.job.failures += 1
        return settled


@refused_by("settle.not_claimed")
class SettlesWhatIsNotThere(PlainStorage):
    """DELETE of no row is no error."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        if settlement.claim.id not in self.rows:
            return Settled.SETTLED
        return super().settle(settlement, result, then)


@refused_by("settle.not_claimed")
class TakesNoTokenForAny(PlainStorage):
    """An empty token fits a job that has none."""

    def is_held(self, row: Row, claim: Claim) -> bool:
        return super().is_held(row, claim) or ((row.job.token or "") == claim.token == "" and row.settled_as is None)


@refused_by("settle.late")
class RefusesALateSettlement(PlainStorage):
    """Work that was done a moment too late is done again, though nobody had taken the job."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        row = self.rows.get(settlement.claim.id)
        if row is not None and self.is_held(row, settlement.claim) and self.has_expired(row):
            return Settled.LOST
        return super().settle(settlement, result, then)


@refused_by("settle.each_by_itself")
class GivesUpAtTheFirstLost(PlainStorage):
    """What comes after a settlement that was lost is lost too."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        answers: list[Settled] = []
        for settlement in settle:
            lost = Settled.LOST in answers
            answers += [Settled.LOST] if lost else super().exchange([settlement], connection=connection).settled
        return Exchange(answers, super().exchange(claim=claim, connection=connection).jobs)


@refused_by("settle.and_claim")
class ClaimsBeforeItSettles(PlainStorage):
    """What is given back can't be claimed by the same exchange."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        jobs = super().exchange(claim=claim, connection=connection).jobs
        return Exchange(super().exchange(settle, connection=connection).settled, jobs)


@refused_by("settle.then")
class InsertsWhatALostOneBrings(PlainStorage):
    """Follow-ups of work that didn't count."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        settled = super().settle(settlement, result, then)
        if settled is Settled.LOST:
            for row in then:
                self.put(row)
        return settled


@refused_by("settle.together")
class SettlesBeforeItRefuses(PlainStorage):
    """The job is done, and what it was to bring is not there."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        answer = super().exchange([each._replace(then=()) for each in settle], claim, connection=connection)
        for settlement in settle:
            if settlement.then and answer.settled == [Settled.SETTLED]:
                self.insert(settlement.then)
        return answer


@refused_by("settle.seed_methods")
class MarksInSilence(PlainStorage):
    """Doesn't say that a job was lost."""

    def mark_done(self, job: Job) -> None:
        try:
            super().mark_done(job)
        except ClaimLost:
            return


@refused_by("settle.gives_back")
class RetriesWithoutHeaders(PlainStorage):
    """A retry keeps the call, and nothing else."""

    def postpone(self, row: Row, delay: float) -> None:
        super().postpone(row, delay)
        row.job.headers = {}


@refused_by("settle.inserted_again")
class SettlesWhatWasGivenBack(PlainStorage):
    """A job that its holder enqueued again still answers to the token."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.given_back: set[Claim] = set()

    def row_of(self, job: Job) -> Row:
        if job.token:
            self.given_back.add(Claim(job.id, job.token))
        return super().row_of(job)

    def is_held(self, row: Row, claim: Claim) -> bool:
        pending = row.job.status is Status.PENDING and row.settled_as is None
        return super().is_held(row, claim) or (pending and claim in self.given_back)


@refused_by("base.any_exception")
class WritesTheErrorDown(PlainStorage):
    """Asks every exception for its text, and some have none."""

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.last_error = f"{exc}"
        super().mark_failed(job, exc)


@refused_by("base.hostile_ids")
class KnowsOnlySmallLetters(PlainStorage):
    """Two ids that differ in case are one job."""

    def put(self, row: Row) -> Any:
        row.job.id = row.job.id.lower()
        return super().put(row)
