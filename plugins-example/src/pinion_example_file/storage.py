"""FileStorage: the six methods of a ClaimStorage, and the group Inspects.

Each is one `with self._transaction() as state`: lock, read what others appended, decide, append, unlock.
"""

import errno
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from heapq import nsmallest
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from pinion.clock import SECOND, SYSTEM, Clock, monotonic, sleep
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import InvalidURL, JobNotFound, StorageClosed, StorageError, StorageUnavailable, UndecodableJob
from pinion.identity import new_token
from pinion.job import Job, Status
from pinion.outcome import Done, Failed, Outcome
from pinion.storage import (
    Claim,
    ClaimRequest,
    ClaimStorage,
    Exchange,
    Inserted,
    Inspects,
    KeyHeld,
    Promise,
    Query,
    Settled,
    Settlement,
    Signal,
    describe_error,
)
from pinion_example_file.log import Log, locked, replace
from pinion_example_file.record import Fields, Record, claimed, inserted, settled
from pinion_example_file.state import State

__all__ = ["FileStorage", "UnsyncedFileStorage", "open_storage"]

SLACK = 1000
"""Changes that a log may hold beyond two per job before it is compacted."""

FIRST_LOOK, LAST_LOOK = 0.001, 0.02
"""Seconds between two looks at the file while waiting; they grow from the first to the last."""

logger = logging.getLogger("pinion.file")


class FileStorage(ClaimStorage, Inspects):
    """A queue in an append-only file. All of it is also in the memory of every process that has it open.

    path: the log; its folder must exist. Beside it lies `path.lock`, which is to stay while anybody has the log open.
    Raises StorageError, StorageCorrupt or StorageUnavailable.
    """

    promises: ClassVar[frozenset[Promise]] = frozenset(
        {
            Promise.SHARED,
            Promise.DURABLE,
            Promise.POWER_SAFE,
            Promise.DELAY,
            Promise.QUEUES,
            Promise.RESULTS,
            Promise.INSPECTS,
        }
    )
    sync: ClassVar[bool] = True

    def __init__(
        self, path: str | os.PathLike[str], *, codec: Codec = DEFAULT_CODEC, clock: Clock = SYSTEM
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.codec = codec
        self.clock = clock
        self._memory: tuple[int, Log, State] | None = None  # with the process it belongs to; guarded by the file's lock
        self._wakes = 0
        self._closed = False
        with self._transaction():
            pass  # the log is there now, and can be read

    # --- the six methods --------------------------------------------------------------------------

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        encoded = [inserted(job, self.codec) for job in jobs]
        with self._transaction() as state:
            now = self.clock.now()
            return [_insert(state, job, fields, now) for job, fields in zip(jobs, encoded, strict=True)]

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.accept([job for settlement in settle for job in settlement.then], connection)
        results = [self._result(settlement.outcome) for settlement in settle]
        following = [[inserted(job, self.codec) for job in settlement.then] for settlement in settle]
        with self._transaction() as state:
            now = self.clock.now()
            answers = [_settle(state, *each, now) for each in zip(settle, results, following, strict=True)]
            return Exchange(answers, self._claim(state, claim, now) if claim else [])

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self._transaction() as state:
            lease_ends = self.clock.now() + int(lease * SECOND)
            return [_extend(state, claim, lease_ends) for claim in claims]

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        """Looks at the file every few milliseconds, and returns when it changed in any way."""
        deadline, wakes, pause = monotonic() + timeout, self._wakes, FIRST_LOOK
        with self._transaction() as state:
            claimable = state.first(queues, self.clock.now()) is not None
            moment, version = state.next_moment(), self._version()
        while not claimable and self._wakes == wakes and self._version() == version:
            left = deadline - monotonic()
            if moment is not None:
                left = min(left, (moment - self.clock.now()) / SECOND)
            if left <= 0:
                return
            sleep(min(pause, left))
            pause = min(pause * 1.2, LAST_LOOK)

    def wake(self) -> None:
        self._wakes += 1

    def close(self) -> None:
        self._closed = True
        self.wake()
        with suppress(OSError), locked(self.path):
            pass  # an operation in progress has ended
        if self._memory is not None:
            self._memory[1].close()
            self._memory = None

    # --- Inspects, and the size -------------------------------------------------------------------

    def size(self) -> int:
        with self._transaction() as state:
            return sum(record.status == Status.PENDING for record in state.records.values())

    def get(self, job_id: str) -> Job:
        with self._transaction() as state:
            record = state.records.get(job_id)
            job = None if record is None else self._show(record)
        if job is None:
            raise JobNotFound(f"{self.path} holds no job {job_id!r}")
        return job

    def find(self, query: Query) -> list[Job]:
        with self._transaction() as state:
            found = (record for record in state.records.values() if _matches(record, query))
            return [self._show(record) for record in nsmallest(query.limit, found, key=lambda record: record.id)]

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        counts: dict[str, Counter[Status]] = {}
        with self._transaction() as state:
            for record in state.records.values():
                counts.setdefault(record.queue, Counter())[Status(record.status)] += 1
        return counts

    def _show(self, record: Record) -> Job:
        try:
            return record.job(self.codec)
        except UndecodableJob as undecodable:
            job = record.bare_job()
            job.error = describe_error(undecodable)
            return job

    # --- the transaction --------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[State]:
        """The state, all of it and locked. What is changed in it is in the file when the block ends.

        If anything fails, then nothing was changed: the memory is dropped, and read anew from the file.
        """
        try:
            with locked(self.path), self._remembered() as (log, state):
                for transaction in log.read_on():
                    for job_id, fields in transaction:
                        state.apply(job_id, fields)
                yield state
                if state.changes:
                    log.append(state.changes)
                    state.changes.clear()
                    self._compact_if_long(state)
        except OSError as failed:
            raise _explained(self.path, failed) from failed

    @contextmanager
    def _remembered(self) -> Iterator[tuple[Log, State]]:
        """What this process had in memory, if it still fits the file. It is put back if the block doesn't fail."""
        if self._closed:
            raise StorageClosed(f"{self.path} was closed here: open it again")
        memory, self._memory = self._memory, None
        if memory is not None and (memory[0] != os.getpid() or not memory[1].is_current()):
            memory[1].close()
            memory = None
        pid, log, state = memory or (os.getpid(), Log(self.path, sync=self.sync), State())
        try:
            yield log, state
        except BaseException:
            log.close()
            raise
        self._memory = pid, log, state

    def _compact_if_long(self, state: State) -> None:
        """Replace the log by one line per job. Everybody, this process too, then finds another file, and reads it."""
        if state.applied <= 2 * len(state.records) + SLACK:
            return
        try:
            replace(self.path, ([_line_of(record)] for record in state.records.values()))
        except OSError as failed:
            logger.warning("%s stays as long as it is, since it can't be compacted: %s", self.path, failed)
            state.applied = 0  # so the next attempt is some time away

    def _version(self) -> tuple[int, int]:
        """Changes with everything that is appended, and with a compaction. Needs no lock."""
        status = os.stat(self.path)
        return status.st_ino, status.st_size

    # --- settling and claiming --------------------------------------------------------------------

    def _result(self, outcome: Outcome) -> str | None:
        kept = isinstance(outcome, Done) and outcome.result is not None
        return self.codec.encode(outcome.result) if kept else None
