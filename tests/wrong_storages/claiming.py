"""Wrong ClaimStorages: what they declare, claiming and the order."""

import threading
from collections.abc import Sequence
from typing import Any, ClassVar

from pinion import Job, Status
from pinion.clock import SYSTEM, Clock
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.outcome import Outcome, Retry
from pinion.storage import Claim, ClaimRequest, Exchange, Promise, Settled, Settlement, Signal
from right_storages.claiming import PlainClaims
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("claim.declares")
class IsOfAnotherVersion(PlainStorage):
    """Built for an interface that this core doesn't speak."""

    spi_version: ClassVar[int] = 99


@refused_by("claim.declares")
class PromisesMoreThanThereIs(PlainStorage):
    """A promise that nobody knows."""

    promises = PlainStorage.promises | {"FASTER"}  # type: ignore[arg-type]  # which is what is wrong


@refused_by("claim.groups")
class PromisesWithoutInheriting(PlainClaims):
    """A promise is only a name."""

    promises = PlainClaims.promises | {Promise.SCHEDULES, Promise.WORKERS}


@refused_by("claim.groups")
class KeepsResultsToItself(PlainClaims):
    """Results that nobody can read."""

    promises = PlainClaims.promises | {Promise.RESULTS}


@refused_by("claim.nothing")
class AlwaysHandsOutOne(PlainStorage):
    """A claim of no jobs gets one."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return super().claim(request._replace(limit=max(1, request.limit)))


@refused_by("claim.hands_out")
class NamesNobody(PlainStorage):
    """Doesn't say who holds the job."""

    def decoded(self, row: Row) -> Job:
        job = super().decoded(row)
        job.worker = None
        return job


@refused_by("claim.undecodable", like="https://github.com/treeverse/dvc-task/issues/73")
class StopsAtWhatItCantRead(PlainStorage):
    """One bad job stops the queue."""

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        self.decoded(row)
        return super().hand_out(row, request)


@refused_by("claim.one_holder", "history.threads")
class CountsInTenths(PlainStorage):
    """A lease ends after a tenth of its time."""

    def lease_end(self, row: Row, seconds: float) -> int:
        return self.now() + round(seconds * 100_000)


@refused_by("claim.limit")
class HandsOutOneByOne(PlainStorage):
    """However many are wanted."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return super().claim(request._replace(limit=min(1, request.limit)))


@refused_by("claim.limit")
class GivesOneOnTop(PlainStorage):
    """One more than was wanted, of several."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return super().claim(request._replace(limit=request.limit + (request.limit > 1)))


@refused_by("claim.new_token", "lease.extended_by_others", like="https://github.com/coleifer/huey/issues/497")
class TakesTheIdForAToken(PlainStorage):
    """The token is the job's own id, which every claim has in common."""

    def token_for(self, row: Row) -> str:
        return row.job.id


@refused_by("claim.new_token")
class KeepsTheToken(PlainStorage):
    """The second holder gets the token of the first."""

    def token_for(self, row: Row) -> str:
        return row.job.token or super().token_for(row)


@refused_by("claim.snapshot")
class HandsOutItsOwnObject(PlainStorage):
    """The holder's Job is the stored one."""

    def decoded(self, row: Row) -> Job:
        row.job.args, row.job.kwargs = self.codec.decode_call(row.call)
        return row.job


