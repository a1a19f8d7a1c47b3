"""Wrong ClaimStorages: INSPECTS and RESULTS."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pinion import Job, Status
from pinion.errors import InvalidJob, JobNotFound
from pinion.outcome import Done, Failed, Outcome
from pinion.storage import Attempt, Query, Settled, Settlement
from right_storages.claiming import PlainClaims
from right_storages.plain import PlainStorage, Row
from right_storages.reading import PlainReading
from wrong_storages.catalogue import refused_by


@refused_by("inspects.get")
class ShowsNoKeywords(PlainStorage):
    """get tells half a call."""

    def shown(self, row: Row) -> Job:
        return replace(super().shown(row), kwargs={})


@refused_by("inspects.not_found")
class ReturnsNone(PlainStorage):
    """What isn't there is None."""

    def get(self, job_id: str) -> Job:
        try:
            return super().get(job_id)
        except JobNotFound:
            return None  # type: ignore[return-value]


@refused_by("inspects.life")
class DoesntSayWhenItEnded(PlainStorage):
    """No time on what is finished."""

    def finish(self, row: Row, status: Status) -> None:
        row.job.status = status


@refused_by("inspects.life")
class CutsErrorsShort(PlainStorage):
    """A traceback has a thousand characters."""

    def count_failure(self, row: Row, error: Any) -> None:
        super().count_failure(row, replace(error, traceback=error.traceback[:1000]))


@refused_by("inspects.snapshot")
class ShowsItsOwnHeaders(PlainStorage):
    """What get returns is what is stored."""

    def shown(self, row: Row) -> Job:
        job = super().shown(row)
        job.headers = row.job.headers
        return job


@refused_by("inspects.no_token")
class ShowsTokens(PlainStorage):
    """Whoever looks may settle: a warning."""

    def shown(self, row: Row) -> Job:
        job = super().shown(row)
        job.token = row.job.token
        return job


@refused_by("inspects.find")
class MindsTheCase(PlainStorage):
    """Add is not add."""

    def matches(self, row: Row, query: Query) -> bool:
        return super().matches(row, query) and query.task in (None, row.job.func_name)


@refused_by("inspects.find")
class FindsBeginnings(PlainStorage):
    """ad is add."""

    def matches(self, row: Row, query: Query) -> bool:
        begins = query.task is not None and row.job.func_name.lower().startswith(query.task.lower())
        return super().matches(row, replace(query, task=None) if begins else query)


@refused_by("inspects.by_queue")
class FindsInAnyQueue(PlainStorage):
    """Queues are told apart by their first letters, in lists."""

    def matches(self, row: Row, query: Query) -> bool:
        same = query.queue is not None and row.job.queue.lower() == query.queue.lower()
        return super().matches(row, replace(query, queue=None) if same else query)


@refused_by("inspects.pages")
class PagesByNumber(PlainStorage):
    """The next page begins behind as many as there were, whoever they were."""

    def find(self, query: Query) -> list[Job]:
        if query.after is None:
            self.offset = 0
        found = super().find(replace(query, after=None, limit=self.offset + query.limit, status=query.status))
        active = [job for job in found if job.status is not Status.SUCCESS] if query.limit == 4 else found
        page = active[self.offset :]
        self.offset += len(page)
        return page


@refused_by("inspects.order")
class ListsByInsertion(PlainStorage):
    """In the order in which they came."""

    def find(self, query: Query) -> list[Job]:
        found = super().find(replace(query, limit=2**31))
        return sorted(found, key=lambda job: self.rows[job.id].number)[: query.limit]


@refused_by("inspects.counts", like="https://github.com/riverqueue/river/pull/870")
class CountsOnlyWaiting(PlainStorage):
    """What runs or is finished isn't counted."""

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        return {queue: {Status.PENDING: by[Status.PENDING]} for queue, by in super().counts().items()}


@refused_by("inspects.steady", like="https://github.com/agronholm/apscheduler/issues/1116")
class CountsSettlements(PlainStorage):
    """A counter of failures that a repeated settlement moves too."""

    repeated = 0

    def repeats(self, row: Row, settlement: Settlement) -> bool:
        again = super().repeats(row, settlement)
        self.repeated += again and isinstance(settlement.outcome, Failed)
        return again

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        found = super().counts()
        return {queue: {**by, Status.FAILED: by[Status.FAILED] + self.repeated} for queue, by in found.items()}


@refused_by("inspects.refused")
class ReadsWithoutAPromise(PlainReading):
    """Has a group that it doesn't promise."""

    promises = PlainClaims.promises


@refused_by("inspects.attempts", "attempts.all")
class DoesntSayHowItWent(PlainStorage):
    """Attempts have no end."""

    def attempts(self, job_id: str) -> list[Attempt]:
        return [replace(attempt, outcome=None, ended_at=None) for attempt in super().attempts(job_id)]


@refused_by("inspects.attempts_not_found")
class NobodyNeverTried(PlainStorage):
    """What isn't there has no attempts."""

    def attempts(self, job_id: str) -> list[Attempt]:
        return super().attempts(job_id) if job_id in self.rows else []


# --- RESULTS --------------------------------------------------------------------------------------


@refused_by("results.kept")
class KeepsText(PlainStorage):
    """A result is what it looks like."""

    def encoded(self, outcome: Outcome) -> str | None:
        return self.codec.encode(str(outcome.result)) if isinstance(outcome, Done) else None


@refused_by("results.first", like="https://github.com/taskforcesh/bullmq/issues/2639")
class KeepsTheLastResult(PlainStorage):
    """A late worker's result replaces the right one."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        settled = super().settle(settlement, result, then)
        row = self.rows.get(settlement.claim.id)
        if row is not None and isinstance(settlement.outcome, Done):
            row.result = result
        return settled


@refused_by("results.none")
class KeepsAResultOfAFailure(PlainStorage):
    """A result that came too late stays with a job that failed."""

    def settle(self, settlement: Settlement, result: str | None, then: list[Row]) -> Settled:
        settled = super().settle(settlement, result, then)
        row = self.rows.get(settlement.claim.id)
        if row is not None and settled is Settled.LOST and row.settled_as is Failed:
            row.result = result
        return settled


@refused_by("results.refused_value")
class KeepsWhatItLooksLike(PlainStorage):
    """A result that can't be stored is stored as something else."""

    def encoded(self, outcome: Outcome) -> str | None:
        try:
            return super().encoded(outcome)
        except InvalidJob:
            return self.codec.encode(repr(outcome))


@refused_by("inspects.finished")
class WaitsForWhatIsGone(PlainStorage):
    """A job that isn't there is never finished."""

    def finished(self, job_ids: Sequence[str]) -> list[str]:
        return [job_id for job_id in super().finished(job_ids) if job_id in self.rows]
