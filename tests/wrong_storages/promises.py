"""Wrong ClaimStorages: PRIORITY, DELAY, QUEUES, TRANSACTIONS and POWER_SAFE."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pinion import Job, Status
from pinion.clock import SECOND, as_microseconds
from pinion.errors import InvalidJob
from pinion.job import DEFAULT_QUEUE, check
from pinion.outcome import Outcome, Released, Retry
from pinion.storage import ClaimRequest, Exchange, Promise, Settlement
from right_storages.plain import Connection, PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by(
    "priority.refused", "delay.refused", "queues.refused", "unique.refused", "transactions.refused", "inspects.refused",
    "controls.refused", "schedules.refused", "steps.refused", "workers.refused",
    like="https://github.com/kubernetes-sigs/gateway-api/pull/3651",
)  # fmt: skip
class AcceptsWhatItDoesntPromise(PlainStorage):
    """Options that it doesn't know are silently dropped."""

    promises = frozenset()

    def accept(self, jobs: Any, connection: Any = None) -> None:
        for job in jobs:
            check(job)

    def within(self, connection: Any) -> Any:
        return super().within(None)


# --- PRIORITY -------------------------------------------------------------------------------------


@refused_by("priority.higher_first", like="https://github.com/Netflix/conductor/issues/1620")
class IgnoresPriority(PlainStorage):
    """First come, first served."""

    def order(self, row: Row) -> Any:
        return row.due, row.number


@refused_by("priority.higher_first", like="https://github.com/celery/celery/pull/5874")
class LowerFirst(PlainStorage):
    """Takes 1 for the most important."""

    def order(self, row: Row) -> Any:
        return row.job.priority, row.due, row.number


@refused_by("priority.equal", like="https://github.com/Automattic/kue/issues/678")
class LastInFirstOutAmongEquals(PlainStorage):
    """The order within a priority is turned round."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.due, -row.number if row.job.priority else row.number


@refused_by("priority.overtakes")
class SortsAHandful(PlainStorage):
    """Takes the first hundred that wait, and sorts these."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        if request.limit > 1:
            return super().claim(request)
        waiting = [row for row in self.rows.values() if row.job.status is Status.PENDING]
        early = {row.number for row in sorted(waiting, key=lambda row: row.number)[:100]}
        late = {row.job.id: row.job.priority for row in waiting if row.number not in early}
        for job_id in late:
            self.rows[job_id].job.priority = -(2**31)
        jobs = super().claim(request)
        for job_id, priority in late.items():
            self.rows[job_id].job.priority = priority
        return jobs


@refused_by("priority.kept")
class RetriesAtNormalPriority(PlainStorage):
    """What comes back is like any other."""

    def apply(self, row: Row, outcome: Outcome) -> None:
        super().apply(row, outcome)
        if isinstance(outcome, Retry | Released):
            row.job.priority = 0


@refused_by(
    "priority.delayed", "delay.others_pass", like="https://github.com/procrastinate-org/procrastinate/issues/1599"
)
class WaitsForTheFirst(PlainStorage):
    """A job that isn't due holds up all behind it."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        first = min(
            (row for row in self.rows.values() if row.job.status is Status.PENDING), key=self.order, default=None
        )
        blocked = first is not None and first.job.run_at is not None and not self.is_due(first)
        return [] if blocked else super().claim(request)

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.number


# --- DELAY ----------------------------------------------------------------------------------------


@refused_by("priority.delayed", "delay.not_before", like="https://github.com/conductor-oss/conductor/issues/1142")
class IgnoresRunAt(PlainStorage):
    """Everything is due."""

    def is_due(self, row: Row) -> bool:
        return row.settled_as is None or super().is_due(row)


@refused_by("delay.not_before", "delay.longer_than_a_lease", like="https://github.com/celery/kombu/issues/337")
class DeliversWhatItHidesTooLong(PlainStorage):
    """A delayed job is hidden for the time of a lease, and comes then."""

    def is_due(self, row: Row) -> bool:
        kept = row.due - round(90 * SECOND) <= self.now() < row.due
        return super().is_due(row) or (kept and row.settled_as is None and row.due - self.now() < 60 * SECOND)


@refused_by("delay.counted")
class CountsOnlyWhatIsDue(PlainStorage):
    """A delayed job is not waiting, it says."""

    def size(self) -> int:
        with self.locked():
            return sum(
                row.job.status is Status.PENDING and (row.job.run_at is None or self.is_due(row))
                for row in self.rows.values()
            )


@refused_by("delay.exact", like="https://github.com/durable-workflow/workflow/issues/505")
class RoundsToMilliseconds(PlainStorage):
    """A time has three decimals."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        row.due = row.due // 1000 * 1000
        return row


@refused_by("delay.exact", like="https://github.com/durable-workflow/workflow/issues/505")
class ComparesText(PlainStorage):
    """12:00:00 is written shorter than 12:00:00.000001, and comes after it."""

    def is_due(self, row: Row) -> bool:
        if row.job.run_at is None or row.settled_as is not None:
            return super().is_due(row)
        return str(row.job.run_at) + "~" * (row.job.run_at.microsecond == 0) <= str(self.present())

    def present(self) -> Any:
        from pinion.clock import as_datetime

        return as_datetime(self.now())


