"""SqliteStorage: a queue in one file, safe among threads, processes and forks.

Inserts are synced to disk before they return; claims and settlements need not be, since losing one to a power cut
means that a job runs again, which every job must bear. One write transaction settles and claims.
"""

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import InvalidURL, JobNotFound, StorageClosed, StorageUnavailable, UndecodableJob
from pinion.job import Job, Status
from pinion.storage import (
    SECOND,
    SYSTEM,
    Claim,
    ClaimRequest,
    ClaimStorage,
    Clock,
    Exchange,
    Failed,
    Inserted,
    Inspects,
    KeyHeld,
    Promise,
    Query,
    Settled,
    Settlement,
    Signal,
    as_datetime,
    describe_error,
    monotonic,
    new_token,
    sleep,
)
from pinion_sqlite import settle as settling
from pinion_sqlite.claim import Claimer, Taken
from pinion_sqlite.commits import GroupCommit
from pinion_sqlite.connection import Connections, connect
from pinion_sqlite.failures import translated
from pinion_sqlite.filesystem import check_place
from pinion_sqlite.look import Look
from pinion_sqlite.queries import SQL
from pinion_sqlite.rows import INSERTED, STATUSES, claimed_job, row_of, whole_job
from pinion_sqlite.schema import prepare
from pinion_sqlite.turn import BEHIND
from pinion_sqlite.watch import CAN_WATCH, FIRST_PAUSE, LONGEST_PAUSE, News, Watch

__all__ = ["SqliteStorage"]

Row = tuple[Any, ...]
Insert = tuple[str | None, Row]
"""A row and the token under which its job may be held by whoever inserts it."""

_MODES = ("full", "normal", "off")

LONG = 3600.0

FOREIGN_CLOCK_PAUSE = 0.05
"""Seconds between two looks at a clock that isn't the system's: it may be set, or moved by hand, and tells nobody."""


