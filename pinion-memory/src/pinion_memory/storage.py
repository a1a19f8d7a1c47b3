"""InMemoryStorage: claims from a ledger behind one lock, and waiting for them."""

import re
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import InvalidURL, UndecodableJob
from pinion.job import Job
from pinion.storage import (
    SECOND,
    SYSTEM,
    Claim,
    ClaimRequest,
    Clock,
    Done,
    Exchange,
    Failed,
    Inserted,
    KeyHeld,
    Promise,
    Settled,
    Settlement,
    Signal,
    describe_error,
    monotonic,
    new_token,
)
from pinion_memory.control import Control
from pinion_memory.diary import Diary
from pinion_memory.inspection import Inspection
from pinion_memory.ledger import Ledger
from pinion_memory.moment import NEVER
from pinion_memory.record import Record
from pinion_memory.roll import Roll
from pinion_memory.timetable import Timetable

__all__ = ["InMemoryStorage", "open_storage"]

LOOK = 0.05
"""Seconds after which a wait asks the clock again: it may be set, or moved by hand, and tells nobody."""


class InMemoryStorage(Inspection, Control, Timetable, Diary, Roll):
    """A queue in the memory of this process, and gone with it. A forked child has a copy of its own.

    codec: how arguments and results are kept, so that what is accepted here is accepted on disk too.
    ledger: where the jobs are kept, if several storages of this process are to share them.
    """

    promises: ClassVar[frozenset[Promise]] = frozenset(Promise) - {
        Promise.SHARED,
        Promise.DURABLE,
        Promise.POWER_SAFE,
        Promise.TRANSACTIONS,
    }

    def __init__(self, *, codec: Codec = DEFAULT_CODEC, clock: Clock = SYSTEM, ledger: Ledger | None = None) -> None:
        super().__init__(codec=codec, clock=clock, ledger=ledger)
        self._calls = 0  # of `wake`

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        self.accept(jobs, connection)
        records = self._snapshots(jobs)
        with self._ledger.changed:
            self._check_open()
            return self._insert(records, self.clock.now())

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.accept((), connection)
        prepared = [self._prepare(settlement) for settlement in settle]
        with self._ledger.changed:
            self._check_open()
            now = self.clock.now()
            settled = [self._settle_one(*each, now) for each in prepared]
            return Exchange(settled, self._claim(claim, now) if claim else [])

    def _prepare(self, settlement: Settlement) -> tuple[Settlement, str | None, list[Record]]:
        """Everything that may be refused, before anything is changed."""
        outcome, then = settlement.outcome, settlement.then
        result = None
        if isinstance(outcome, Done) and outcome.result is not None:
            result = self.codec.encode(outcome.result)
        if not then:
            return settlement, result, []
        self.accept(then)
        return settlement, result, self._snapshots(then)

    def _settle_one(self, settlement: Settlement, result: str | None, then: list[Record], now: int) -> Settled:
        settled, changed = self._ledger.settle(settlement.claim, settlement.outcome, result, now)
        if changed:
            if then:
                self._insert(then, now)
            elif type(settlement.outcome) is not Done:
                self._ledger.changed.notify_all()
        return settled

    def _claim(self, request: ClaimRequest, now: int) -> list[Job]:
        """Claim until there is a job that can be decoded, or none is left."""
        token = new_token()
        while records := self._ledger.claim(request, token, now):
            jobs = [job for record in records if (job := self._hand_out(record, now)) is not None]
            if jobs:
                return jobs
        return []

    def _hand_out(self, record: Record, now: int) -> Job | None:
        try:
            args, kwargs = self.codec.decode_call(record.call)
            progress = None if record.progress is None else self.codec.decode(record.progress)
        except UndecodableJob as undecodable:
            failed = Failed(describe_error(undecodable))
            self._ledger.settle(Claim(record.id, record.token or ""), failed, None, now)
            return None
        return record.job(args, kwargs, None, progress, record.token)

    def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
        with self._ledger.changed:
            self._check_open()
            return self._extend(claims, self.clock.now() + int(lease * SECOND))

    def _extend(self, claims: Sequence[Claim], lease_ends: int) -> list[Signal]:
        return [self._ledger.extend(claim, lease_ends) for claim in claims]

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self._ledger.changed:
            self._check_open()
            self._wait(queues, deadline)

    def _wait(self, queues: Sequence[str] | None, deadline: float) -> None:
        # Not in the block that holds the lock: Python 3.13 leaves a block without ending it if Ctrl-C, or the timeout
        # of a task, comes as a loop in it begins anew (https://github.com/python/cpython/issues/130279).
        calls = self._calls
        while not self._closed and calls == self._calls:
            now = self.clock.now()
            left = deadline - monotonic()
            if left <= 0 or self._ledger.claimable(queues, now):
                return
            self._ledger.changed.wait(min(left, self._until_something_is_due(now)))

    def _until_something_is_due(self, now: int) -> float:
        """Seconds; without a lease or a delay nothing comes by itself."""
        moment = self._ledger.next_moment()
        return min(LOOK, (moment - now) / SECOND) if moment < NEVER else threading.TIMEOUT_MAX

    def wake(self) -> None:
        with self._ledger.changed:
            self._calls += 1
            self._ledger.changed.notify_all()

    def close(self) -> None:
        with self._ledger.changed:
            self._closed = True
            self._ledger.tell_all()

    def __repr__(self) -> str:
        return "InMemoryStorage()"


_named: dict[str, Ledger] = {}


def open_storage(url: str, *, codec: Codec | None = None, clock: Clock | None = None) -> InMemoryStorage:
    """`memory://` is a new queue of its own; `memory://name` is the one of that name in this process.

    Raises InvalidURL.
    """
    scheme, separator, name = url.partition("://")
    if scheme.lower() != "memory" or not separator or not re.fullmatch(r"[\w.-]*", name):
        raise InvalidURL(f"{url!r}: write memory:// for a queue of its own, or memory://name for one to be shared")
    ledger = _named.setdefault(name, Ledger()) if name else None
    return InMemoryStorage(codec=codec or DEFAULT_CODEC, clock=clock or SYSTEM, ledger=ledger)
