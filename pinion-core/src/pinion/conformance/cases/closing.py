"""CLAIMS: what `close` does, and that nothing is left behind."""

import os
import threading
from collections.abc import Callable

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import SOON, WORKER, Trial, claim_of
from pinion.errors import StorageClosed
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import ClaimRequest, Inspects, Query, Settlement

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("close.again")
def again(trial: Trial) -> None:
    """close may be called more than once, also by several threads."""
    trial.put("task")
    trial.claims.close()
    trial.claims.close()
    for each in [trial.start(trial.claims.close) for _ in range(3)]:
        each.result(SOON, "close() of a closed storage")


@cases("close.refuses")
def refuses(trial: Trial) -> None:
    """After close, every call raises StorageClosed."""
    trial.put("task")
    claim = claim_of(trial.take_one())
    storage = trial.claims
    storage.close()
    calls: dict[str, Callable[[], object]] = {
        "insert": lambda: storage.insert([Job("late")]),
        "exchange": lambda: storage.exchange([Settlement(claim, Done())], ClaimRequest(WORKER)),
        "extend": lambda: storage.extend([claim], trial.lease),
        "wait": lambda: storage.wait(None, 0.1),
        "size": storage.size,
        "enqueue": lambda: storage.enqueue(Job("late")),
        "dequeue": lambda: storage.dequeue(0),
    }
    if isinstance(storage, Inspects):
        inspects: Inspects = storage
        calls |= {"get": lambda: inspects.get("id"), "find": lambda: inspects.find(Query()), "counts": inspects.counts}
    for name, call in calls.items():
        _is_closed(name, call)


def _is_closed(name: str, call: Callable[[], object]) -> None:
    try:
        got = call()
    except StorageClosed:
        return
    raise Broken(f"the storage was closed, so {name}() must raise StorageClosed, but it returned {got!r:.100}")


@cases("close.ends_waits", real_time=True)
def ends_waits(trial: Trial) -> None:
    """close ends the waits in progress; whoever waited in dequeue gets StorageClosed."""
    waits = [trial.start(_closed_or_over, lambda: trial.claims.wait(None, 30.0)) for _ in range(2)]
    dequeues = [trial.start(_closed_or_over, lambda: trial.claims.dequeue(None)) for _ in range(2)]
    trial.elapse(0.2)
    trial.start(trial.claims.close).result(SOON, "close(), while other threads wait,")
    for each in waits:
        each.result(SOON, "wait(None, 30), after close(),")
    for each in dequeues:
        raised = each.result(SOON, "dequeue(None), after close(),")
        expect(
            raised == "closed",
            f"the storage was closed while dequeue(None) waited: it must raise StorageClosed, but {raised}",
        )


def _closed_or_over(call: Callable[[], object]) -> str:
    try:
        got = call()
    except StorageClosed:
        return "closed"
    return f"it returned {got!r:.100}"


@cases("close.with")
def with_statement(trial: Trial) -> None:
    """`with` closes the storage at its end."""
    with trial.claims as storage:
        expect(storage is trial.claims, "`with storage as name` must give the storage itself")
        storage.enqueue(Job("task"))
    _is_closed("size", storage.size)


@cases("close.leaves_nothing")
def leaves_nothing(trial: Trial) -> None:
    """Opening and closing leaves no file open and no thread running."""
    _use(trial)
    before = _resources()
    for _ in range(12):
        _use(trial)
    files, threads = (after - had for after, had in zip(_resources(), before, strict=True))
    expect(files < 6, f"a storage was opened, used and closed 12 times, and {files} more files or sockets are open")
    expect(threads < 6, f"a storage was opened, used and closed 12 times, and {threads} more threads are running")


def _use(trial: Trial) -> None:
    storage = trial.elsewhere().open(clock=trial.clock)
    storage.enqueue(Job("task"))
    trial.settle(trial.take_one(of=storage), Done(), of=storage)
    storage.wait(None, 0.0)
    storage.close()


@cases("close.short_threads")
def short_threads(trial: Trial) -> None:
    """Threads that used the storage and ended leave no file open."""
    trial.start(trial.put, "task").result(SOON, "enqueueing in another thread")
    before, _ = _resources()
    for _ in range(16):
        trial.start(trial.put, "task").result(SOON, "enqueueing in another thread")
        trial.start(trial.take).result(SOON, "claiming in another thread")
    more = _resources()[0] - before
    expect(
        more < 10,
        f"32 threads used the storage one after the other and ended, and {more} more files or sockets are open",
    )


def _resources() -> tuple[int, int]:
    """How many files and sockets this process has open, where the system tells, and how many threads it has."""
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    return files, threading.active_count()
