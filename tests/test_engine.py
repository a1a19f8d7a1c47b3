"""The engine and its claims: what is held, for how long, and that all of it is let go."""

import threading
from collections.abc import Sequence

import pytest

from pinion import Job, Registry, RetryPolicy, Status, Worker, task
from pinion.clock import monotonic, sleep
from pinion.errors import StorageUnavailable
from pinion.hooks import Hooks
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Exchange, Settlement, Signal
from pinion.testing import ManualClock
from pinion.worker.engine import Engine
from pinion.worker.report import Ended, Report
from pinion.worker.settings import Settings
from pinion.worker.threads import PATIENCE
from pinion_memory import InMemoryStorage
from processes import until

LEASE = 30.0


def engine_on(storage: InMemoryStorage) -> Engine:
    settings = Settings("me", 1, None, LEASE, 25.0, RetryPolicy())
    return Engine(storage, Registry(), settings, Report("me", Hooks()))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_nothing_stays_claimed_when_a_worker_is_told_to_end_at_once_while_it_claims() -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(InMemoryStorage):
        wakes = 0

        def exchange(
            self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: object = None
        ) -> Exchange:
            if claim:
                entered.set()
                assert go.wait(10)
            return super().exchange(settle, claim, connection=connection)

        def wake(self) -> None:
            self.wakes += 1
            super().wake()

    storage = Slow()
    storage.insert([Job("any") for _ in range(3)])
    worker = Worker(storage, threads=3, grace=0)
    running = threading.Thread(target=worker.run_forever, daemon=True)
    running.start()
    assert entered.wait(10)
    worker.stop()
    until(lambda: storage.wakes >= 2)
    go.set()
    running.join(10)

    assert storage.counts() == {"default": {Status.PENDING: 3}}


def test_a_lost_job_that_waited_for_its_turn_is_let_go(clock: ManualClock) -> None:
    storage = InMemoryStorage(clock=clock)
    storage.enqueue(Job("any"))
    engine = engine_on(storage)
    engine.claims.exchange(claim=True)
    clock.advance(LEASE + 1)
    assert storage.exchange(claim=ClaimRequest("other")).jobs

    engine._keep_alive()
    engine.claims.exchange(claim=False)

    assert (engine.claims.held, list(engine.claims.waiting), engine.report.summary.lost) == ({}, [], 1)


def test_the_end_of_a_lost_attempt_does_not_let_go_of_the_next_claim(clock: ManualClock) -> None:
    storage = InMemoryStorage(clock=clock)
    storage.enqueue(Job("any"))
    engine = engine_on(storage)
    engine.claims.exchange(claim=True)
    lost = engine.claims.waiting.popleft()
    clock.advance(LEASE + 1)
    engine.claims.exchange(claim=True)
    [held] = engine.claims.waiting

    engine.claims.ended.append(Ended(lost, Done(), 0.0))
    engine.claims.exchange(claim=False)

    assert engine.claims.held[lost.id] is held


def test_leases_are_extended_soon_after_an_outage_and_not_at_the_next_beat() -> None:
    class Away(InMemoryStorage):
        def extend(self, claims: Sequence[Claim], lease: float) -> list[Signal]:
            raise StorageUnavailable("the server is being restarted")

    storage = Away()
    storage.enqueue(Job("any"))
    engine = engine_on(storage)
    engine.claims.exchange(claim=True)

    engine._keep_alive()

    assert engine._next_beat(now := monotonic()) - now < 1.0


def test_a_job_that_is_claimed_as_the_watch_looks_away_is_noticed() -> None:
    """The watch is about to sleep for long: whoever claims just now must see that."""
    seen: list[float] = []

    class Looking(threading.Event):
        def is_set(self) -> bool:  # asked last, when the watch looks whether it may sleep for long
            seen.append(engine.bell.dozing)
            return super().is_set()

    engine = engine_on(InMemoryStorage())
    engine._stopping = Looking()

    engine._listen(0.001)

    assert seen == [0.001]


def test_claims_are_not_handed_back_because_the_exchange_itself_took_long() -> None:
    class FarAway(InMemoryStorage):
        def exchange(
            self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: object = None
        ) -> Exchange:
            answer = super().exchange(settle, claim, connection=connection)
            sleep(PATIENCE * 1.2)  # the way back
            return answer

    registry = Registry()

    @task(registry=registry)
    def quick() -> None:
        sleep(0.002)

    storage = FarAway()
    storage.insert([Job("quick") for _ in range(60)])

    summary = Worker(storage, registry=registry, threads=4, burst=True).run_forever()

    assert (summary.succeeded, summary.released < 15) == (60, True)
