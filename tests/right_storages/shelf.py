"""The plain ClaimStorage on a file: all rows are read and written as one, under a lock that several processes share."""

import fcntl
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from compact import pickled
from pinion.clock import SYSTEM, Clock, monotonic
from pinion.codec import DEFAULT_CODEC, Codec
from pinion.errors import StorageCorrupt, StorageError
from pinion.job import Job
from pinion.storage import Inspects, Promise
from right_storages.claiming import PlainClaims
from right_storages.plain import PlainStorage
from right_storages.row import Around, Row


class ShelfClaims(PlainClaims):
    """A pickle in a folder, replaced by each change. (In a test, which reads only what it wrote.)"""

    promises: ClassVar[frozenset[Promise]] = (PlainClaims.promises | {Promise.SHARED, Promise.DURABLE}) - {
        Promise.WAKEUPS,
        Promise.TRANSACTIONS,
    }

    def __init__(
        self, directory: str | os.PathLike[str], *, clock: Clock = SYSTEM, codec: Codec = DEFAULT_CODEC
    ) -> None:
        super().__init__(clock=clock, codec=codec)
        self.file = Path(directory, "rows")
        self.side = Path(directory, "lock")
        self.content = b""
        self.made: tuple[dict[str, Row], Around, bytes] | None = None
        with self.locked():
            self.save()

    @contextmanager
    def locked(self, connection: Any = None) -> Iterator[None]:
        with self.changed:
            self.check_open()
            with self.alone():
                self.load()
                try:
                    yield
                except BaseException:
                    self.content = b""  # so that the rows are read again
                    raise
                content = self.pickled()
                if content != self.content:
                    self.made = self.rows, self.around, content
                    try:
                        self.save()
                    finally:
                        self.made = None
            self.changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process is in here."""
        try:
            descriptor = os.open(self.side, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except OSError as raised:
            raise StorageError(f"{self.side} can't be opened: {raised.strerror}") from raised
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def load(self) -> None:
        """Make the rows those of the file, unless they are."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            self.rows, self.numbers, self.around, self.content = {}, 0, Around(), b""
            return
        if content != self.content:
            self.rows, self.numbers, self.around = self.read(content)
            self.content = content

    def read(self, content: bytes) -> tuple[dict[str, Row], int, Around]:
        try:
            rows, numbers, around = pickle.loads(content)
        except Exception as raised:  # pickle raises whatever the bytes make it raise
            raise StorageCorrupt(f"{self.file} can't be read: {type(raised).__name__}") from raised
        return rows, numbers, around

    def pickled(self) -> bytes:
        """What the file is to hold; `locked` has it already, unless the rows were exchanged since."""
        if self.made and self.made[0] is self.rows and self.made[1] is self.around:
            return self.made[2]
        return pickled((self.rows, self.numbers, self.around), Job, Row)

    def save(self) -> None:
        content = self.pickled()
        new = self.file.with_suffix(".new")
        try:
            new.write_bytes(content)
            new.replace(self.file)
        except OSError as raised:
            raise StorageError(f"{self.file} can't be written: {raised.strerror}") from raised
        self.content = content

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        """Looks every 5 ms, since nothing tells what other processes do."""
        deadline, calls = monotonic() + timeout, self.calls
        while self.calls == calls and not self.closed:
            if self.shows_anything(queues):
                return
            if monotonic() >= deadline:
                return
            time.sleep(min(0.005, max(0.0, deadline - monotonic())))
        self.check_open()

    def shows_anything(self, queues: Sequence[str] | None) -> bool:
        with self.changed:
            self.check_open()
            with self.alone():
                self.load()
                return self.anything(queues)


class ShelfStorage(ShelfClaims, PlainStorage):
    """With all groups."""

    promises: ClassVar[frozenset[Promise]] = (PlainStorage.promises | ShelfClaims.promises) - {
        Promise.WAKEUPS,
        Promise.TRANSACTIONS,
    }
    wait_finished = Inspects.wait_finished
