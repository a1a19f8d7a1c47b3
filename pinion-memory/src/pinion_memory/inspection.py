"""Inspection: reading what is in memory, and waiting for the end of a job."""

from collections.abc import Mapping, Sequence
from heapq import nsmallest
from threading import TIMEOUT_MAX, Condition

from pinion.job import FINISHED, Job, Status
from pinion.storage import Attempt, Inspects, Query, monotonic
from pinion_memory.keeper import Keeper
from pinion_memory.record import Record

__all__ = ["Inspection"]


class Inspection(Keeper, Inspects):
    """The group Inspects."""

    def size(self) -> int:
        with self._ledger.changed:
            self._check_open()
            return sum(tally[Status.PENDING] for tally in self._ledger.tally.values())

    def get(self, job_id: str) -> Job:
        with self._ledger.changed:
            return self._show(self._find(job_id))

    def find(self, query: Query) -> list[Job]:
        with self._ledger.changed:
            self._check_open()
            return self._matching(query)

    def _matching(self, query: Query) -> list[Job]:
        found = (record for record in self._ledger.records.values() if _matches(record, query))
        return [self._show(record) for record in nsmallest(query.limit, found, key=lambda record: record.id)]

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        with self._ledger.changed:
            self._check_open()
            return self._counts()

    def _counts(self) -> Mapping[str, Mapping[Status, int]]:
        return {
            queue: {status: number for status, number in tally.items() if number}
            for queue, tally in self._ledger.tally.items()
            if any(tally.values())
        }

    def attempts(self, job_id: str) -> list[Attempt]:
        with self._ledger.changed:
            return self._find(job_id).history()

    # --- waiting ----------------------------------------------------------------------------------

    def finished(self, job_ids: Sequence[str]) -> list[str]:
        with self._ledger.changed:
            self._check_open()
            return [job_id for job_id in job_ids if not self._is_unfinished(job_id)]

    def wait_finished(self, job_id: str, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self._ledger.changed:
            self._find(job_id)
            self._await(job_id, deadline)

    def _await(self, job_id: str, deadline: float) -> None:
        told = self._ledger.expect_end(job_id)
        try:
            self._wait_until_finished(job_id, told, deadline)
        finally:
            self._ledger.expect_no_more(job_id, told)

    def _wait_until_finished(self, job_id: str, told: Condition, deadline: float) -> None:
        # a loop of its own, for the reason that `InMemoryStorage._wait` tells
        while not self._closed and self._is_unfinished(job_id) and (left := deadline - monotonic()) > 0:
            told.wait(min(left, TIMEOUT_MAX))

    def _is_unfinished(self, job_id: str) -> bool:
        record = self._ledger.records.get(job_id)
        return record is not None and record.status not in FINISHED


def _matches(record: Record, query: Query) -> bool:
    return (
        (query.after is None or record.id > query.after)
        and (query.status is None or record.status is query.status)
        and (query.queue is None or record.queue == query.queue)
        and (query.task is None or record.func_name.lower() == query.task.lower())
    )
