"""Keeper: what every group of the storage in memory stands on: a ledger behind one lock, a codec, and a clock."""

from collections.abc import Sequence
from typing import Any

from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import JobNotFound, StorageClosed, UndecodableJob
from pinion.job import Job
from pinion.storage import SYSTEM, ClaimStorage, Clock, Inserted, KeyHeld, describe_error
from pinion_memory.ledger import Ledger
from pinion_memory.record import Record, snapshot

__all__ = ["Keeper"]


class Keeper(ClaimStorage):
    """Takes jobs in, and shows them. What it needs the lock for begins with `_`, and is called with it held."""

    def __init__(self, *, codec: Codec = DEFAULT_CODEC, clock: Clock = SYSTEM, ledger: Ledger | None = None) -> None:
        self.codec = codec
        self.clock = clock
        self._ledger = ledger or Ledger()
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            raise StorageClosed("this InMemoryStorage was closed: make a new one")

    def _snapshots(self, jobs: Sequence[Job]) -> list[Record]:
        """Needs no lock."""
        encode = self.codec.encode_call
        return [snapshot(job, encode(job.args, job.kwargs)) for job in jobs]

    def _insert(self, records: list[Record], now: int) -> list[Inserted | KeyHeld]:
        answers: list[Inserted | KeyHeld] = [self._ledger.insert(record, now) for record in records]
        self._ledger.changed.notify_all()
        return answers

    def _find(self, job_id: str) -> Record:
        self._check_open()
        if (record := self._ledger.records.get(job_id)) is None:
            raise JobNotFound(f"no job {job_id!r} is in this storage")
        return record

    def _show(self, record: Record) -> Job:
        """The job as it is to be read; without its token, which only its holder has."""
        try:
            args, kwargs = self.codec.decode_call(record.call)
            return record.job(args, kwargs, self._value(record.result), self._value(record.progress), None)
        except UndecodableJob as undecodable:
            job = record.job((), {}, None, None, None)
            job.error = describe_error(undecodable)
            return job

    def _value(self, text: str | None) -> Any:
        return None if text is None else self.codec.decode(text)