class SqliteStorage(ClaimStorage, Inspects):
    """A queue in the file `path`, which is created unless `create` is false.

    codec: turns arguments and results into text and back.
    clock: tells the time; workers' clocks don't matter.
    synchronous: what an insert waits for: "full" (the disk, by default), "normal" or "off" (the operating system: a
    power cut
        may lose the last inserts, and POWER_SAFE is not promised).
    Raises StorageError, StorageCorrupt or StorageUnavailable if the file can't be used, and leaves it as it is.
    """

    promises: ClassVar[frozenset[Promise]] = frozenset(
        {
            Promise.SHARED,
            Promise.DURABLE,
            Promise.POWER_SAFE,
            Promise.DELAY,
            Promise.QUEUES,
            Promise.PRIORITY,
            Promise.RESULTS,
            Promise.TRANSACTIONS,
            Promise.INSPECTS,
        }
        | ({Promise.WAKEUPS} if CAN_WATCH else set())
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        codec: Codec | None = None,
        clock: Clock | None = None,
        synchronous: str = "full",
        create: bool = True,
    ) -> None:
        if synchronous not in _MODES:
            raise InvalidURL(f"synchronous must be one of {', '.join(_MODES)}, got {synchronous!r}")
        if os.fspath(path) in ("", ":memory:"):
            raise InvalidURL(
                "SqliteStorage keeps a file; name one, or use memory:// for a queue that ends with the process"
            )
        self.path = Path(os.path.abspath(path))
        self.codec: Codec = codec or DEFAULT_CODEC
        self.clock: Clock = clock or SYSTEM
        self._quick = "OFF" if synchronous == "off" else "NORMAL"
        if synchronous != "full":
            self.promises = type(self).promises - {Promise.POWER_SAFE}  # type: ignore[misc]  # this object promises less
        self._connections = Connections(self.path, synchronous.upper())
        self._commits: GroupCommit[list[Insert], list[Inserted | KeyHeld]] = GroupCommit(self._commit_inserts)
        self._claimer = Claimer()
        self._watches: set[Watch] = set()  # of the waits in progress
        self._spare_watches: list[Watch] = []
        self._watching = threading.Lock()  # guards the two above
        self._closed = False
        self._has_turn = False  # a wait has returned first, and the claim it ran for is still to come
        check_place(self.path, create)
        try:
            self._set_up()
        except BaseException:
            self._connections.close()
            raise
        _alive.add(self)

    def _set_up(self) -> None:
        with translated(self.path):
            connection = connect(self.path)
            try:
                _set_journal(connection)
            finally:
                connection.close()
        self._connections.write(lambda connection: prepare(connection, self.path))

    # --- the six methods --------------------------------------------------------------------------

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        now = self.clock.now()
        rows = [(job.token, row_of(job, self.codec, now)) for job in jobs]
        if not rows:
            return []
        if connection is not None:
            with translated(self.path):
                return [_insert_one(connection, token, row) for token, row in rows]
        answers: list[Inserted | KeyHeld] = self._commits.submit(rows)
        return answers

    def _commit_inserts(self, batches: Sequence[list[Insert]]) -> list[list[Inserted | KeyHeld]]:
        return self._connections.write(lambda connection: [_insert(connection, rows) for rows in batches])

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        now = self.clock.now()
        token = new_token()
        updates = settling.prepare(settle, self.codec, now)
        follow_ups = self._follow_ups(settle, now)

        def transaction(writer: sqlite3.Connection) -> tuple[list[Settled], list[Taken]]:
            settled = settling.apply(writer, settle, updates) if settle else []
            for place, jobs in follow_ups:
                if settled[place] is Settled.SETTLED:
                    _insert(writer, jobs)
            return settled, self._claimer.claim(writer, claim, token, now) if claim else []

        if connection is None:
            settled, taken = self._connections.write(transaction, self._quick)
            if self._has_turn:
                self._give_turns()
        else:
            with translated(self.path):
                settled, taken = transaction(connection)
        jobs = self._decoded(taken, claim, token, as_datetime(now), connection) if claim else []
        return Exchange(settled, jobs)

    def _follow_ups(self, settle: Sequence[Settlement], now: int) -> list[tuple[int, list[Insert]]]:
        found = []
        for place, settlement in enumerate(settle):
            if settlement.then:
                self.accept(settlement.then)
                found.append((place, [(job.token, row_of(job, self.codec, now)) for job in settlement.then]))
        return found

    def _decoded(
        self, taken: list[Taken], claim: ClaimRequest, token: str, now: datetime, connection: Any
    ) -> list[Job]:
        jobs = []
        for queue, rows in taken:
            for row in rows:
                try:
                    jobs.append(claimed_job(row, queue, claim.worker, token, now, self.codec))
                except UndecodableJob as undecodable:
                    failed = Settlement(Claim(row[3], token), Failed(describe_error(undecodable)))
                    with contextlib.suppress(StorageUnavailable):  # it is claimed again, alone, when its lease is over
                        self.exchange([failed], connection=connection)
        return jobs

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        due = self.clock.now() + int(lease * SECOND)

        def transaction(writer: sqlite3.Connection) -> list[int]:
            return [writer.execute(SQL["extend"], (due, *claim)).rowcount for claim in claims]

        changed = self._connections.write(transaction, self._quick)
        return [Signal.HELD if count else Signal.LOST for count in changed]

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        look = self._connections.read(lambda reader: Look.take(reader, queues))  # opens the log, which a watch needs
        if self._nap(look) <= 0:
            return
        with self._watch() as watch:
            pause = FIRST_PAUSE
            while (left := deadline - monotonic()) > 0:
                first = watch.turn.take()
                news = watch.wait(min(pause, left, self._nap(look)))
                if news is News.WOKEN:
                    break
                # A commit shows some time after the log was written, and one may have been under way when this began.
                pause = FIRST_PAUSE if news is News.WRITTEN else min(pause * 1.25, LONGEST_PAUSE)
                look = self._connections.read(look.again)
                if self._nap(look) <= 0 and (first or self._is_left_over(look)):
                    self._has_turn = first
                    return
            watch.turn.give()

    def _give_turns(self) -> None:
        """What the waits of this storage ran for is claimed: let another waiter go first."""
        self._has_turn = False
        with self._watching:
            for watch in self._spare_watches:
                watch.turn.give()

    def _is_left_over(self, look: Look) -> bool:
        """Whether there is still something to claim after the waiter whose turn it is had time for it."""
        sleep(BEHIND)
        return self._nap(self._connections.read(look.again)) <= 0

    def _nap(self, look: Look) -> float:
        """Seconds until something is claimable, as far as is known."""
        if look.claimable:
            return 0.0
        most = LONG if self.clock is SYSTEM else FOREIGN_CLOCK_PAUSE
        return most if look.due is None else min(most, (look.due - self.clock.now()) / SECOND)

    @contextlib.contextmanager
    def _watch(self) -> Iterator[Watch]:
        """A watch for this wait. They are kept, since the kernel takes milliseconds to dismantle one."""
        with self._watching:
            if self._closed:
                raise StorageClosed(f"{self.path} was closed; open it again")
            watch = self._spare_watches.pop() if self._spare_watches else Watch(self._connections.log)
            self._watches.add(watch)
        try:
            yield watch
        finally:
            with self._watching:
                self._watches.discard(watch)
                if self._closed:
                    watch.close()
                else:
                    watch.forget()
                    self._spare_watches.append(watch)

    def wake(self) -> None:
        with self._watching:
            for watch in self._watches:
                watch.wake()

    def close(self) -> None:
        with self._watching:
            self._closed = True
            spare, self._spare_watches = self._spare_watches, []
        for watch in spare:
            watch.close()
        self.wake()
        self._connections.close()

    def size(self) -> int:
        return int(self._connections.read(lambda reader: reader.execute(SQL["size"]).fetchone()[0]))

    # --- Inspects ---------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job:
        row = self._connections.read(lambda reader: reader.execute(SQL["get"], (job_id,)).fetchone())
        if row is None:
            raise JobNotFound(f"{self.path} holds no job with the id {job_id!r}")
        return whole_job(row, self.codec)

    def find(self, query: Query) -> list[Job]:
        parameters = {
            "after": query.after or "",
            "status": None if query.status is None else STATUSES.index(query.status),
            "queue": query.queue,
            "task": None if query.task is None else query.task.lower(),
            "limit": query.limit,
        }
        rows = self._connections.read(lambda reader: reader.execute(SQL["find"], parameters).fetchall())
        return [whole_job(row, self.codec) for row in rows]

    def counts(self) -> Mapping[str, Mapping[Status, int]]:
        rows = self._connections.read(lambda reader: reader.execute(SQL["counts"]).fetchall())
        counts: dict[str, dict[Status, int]] = {}
        for queue, status, number in rows:
            by_status = counts.setdefault(queue, {})
            by_status[STATUSES[status]] = by_status.get(STATUSES[status], 0) + number
        return {queue: {status: n for status, n in by_status.items() if n} for queue, by_status in counts.items()}

    def connect(self) -> sqlite3.Connection:
        """A connection of the caller's own, for `connection=`: what is inserted through it is there once it commits.

        Its transactions take the write lock when they begin, and it waits for others as the storage does. It makes no
        checkpoints of its own; those of a connection opened otherwise are passive (see the guarantees).
        """
        with translated(self.path):
            connection = connect(self.path)
        connection.isolation_level = "IMMEDIATE"
        return connection

    def backup(self, target: str | os.PathLike[str]) -> None:
        """Copy the queue to another file while it is in use; the copy is whole, as of one moment."""
        with translated(self.path), contextlib.ExitStack() as opened:
            source = opened.enter_context(contextlib.closing(connect(self.path)))
            copy = opened.enter_context(contextlib.closing(sqlite3.connect(target)))
            source.backup(copy)

    def _forget(self) -> None:
        """In a child process: the parent's threads, and their waits, are not here."""
        self._commits.forget()
        self._watching = threading.Lock()
        for watch in (*self._watches, *self._spare_watches):
            watch.close()
        self._watches, self._spare_watches = set(), []

    def __repr__(self) -> str:
        return f"SqliteStorage({str(self.path)!r})"


