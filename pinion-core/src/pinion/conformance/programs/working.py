"""Programs that do what workers and producers do, beside others that do the same."""

import os
import signal
import sys
from typing import Any

from pinion.clock import SECOND, SYSTEM, as_datetime, monotonic
from pinion.conformance.speaker import Say
from pinion.conformance.target import Address
from pinion.conformance.workload import Workload
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Inserted, Settlement

__all__ = [
    "claim_all",
    "fire_all",
    "hold",
    "insert_and_die",
    "insert_when_told",
    "live",
    "open_together",
    "produce_and_consume",
    "settle_late",
]

LEASE = 60.0


def _opened(address: Address) -> ClaimStorage:
    storage: ClaimStorage = address.open()
    return storage


def _told() -> str:
    """Wait until the other end says to go on."""
    return sys.stdin.readline()


def _request(limit: int = 1, lease: float = LEASE) -> ClaimRequest:
    return ClaimRequest(f"process-{os.getpid()}", limit, lease)


def open_together(say: Say, address: Address) -> None:
    """Open the storage when told, and insert a job into it."""
    say("ready")
    _told()
    [inserted] = _opened(address).insert([Job(f"of {os.getpid()}")])
    say({"inserted": inserted is Inserted.NEW})


def claim_all(say: Say, address: Address, at: float, limit: int) -> None:
    """Claim and settle until nothing is left; says which jobs it got."""
    storage = _opened(address)
    say("ready")
    _told()
    settle: list[Settlement] = []
    got: list[str] = []
    while True:
        jobs = storage.exchange(settle, _request(limit)).jobs
        if not jobs:
            break
        got += [job.id for job in jobs]
        say({"so far": len(got)})
        settle = [Settlement(Claim(job.id, job.token or ""), Done()) for job in jobs]
    say({"got": got})


def produce_and_consume(say: Say, address: Address, count: int) -> None:
    """Insert jobs and claim whatever there is, in turns; says what it inserted and what it got."""
    storage = _opened(address)
    say("ready")
    _told()
    inserted: list[str] = []
    got: list[str] = []
    for number in range(count):
        job = Job("task", (number,))
        storage.enqueue(job)
        inserted.append(job.id)
        for claimed in storage.exchange(claim=_request(2)).jobs:
            got.append(claimed.id)
            storage.exchange([Settlement(Claim(claimed.id, claimed.token or ""), Done())])
        say({"so far": storage.size()})
    say({"inserted": inserted, "got": got})


def hold(say: Say, address: Address, lease: float) -> None:
    """Claim a job, say which, and hold it for ever."""
    job = _opened(address).exchange(claim=_request(lease=lease)).jobs[0]
    say({"id": job.id})
    signal.pause()


def settle_late(say: Say, address: Address, lease: float) -> None:
    """Claim a job, wait until told, and settle it; says what became of the settlement and of an extension."""
    storage = _opened(address)
    job = storage.exchange(claim=_request(lease=lease)).jobs[0]
    say({"id": job.id})
    _told()
    claim = Claim(job.id, job.token or "")
    say(
        {
            "extended": storage.extend([claim], LEASE)[0].name,
            "settled": storage.exchange([Settlement(claim, Done())]).settled[0].name,
        }
    )


def insert_and_die(say: Say, address: Address, names: list[str], closing: bool) -> None:
    """Insert jobs, in one call and then one by one, and die by SIGKILL as soon as that has returned."""
    storage = _opened(address)
    half = len(names) // 2
    storage.insert([Job(name, (name,)) for name in names[:half]])
    for name in names[half:]:
        storage.enqueue(Job(name, (name,)))
    if closing:
        storage.close()
    os.kill(os.getpid(), signal.SIGKILL)
    say("not dead")


def insert_when_told(say: Say, address: Address, job_id: str | None = None) -> None:
    """Insert a job for every line that it is told; says when, and what became of it."""
    storage = _opened(address)
    say("ready")
    while _told():
        job = Job("task") if job_id is None else Job("task", id=job_id)
        [inserted] = storage.insert([job])
        say({"at": monotonic(), "inserted": getattr(inserted, "name", "KEY_HELD"), "now": SYSTEM.now()})


def fire_all(say: Say, address: Address, name: str, start: int, count: int) -> None:
    """Fire so many ticks of a schedule, a second apart; says which counted. start: microseconds."""
    storage: Any = _opened(address)
    say("ready")
    _told()
    ticks = [as_datetime(start + number * SECOND) for number in range(count + 1)]
    fired = [storage.fire(name, ticks[n], ticks[n + 1], [Job(f"tick-{n}")]) for n in range(count)]
    say({"fired": fired})


def live(say: Say, address: Address, seed: str, seconds: float) -> None:
    """Insert some jobs, and work as badly as workers do; says every operation, when it is begun and when it is over."""
    workload = Workload(_opened(address), seed, lambda operation: say(operation.written()))
    say("ready")
    _told()
    until = monotonic() + seconds
    while monotonic() < until:
        workload.produce(3)
        workload.work(0.03)
