"""FileStorage: the six methods of a ClaimStorage, and the group Inspects, each a transaction of the journal."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import InvalidURL, JobNotFound, StorageError, UndecodableJob
from pinion.job import Job, Status
from pinion.storage import (
    SECOND,
    SYSTEM,
    Claim,
    ClaimRequest,
    ClaimStorage,
    Clock,
    Done,
    Exchange,
    Failed,
    Inserted,
    Inspects,
    KeyHeld,
    Outcome,
    Promise,
    Query,
    Settlement,
    Signal,
    describe_error,
    monotonic,
    new_token,
    sleep,
)
from pinion_example_file.journal import Journal
from pinion_example_file.record import Record, claimed, inserted, settled
from pinion_example_file.state import State

__all__ = ["FileStorage", "UnsyncedFileStorage", "open_storage"]

FIRST_LOOK, LAST_LOOK = 0.001, 0.02
"""Seconds between two looks at the file while waiting; they grow from the first to the last."""


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

    def __init__(self, path: str | os.PathLike[str], *, codec: Codec = DEFAULT_CODEC, clock: Clock = SYSTEM) -> None:
        self.path = Path(os.path.realpath(path))
        self.codec = codec
        self.clock = clock
        self._wakes = 0  # calls of `wake` and `close`
        self._journal = Journal(self.path, sync=Promise.POWER_SAFE in self.promises)
        with self._journal.transaction():
            pass  # now the log is there, and can be read

    # --- the six methods, and the size ------------------------------------------------------------

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        encoded = [inserted(job, self.codec) for job in jobs]
        with self._journal.transaction() as state:
            now = self.clock.now()
            return [state.insert(*each, now) for each in zip(jobs, encoded, strict=True)]

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.accept([job for settlement in settle for job in settlement.then], connection)
        results = [self._encode_result(settlement.outcome) for settlement in settle]
        following = [[inserted(job, self.codec) for job in settlement.then] for settlement in settle]
        with self._journal.transaction() as state:
            now = self.clock.now()
            answers = [state.settle(*each, now) for each in zip(settle, results, following, strict=True)]
            return Exchange(answers, self._claim(state, claim, now) if claim else [])

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self._journal.transaction() as state:
            lease_ends = self.clock.now() + int(lease * SECOND)
            return [state.extend(claim, lease_ends) for claim in claims]

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        """Looks at the file every few milliseconds, and returns when it changed in any way."""
        deadline, wakes, pause = monotonic() + timeout, self._wakes, FIRST_LOOK
        with self._journal.transaction() as state:
            claimable = state.first(queues, self.clock.now()) is not None
            moment, version = state.next_moment(), self._journal.version()
        while not claimable and self._wakes == wakes and self._journal.version() == version:
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
        self.wake()
        self._journal.close()

    def size(self) -> int:
        with self._journal.transaction() as state:
            return sum(record.status == Status.PENDING for record in state.records.values())

    # --- claiming ---------------------------------------------------------------------------------

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
        state.change(record.id, claimed(record, request, new_token(), now))
        try:
            return record.job(self.codec, token=record.token)
        except UndecodableJob as undecodable:
            state.change(record.id, settled(record, Failed(describe_error(undecodable)), None, now))
            return None

    def _encode_result(self, outcome: Outcome) -> str | None:
        if isinstance(outcome, Done) and outcome.result is not None:
            return self.codec.encode(outcome.result)
        return None

    # --- Inspects ---------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job:
        with self._journal.transaction() as state:
            record = state.records.get(job_id)
            job = None if record is None else self._show(record)
        if job is None:
            raise JobNotFound(f"{self.path} holds no job {job_id!r}")
        return job

    def find(self, query: Query) -> list[Job]:
        with self._journal.transaction() as state:
            found = (record for record in state.records.values() if record.matches(query))
            return [self._show(record) for record in nsmallest(query.limit, found, key=lambda record: record.id)]

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        counts: dict[str, Counter[Status]] = {}
        with self._journal.transaction() as state:
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"


class UnsyncedFileStorage(FileStorage):
    """The same, but for power cuts: it leaves to the system when the disk gets what was accepted.

    After a power cut the last jobs may be missing, or the log may be refused as damaged. A storage that promises less
    is a class of its own, so that everybody can ask the class.
    """

    promises: ClassVar[frozenset[Promise]] = FileStorage.promises - {Promise.POWER_SAFE}


def open_storage(
    url: str, *, codec: Codec | None = None, clock: Clock | None = None, create: bool = True
) -> FileStorage:
    """Open the file that the URL names: three slashes before a relative path, four before an absolute one.

    `?fsync=never` lets an insert return before the disk has it. create: whether a file that isn't there is made.
    Raises InvalidURL, and as `FileStorage`.
    """
    parts = urlsplit(url)
    path = unquote(parts.path[1:])
    if parts.netloc or not path or parts.query not in ("", "fsync=always", "fsync=never"):
        raise InvalidURL(f"{url!r}: write file:///jobs.log or file:////var/lib/jobs.log, perhaps with ?fsync=never")
    if not create and not os.path.exists(path):
        raise StorageError(f"there is no file {path}; the first enqueue or worker makes it")
    kind = UnsyncedFileStorage if parts.query == "fsync=never" else FileStorage
    return kind(path, codec=codec or DEFAULT_CODEC, clock=clock or SYSTEM)