def _set_journal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, so that readers and the writer don't wait for each other; a property of the file."""
    # A new file gets pages of half the usual size: an insert changes three of them, and a commit writes them whole.
    connection.execute("PRAGMA page_size = 2048")
    deadline = monotonic() + 10.0
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if mode == "wal" or connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as raised:
            if raised.sqlite_errorname != "SQLITE_BUSY" or monotonic() > deadline:
                raise
        sleep(0.005)  # another process is creating the file just now


def _insert(connection: sqlite3.Connection, rows: list[Insert]) -> list[Inserted | KeyHeld]:
    if len(rows) > 1:
        connection.execute("SAVEPOINT pinion_insert")
        if connection.executemany(SQL["insert"], [row for _, row in rows]).rowcount == len(rows):
            connection.execute("RELEASE pinion_insert")
            return [Inserted.NEW] * len(rows)
        connection.execute("ROLLBACK TO pinion_insert")
        connection.execute("RELEASE pinion_insert")
    return [_insert_one(connection, token, row) for token, row in rows]


def _insert_one(connection: sqlite3.Connection, token: str | None, row: Row) -> Inserted:
    if connection.execute(SQL["insert"], row).rowcount:
        return Inserted.NEW
    again = dict(zip(INSERTED, row, strict=True), token=token)
    return Inserted.AGAIN if connection.execute(SQL["again"], again).rowcount else Inserted.SAME_ID


_alive: weakref.WeakSet[SqliteStorage] = weakref.WeakSet()


def _after_fork() -> None:
    for storage in list(_alive):
        storage._forget()


os.register_at_fork(after_in_child=_after_fork)
