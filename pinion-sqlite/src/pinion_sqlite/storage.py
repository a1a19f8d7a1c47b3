"""SqliteStorage: a queue in one file, safe among threads, processes and forks.

Inserts are synced to disk before they return; claims and settlements need not be, since losing one to a power cut
means that a job runs again, which every job must bear. One write transaction settles and claims.
"""

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from pinion.codec import Codec
from pinion.errors import StorageUnavailable, UndecodableJob
from pinion.job import Job
from pinion.storage import (
    SECOND,
    SYSTEM,
    Claim,
    ClaimRequest,
    Clock,
    Exchange,
    Failed,
    Inserted,
    KeyHeld,
    Promise,
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
from pinion_sqlite.connection import connect
from pinion_sqlite.control import Control
from pinion_sqlite.diary import Diary
from pinion_sqlite.failures import translated
from pinion_sqlite.inserts import Batch, batch_of, insert
from pinion_sqlite.inspection import Inspection
from pinion_sqlite.look import Look
from pinion_sqlite.queries import SQL
from pinion_sqlite.roll import Roll
from pinion_sqlite.rows import claimed_job
from pinion_sqlite.timetable import Timetable
from pinion_sqlite.turn import BEHIND
from pinion_sqlite.watch import CAN_WATCH, LONGEST_PAUSE, SOON, News, next_pause

__all__ = ["SqliteStorage"]

LONG = 3600.0

FOREIGN_CLOCK_PAUSE = 0.05
"""Seconds between two looks at a clock that isn't the system's: it may be set, or moved by hand, and tells nobody."""


class SqliteStorage(Inspection, Control, Timetable, Diary, Roll):
    """A queue in the file `path`, which is created unless `create` is false.

    codec: turns arguments and results into text and back.
    clock: tells the time; workers' clocks don't matter.
    synchronous: what an insert waits for: "full" (the disk, by default), "normal" or "off" (the operating system: a
    power cut may lose the last inserts, and POWER_SAFE is not promised).
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
            Promise.UNIQUE,
            Promise.RESULTS,
            Promise.TRANSACTIONS,
            Promise.INSPECTS,
            Promise.HISTORY,
            Promise.CONTROLS,
            Promise.SCHEDULES,
            Promise.STEPS,
            Promise.WORKERS,
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
        super().__init__(path, codec=codec, clock=clock, synchronous=synchronous, create=create)
        self._commits: GroupCommit[Batch, list[Inserted | KeyHeld]] = GroupCommit(self._commit_inserts)
        self._claimer = Claimer()
        self._has_turn = False  # a wait has returned first, and the claim it ran for is still to come
        _alive.add(self)

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        batch = batch_of(jobs, self.codec, self.clock.now())
        if not batch.rows:
            return []
        if connection is not None:
            with translated(self.path):
                return insert(connection, batch)
        answers: list[Inserted | KeyHeld] = self._commits.submit(batch)
        return answers

    def _commit_inserts(self, batches: Sequence[Batch]) -> list[list[Inserted | KeyHeld]]:
        self._follow()
        return self._connections.write(lambda connection: [insert(connection, batch) for batch in batches])

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        if connection is None:
            self._follow()
        now = self.clock.now()
        token = new_token()
        updates = settling.prepare(settle, self.codec, now)
        follow_ups = self._follow_ups(settle, now)

        def transaction(writer: sqlite3.Connection) -> tuple[list[Settled], list[Taken]]:
            settled = settling.apply(writer, settle, updates) if settle else []
            for place, batch in follow_ups:
                if settled[place] is Settled.SETTLED:
                    insert(writer, batch)
            return settled, self._claimer.claim(writer, claim, token, now) if claim else []

        if connection is None:
            settled, taken = self._connections.write(transaction, quick=True)
            self._watches.skip_news()
            if self._has_turn:
                self._has_turn = False
                self._watches.give_turns()
        else:
            with translated(self.path):
                settled, taken = transaction(connection)
        jobs = self._decoded(taken, claim, token, as_datetime(now), connection) if claim else []
        return Exchange(settled, jobs)

    def _follow_ups(self, settle: Sequence[Settlement], now: int) -> list[tuple[int, Batch]]:
        found = []
        for place, settlement in enumerate(settle):
            if settlement.then:
                self.accept(settlement.then)
                found.append((place, batch_of(settlement.then, self.codec, now)))
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
        self._follow()
        due = self.clock.now() + int(lease * SECOND)

        def transaction(writer: sqlite3.Connection) -> list[Signal]:
            return [_extend(writer, claim, due) for claim in claims]

        return self._connections.write(transaction, quick=True)

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        self._follow()
        look = self._connections.read(
            lambda reader: Look.take(reader, queues, self.clock.now())
        )  # a watch needs the log
        if self._nap(look) <= 0:
            return
        with self._watches.take() as watch:
            look, pause = self._look_again(look), SOON  # what was committed before a watch is made is never told
            if self._nap(look) <= 0:
                return
            while (left := deadline - monotonic()) > 0:
                first = watch.turn.take()
                news = watch.wait(min(pause, left, self._nap(look)))
                if news is News.WOKEN:
                    break
                pause = next_pause(pause, news)
                if pause == LONGEST_PAUSE and self._follow():
                    break
                look = self._look_again(look)
                if self._nap(look) <= 0 and (first or self._is_left_over(look)):
                    self._has_turn = first
                    return
            watch.turn.give()

    def _look_again(self, look: Look) -> Look:
        return self._connections.read(lambda reader: look.again(reader, self.clock.now()))

    def _is_left_over(self, look: Look) -> bool:
        """Whether there is still something to claim after the waiter whose turn it is had time for it."""
        sleep(BEHIND)
        return self._nap(self._look_again(look)) <= 0

    def _nap(self, look: Look) -> float:
        """Seconds until something is claimable, as far as is known."""
        if look.claimable:
            return 0.0
        most = LONG if self.clock is SYSTEM else FOREIGN_CLOCK_PAUSE
        return most if look.due is None else min(most, (look.due - self.clock.now()) / SECOND)

    def wake(self) -> None:
        self._watches.wake()

    def close(self) -> None:
        self._watches.close()
        self._connections.close()

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
        self._following = threading.Lock()
        self._commits.forget()
        self._watches.forget()

    def __repr__(self) -> str:
        return f"SqliteStorage({str(self.path)!r})"


def _extend(writer: sqlite3.Connection, claim: Claim, due: int) -> Signal:
    rows = writer.execute(SQL["extend"], (due, *claim)).fetchall()
    return Signal.LOST if not rows else Signal.CANCEL if rows[0][0] else Signal.HELD


_alive: weakref.WeakSet[SqliteStorage] = weakref.WeakSet()


def _after_fork() -> None:
    for storage in list(_alive):
        storage._forget()


os.register_at_fork(after_in_child=_after_fork)
