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

    def __init__(self, path: str | os.PathLike[str], *, codec: Codec = DEFAULT_CODEC, clock: Clock = SYSTEM) -> None:
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
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0  # the next operation says what is wrong
        return status.st_ino, status.st_size

    # --- settling and claiming --------------------------------------------------------------------

    def _result(self, outcome: Outcome) -> str | None:
        if isinstance(outcome, Done) and outcome.result is not None:
            return self.codec.encode(outcome.result)
        return None

    def _claim(self, state: State, request: ClaimRequest, now: int) -> list[Job]:
        jobs: list[Job] = []
        while len(jobs) < request.limit and (record := state.first(request.queues, now)) is not None:
            alone = record.is_suspect()
            if alone and jobs:
                break
            if (job := self._hand_out(state, record, request, now)) is not None:
                jobs.append(job)
                if alone:
                    break
        return jobs

    def _hand_out(self, state: State, record: Record, request: ClaimRequest, now: int) -> Job | None:
        """The job, claimed; or None, and the job FAILED, if it can't be decoded."""
        state.change(record.id, **claimed(record, request, new_token(), now))
        try:
            return record.job(self.codec, token=record.token)
        except UndecodableJob as undecodable:
            state.change(record.id, **settled(record, Failed(describe_error(undecodable)), None, now))
            return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"


class UnsyncedFileStorage(FileStorage):
    """The same, but for power cuts: it leaves to the system when the disk gets what was accepted.

    A storage that promises something else is a class of its own, so that everybody can ask the class.
    """

    promises: ClassVar[frozenset[Promise]] = FileStorage.promises - {Promise.POWER_SAFE}
    sync: ClassVar[bool] = False


def _insert(state: State, job: Job, fields: Fields, now: int) -> Inserted:
    record = state.records.get(job.id)
    if record is not None and not record.comes_back(job):
        return Inserted.SAME_ID
    rank = now if fields["run_at"] is None else fields["run_at"]
    if record is None:
        state.change(job.id, seq=len(state.records), rank=rank, **fields)
        return Inserted.NEW
    state.change(job.id, rank=rank, **fields)
    return Inserted.AGAIN


def _settle(state: State, settlement: Settlement, result: str | None, then: list[Fields], now: int) -> Settled:
    claim, outcome = settlement.claim, settlement.outcome
    record = state.records.get(claim.id)
    if record is None:
        return Settled.LOST
    if not record.is_held(claim):
        return Settled.SETTLED if record.was_settled(claim, outcome, result) else Settled.LOST
    state.change(record.id, **settled(record, outcome, result, now))
    for job, fields in zip(settlement.then, then, strict=True):
        _insert(state, job, fields, now)
    return Settled.SETTLED


def _extend(state: State, claim: Claim, lease_ends: int) -> Signal:
    record = state.records.get(claim.id)
    if record is None or not record.is_held(claim):
        return Signal.LOST
    state.change(record.id, lease_ends=lease_ends)
    return Signal.HELD


def _matches(record: Record, query: Query) -> bool:
    return (
        (query.after is None or record.id > query.after)
        and (query.status is None or record.status == query.status)
        and (query.queue is None or record.queue == query.queue)
        and (query.task is None or record.func_name.lower() == query.task.lower())
    )


def _line_of(record: Record) -> tuple[str, Fields]:
    fields = asdict(record)
    return fields.pop("id"), fields


def _explained(path: Path, failed: OSError) -> StorageError:
    """What the system refused, as an error of Pinion that says whether trying again can help."""
    if not path.parent.is_dir():
        return StorageError(f"{path}: there is no folder {path.parent}; create it first")
    if failed.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(f"{path} can't be written: let this user write the file and its folder ({failed})")
    if failed.errno in (errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return StorageError(f"{path} can't be a log: name another file ({failed})")
    return StorageUnavailable(f"{path}: nothing was changed, try again later ({failed})")


def open_storage(url: str, *, codec: Codec | None = None, clock: Clock | None = None) -> FileStorage:
    """Open the file that the URL names: three slashes before a relative path, four before an absolute one.

    `?fsync=never` lets an insert return before the disk has it. Raises InvalidURL, StorageError.
    """
    parts = urlsplit(url)
    if parts.netloc or len(parts.path) < 2 or parts.query not in ("", "fsync=always", "fsync=never"):
        raise InvalidURL(f"{url!r}: write file:///jobs.log or file:////var/lib/jobs.log, perhaps with ?fsync=never")
    kind = UnsyncedFileStorage if parts.query == "fsync=never" else FileStorage
    return kind(unquote(parts.path[1:]), codec=codec or DEFAULT_CODEC, clock=clock or SYSTEM)