@refused_by("base.snapshot")
class KeepsTheCallersArguments(PlainStorage):
    """Arguments are kept as they are, and so is what the caller does to them."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        row.job.args, row.job.kwargs = job.args, job.kwargs
        return row

    def decoded(self, row: Row) -> Job:
        job = super().decoded(row)
        job.args, job.kwargs = row.job.args, row.job.kwargs
        return job


@refused_by("claim.race", like="https://github.com/reinhardt-web/reinhardt/issues/1549")
class LooksThenTakes(PlainStorage):
    """Only dequeue has a lock around looking and taking; a worker's claim doesn't."""

    def __init__(self, *, clock: Clock = SYSTEM, codec: Codec = DEFAULT_CODEC) -> None:
        super().__init__(clock=clock, codec=codec)
        self.outer = threading.Lock()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        with self.outer:
            job = super().dequeue(0)
        return job if job is not None or timeout == 0 else super().dequeue(timeout)

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        if settle or claim is None or claim.limit != 1:
            return super().exchange(settle, claim, connection=connection)
        with self.locked(connection):
            found = [row for row in sorted(self.rows.values(), key=self.order) if self.is_claimable(row)]
            found = [row for row in found if self.is_wanted(row, claim.queues)][:1]
        with self.locked(connection):
            return Exchange([], [job for row in found for job in self.hand_out(row, claim)])


@refused_by("claim.race_with_settling", like="https://github.com/rails/solid_queue/issues/589")
class ChecksThenSettles(PlainStorage):
    """Between checking who holds the job and ending it, another worker claims it."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        if settle:
            with self.locked(connection):
                self.checked = {
                    settlement.claim
                    for settlement in settle
                    if (row := self.rows.get(settlement.claim.id)) and self.is_held(row, settlement.claim)
                }
        return super().exchange(settle, claim, connection=connection)

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        row = self.rows.get(settlement.claim.id)
        if row is not None and settlement.claim in self.checked:
            row.job.status, row.job.token = Status.RUNNING, settlement.claim.token
        return super().settle(settlement, result, then)


@refused_by("claim.race_with_extending", like="https://github.com/brendanlong/lion-reader/pull/917")
class ChecksThenExtends(PlainStorage):
    """Between checking who holds the job and extending the claim, another worker takes it."""

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self.locked():
            held = [claim.id in self.rows and self.is_held(self.rows[claim.id], claim) for claim in claims]
        with self.locked():
            for claim, mine in zip(claims, held, strict=True):
                if mine:
                    self.rows[claim.id].lease_ends = self.extended_end(self.rows[claim.id], lease)
        return [Signal.HELD if mine else Signal.LOST for mine in held]


@refused_by("claim.own_clock", like="https://github.com/mlflow/mlflow/pull/25199")
class AsksTheWallClock(PlainStorage):
    """Has a clock, and asks another for what is due."""

    def has_expired(self, row: Row) -> bool:
        offset = self.clock.now() - SYSTEM.now()
        return row.lease_ends <= self.clock.now() and abs(offset) < 40 * 365 * 86400 * 1_000_000


@refused_by("claim.clock_set_back")
class ComparesEveryTime(PlainStorage):
    """A job for at once is due at the moment of its insert, which may come again."""

    def is_due(self, row: Row) -> bool:
        return row.due <= self.now()


# --- the order ------------------------------------------------------------------------------------


@refused_by("base.fifo", "order.one_moment", like="https://github.com/Automattic/kue/issues/678")
class OrdersNumbersAsText(PlainStorage):
    """10 comes before 9."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.due, str(row.number)


@refused_by("order.one_moment", like="https://github.com/timgit/pg-boss/pull/848")
class BreaksTiesById(PlainStorage):
    """What was inserted at one moment comes in the order of ids, which a caller may choose."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.due, row.job.id


@refused_by("order.while_finishing", like="https://github.com/coleifer/huey/issues/497")
class UsesNumbersAgain(PlainStorage):
    """The number of a job that is done is given to the next."""

    def place(self, row: Row, known: Row | None) -> None:
        super().place(row, known)
        if known is None:
            row.number = 1 + sum(each.settled_as is None for each in self.rows.values())


@refused_by("lease.place", "order.over_time", "settle.released_place")
class NewestFirst(PlainStorage):
    """Descending by time."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, -row.due, row.number


@refused_by("settle.retry", "model.agrees")
class CountsNoFailures(PlainStorage):
    """A retry is a retry, and nobody knows how often."""

    def count_failure(self, row: Row, error: Any) -> None:
        return None

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        return super().settle(settlement, result, then)

    def apply(self, row: Row, outcome: Outcome) -> None:
        super().apply(row, outcome)
        if isinstance(outcome, Retry):
            row.job.error = None
