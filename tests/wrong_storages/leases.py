"""Wrong ClaimStorages: how leases are extended and run out."""

from collections.abc import Sequence
from typing import Any

from pinion import Job, Status
from pinion.clock import SECOND
from pinion.storage import Claim, ClaimRequest, Signal
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("lease.runs_out", "history.threads", like="https://github.com/taskiq-python/taskiq-redis/issues/130")
class NeverTakesAJobBack(PlainStorage):
    """The job of a worker that died is gone."""

    def has_expired(self, row: Row) -> bool:
        return False


@refused_by("lease.lost")
class DoesntCountLosses(PlainStorage):
    """A job may kill its workers for ever."""

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        lost = row.job.lost
        jobs = super().hand_out(row, request)
        for job in (row.job, *jobs):
            job.lost = lost
        return jobs


@refused_by("lease.lost", like="https://github.com/vectorize-io/hindsight/issues/2675")
class CountsOnlyFirstAttempts(PlainStorage):
    """Taking a job over is not counted as an attempt."""

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        if row.job.status is Status.RUNNING:
            row.job.attempts -= 1
        return super().hand_out(row, request)


@refused_by("lease.not_lost", "settle.released")
class CountsEveryReturnAsALoss(PlainStorage):
    """A job that was given back in time counts as one that killed its worker."""

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        row.job.lost += row.job.attempts > 0 and row.job.status is Status.PENDING
        return super().hand_out(row, request)


@refused_by("lease.pending")
class CountsWhatRanOut(PlainStorage):
    """size counts what could be claimed."""

    def size(self) -> int:
        with self.locked():
            expired = sum(row.job.status is Status.RUNNING and self.has_expired(row) for row in self.rows.values())
        return super().size() + expired


@refused_by("lease.place")
class TakesBackToTheEnd(PlainStorage):
    """A job whose lease ran out waits behind all others."""

    def order(self, row: Row) -> Any:
        return row.job.status is Status.RUNNING, *super().order(row)


@refused_by("lease.alone")
class TakesSuspectsAlong(PlainStorage):
    """A job that killed its worker comes with others."""

    def is_suspect(self, row: Row) -> bool:
        return False


@refused_by("lease.alone_later")
class ForgivesAtOnce(PlainStorage):
    """A job that killed its worker and was released since comes with others."""

    def is_suspect(self, row: Row) -> bool:
        return row.job.status is Status.RUNNING


@refused_by("lease.extended", like="https://github.com/agronholm/apscheduler/pull/1030")
class AddsToTheLease(PlainStorage):
    """An extension counts from the end of the lease."""

    def extended_end(self, row: Row, lease: float) -> int:
        return row.lease_ends + round(lease * SECOND)


@refused_by("lease.extended", "claim.race_with_extending")
class OnlySaysHeld(PlainStorage):
    """An extension that extends nothing."""

    def extended_end(self, row: Row, lease: float) -> int:
        return row.lease_ends


@refused_by("lease.shortened")
class NeverShortens(PlainStorage):
    """The later end counts."""

    def extended_end(self, row: Row, lease: float) -> int:
        return max(row.lease_ends, super().extended_end(row, lease))


@refused_by("lease.extended_late")
class RefusesALateHeartbeat(PlainStorage):
    """A claim that ran out can't be extended, though nobody took the job."""

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        row = self.rows.get(claim.id)
        return Signal.LOST if row is None or self.has_expired(row) else super().extend_one(claim, lease)


@refused_by("lease.extended_by_others", like="https://github.com/brendanlong/lion-reader/pull/917")
class ExtendsForAnybody(PlainStorage):
    """A late heartbeat takes the job back."""

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        row = self.rows.get(claim.id)
        if row is None or row.job.status is not Status.RUNNING:
            return Signal.LOST
        row.lease_ends = self.extended_end(row, lease)
        return Signal.HELD


@refused_by("lease.extended_after_end")
class ExtendsWhatEnded(PlainStorage):
    """Only the token is looked at."""

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        row = self.rows.get(claim.id)
        if row is None or row.job.token != claim.token:
            return Signal.LOST
        row.lease_ends = self.extended_end(row, lease)
        return Signal.HELD


@refused_by("lease.extended_together")
class AnswersForAll(PlainStorage):
    """One lost claim, and all are lost."""

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        signals = super().extend(claims, lease)
        return [Signal.LOST] * len(signals) if Signal.LOST in signals else signals


@refused_by("lease.each_claim_its_own")
class HasOneLeaseForAll(PlainStorage):
    """A claim with a lease of another length gives it to all others."""

    seconds = 30.0

    def lease_end(self, row: Row, seconds: float) -> int:
        if seconds != self.seconds:
            self.seconds = seconds
            for other in self.rows.values():
                if other.lease_ends > self.now():
                    other.lease_ends = super().lease_end(row, seconds)
        return super().lease_end(row, seconds)


@refused_by("lease.many")
class TakesBackFiftyAtMost(PlainStorage):
    """What ran out beyond that is never looked at."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        expired = [row for row in self.rows.values() if row.job.status is Status.RUNNING and self.has_expired(row)]
        for row in expired[50:]:
            row.lease_ends = 2**62
        return super().claim(request)