@refused_by("delay.order")
class OrdersByInsertion(PlainStorage):
    """What comes due comes in the order of its insertion."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, row.number


@refused_by("delay.others_pass")
class LooksAtAHundred(PlainStorage):
    """Gives up when the first hundred aren't due."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        later = sum(row.job.status is Status.PENDING and not self.is_due(row) for row in self.rows.values())
        return [] if later > 100 else super().claim(request)


@refused_by("delay.time_zones", like="https://github.com/Agent-Field/agentfield/pull/1041")
class TakesLocalTimeForUtc(PlainStorage):
    """Drops the zone, and what it meant."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        if job.run_at is not None:
            row.due = as_microseconds(job.run_at.replace(tzinfo=UTC))
        return row


@refused_by("delay.past")
class RefusesThePast(PlainStorage):
    """Long ago is an error."""

    def row_of(self, job: Job) -> Row:
        if job.run_at is not None and job.run_at.year < 2000:
            raise InvalidJob(f"run_at is long over: {job.run_at}")
        return super().row_of(job)


@refused_by("delay.far", like="https://github.com/apache/airflow/issues/47971")
class OverflowsInTheFuture(PlainStorage):
    """Nanoseconds of the year 9999 don't fit 63 bits."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        (row.due * 1000).to_bytes(8, signed=True)
        return row


# --- QUEUES ---------------------------------------------------------------------------------------


@refused_by("queues.only_those", "queues.default", "queues.wait")
class TakesFromAnyQueue(PlainStorage):
    """A claim gets whatever there is."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        return super().claim(request._replace(queues=None))


@refused_by("queues.unknown")
class KnowsItsQueues(PlainStorage):
    """A queue that never held anything is an error."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        known = {row.job.queue for row in self.rows.values()}
        for queue in request.queues or () if known else ():
            if queue not in known and queue not in "ab":
                raise KeyError(queue)
        return super().claim(request)


@refused_by("queues.all")
class TakesNoneForTheDefault(PlainStorage):
    """A claim that names no queue gets the default one."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return super().is_wanted(row, queues or (DEFAULT_QUEUE,))


@refused_by("queues.unknown")
class TakesTheDefaultForAll(PlainStorage):
    """A job of the default queue is in every queue."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return row.job.queue == DEFAULT_QUEUE or super().is_wanted(row, queues)


@refused_by("queues.names", "inspects.by_queue")
class KnowsOnlySmallLetters(PlainStorage):
    """Mail is mail."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        row.job.queue = job.queue.lower()
        return row


@refused_by("queues.names", like="https://github.com/sidekiq/sidekiq/issues/3443")
class TakesANameForAPattern(PlainStorage):
    """LIKE."""

    def is_wanted(self, row: Row, queues: Sequence[str] | None) -> bool:
        return super().is_wanted(row, queues) or "%" in (queues or ())


@refused_by("base.fifo", "queues.order", like="https://github.com/andyet/thoonk.js/issues/26")
class LastInFirstOut(PlainStorage):
    """Pushes on the wrong end."""

    def order(self, row: Row) -> Any:
        return -row.job.priority, -row.number


@refused_by("queues.kept")
class RetriesInTheDefaultQueue(PlainStorage):
    """What is tried again is tried anywhere."""

    def postpone(self, row: Row, delay: float) -> None:
        super().postpone(row, delay)
        row.job.queue = DEFAULT_QUEUE


@refused_by("queues.many")
class ServesTheFirstQueues(PlainStorage):
    """Queues beyond 256 are never looked at."""

    def claim(self, request: ClaimRequest) -> list[Job]:
        served = list(dict.fromkeys(row.job.queue for row in self.rows.values()))[:256]
        return super().claim(request if request.queues else request._replace(queues=tuple(served)))


# --- TRANSACTIONS, POWER_SAFE ---------------------------------------------------------------------


@refused_by("transactions.connect")
class HasNoConnections(PlainStorage):
    """Promises to work in the caller's transaction, and doesn't say in which: a warning, so far."""

    connect = None  # type: ignore[assignment]


@refused_by("transactions.insert", "transactions.settle")
class CommitsByItself(PlainStorage):
    """A connection is accepted and ignored: a warning, so far."""

    def within(self, connection: Any) -> Any:
        return super().within(None)


@refused_by("transactions.settle")
class SettlesByItself(PlainStorage):
    """An insert waits for the caller's commit, a settlement doesn't: a warning, so far."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        return super().exchange(settle, claim)


@refused_by("power_safe.durable")
class SurvivesOnlyPowerCuts(PlainStorage):
    """Promises the more, and not the less."""

    promises = PlainStorage.promises | {Promise.POWER_SAFE}

    def connect(self) -> Connection:
        return Connection(self)
