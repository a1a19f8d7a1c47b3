"""The kinds of storage that tests choose from by what they promise, opened with a clock of the test's."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pinion.clock import Clock
from pinion.storage import Promise
from pinion_memory import InMemoryStorage
from pinion_sqlite import SqliteStorage
from right_storages.plain import PlainStorage

KINDS = (InMemoryStorage, SqliteStorage, PlainStorage)


def promising(promise: Promise) -> list[type]:
    return [kind for kind in KINDS if promise in kind.promises]


def opened(kind: Any, folder: Path, clock: Clock) -> AbstractContextManager[Any]:
    """A new storage of that kind."""
    storage: AbstractContextManager[Any] = (
        kind(folder / "jobs.db", clock=clock) if kind is SqliteStorage else kind(clock=clock)
    )
    return storage
