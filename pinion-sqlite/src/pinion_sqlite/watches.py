"""Watches: those of one storage, one for each wait in progress, and spare ones for the next."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from pinion.errors import StorageClosed, StorageUnavailable
from pinion_sqlite.watch import Watch

__all__ = ["Watches"]


class Watches:
    """The watches over one log. They are kept, since the kernel takes milliseconds to dismantle one."""

    def __init__(self, path: Path, log: Path) -> None:
        self._path, self._log = path, log
        self._closed = False
        self._used: set[Watch] = set()
        self._spare: list[Watch] = []
        self._old: set[Watch] = set()  # those in use that watch the log of a file which is gone
        self._lock = threading.Lock()  # guards the four above

    @contextlib.contextmanager
    def take(self) -> Iterator[Watch]:
        """A watch for one wait. Raises StorageClosed."""
        watch = self._taken()
        try:
            yield watch
        finally:
            self._give_back(watch)

    def _taken(self) -> Watch:
        with self._lock:
            if self._closed:
                raise StorageClosed(f"{self._path} was closed; open it again")
            watch = self._spare.pop() if self._spare else self._made()
            self._used.add(watch)
            return watch

    def _made(self) -> Watch:
        try:
            return Watch(self._log)
        except FileNotFoundError:
            raise StorageUnavailable(f"{self._path} was deleted just now; try again") from None

    def _give_back(self, watch: Watch) -> None:
        with self._lock:
            self._used.discard(watch)
            if self._closed or watch in self._old:
                self._old.discard(watch)
                watch.close()
            else:
                watch.forget()
                self._spare.append(watch)

    def __len__(self) -> int:
        """How many waits are in progress."""
        return len(self._used)

    def skip_news(self) -> None:
        """A write transaction is over, and has seen what was written before: no later wait need look for that."""
        with self._lock:
            for watch in self._spare:
                watch.forget()

    def give_turns(self) -> None:
        """What the waits that are over ran for is claimed: let another waiter go first."""
        with self._lock:
            for watch in self._spare:
                watch.turn.give()

    def wake(self) -> None:
        """End all waits in progress."""
        with self._lock:
            for watch in self._used:
                watch.wake()

    def renew(self) -> None:
        """There is another log at the path: the watches over the old one are of no use, and their waits end."""
        with self._lock:
            spare, self._spare = self._spare, []
            self._old |= self._used
        for watch in spare:
            watch.close()
        self.wake()

    def close(self) -> None:
        """End all waits, and give back what they used. May be repeated."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, []
        for watch in spare:
            watch.close()
        self.wake()

    def forget(self) -> None:
        """In a child process: the parent's threads, and their waits, are not here."""
        self._lock = threading.Lock()
        for watch in (*self._used, *self._spare):
            watch.close()
        self._used, self._spare, self._old = set(), [], set()
