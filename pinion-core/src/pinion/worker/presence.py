"""Presence: the worker says every ten seconds that it is alive, and what it is doing."""

import os
from collections.abc import Callable

from pinion.clock import SYSTEM, as_datetime
from pinion.identity import host_name
from pinion.storage import WorkerEntry, Workers

__all__ = ["BEAT", "Presence"]

BEAT = 10.0
"""Seconds between two reports. Each is a transaction, which wakes whoever waits for a job in the same file."""

LEASE = 3 * BEAT


class Presence:
    """The duty of being seen.

    running: how many jobs run just now.
    """

    def __init__(
        self, storage: Workers, name: str, queues: tuple[str, ...] | None, slots: int, running: Callable[[], int]
    ) -> None:
        self._storage = storage
        self._name = name
        self._queues = queues
        self._slots = slots
        self._running = running
        self._host = host_name()
        self._started_at = as_datetime(getattr(storage, "clock", SYSTEM).now())

    def act(self) -> float:
        entry = WorkerEntry(
            self._name, self._host, os.getpid(), self._started_at, self._queues, self._slots, self._running()
        )
        self._storage.report_worker(entry, LEASE)
        return BEAT

    def end(self) -> None:
        self._storage.forget_worker(self._name)
