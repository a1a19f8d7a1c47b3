"""Wrong storages on a file that processes share: SHARED, and what is opened without a file."""

import fcntl
import os
import queue
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from pinion import Job, Status
from pinion.errors import StorageUnavailable
from pinion.storage import Claim, ClaimRequest, Inserted, KeyHeld, Promise
from right_storages.plain import PlainStorage
from right_storages.row import Row
from right_storages.shelf import ShelfClaims
from wrong_storages.catalogue import refused_by


class Common(ShelfClaims):
    """Right, and shared: what else it could promise is left out, so that it is judged sooner."""

    promises = frozenset({Promise.SHARED})


@refused_by("shared.can_be_tested", "durable.can_be_tested")
def nowhere() -> PlainStorage:
    """Promises what takes a place, and is opened without one."""
    return PromisesAPlace()


class PromisesAPlace(PlainStorage):
    promises = PlainStorage.promises | {Promise.SHARED, Promise.DURABLE}


@refused_by("shared.two_objects", "shared.other_process")
class ReadsItsFileOnce(Common):
    """What others write is never seen."""

    loaded = False

    def load(self) -> None:
        if not self.loaded:
            super().load()
        self.loaded = True


@refused_by("shared.close")
class TakesItsFileAlong(Common):
    """close cleans up, and others still need it."""

    def close(self) -> None:
        if not self.closed:
            self.file.unlink(missing_ok=True)
        super().close()


@refused_by("shared.other_process")
class WritesWhenItCloses(Common):
    """The objects of one process share what they know; another process sees it when they are closed."""

    known: ClassVar[dict[Path, tuple[dict[str, Row], int]]] = {}

    def load(self) -> None:
        if self.file not in self.known:
            super().load()
        self.rows, self.numbers = self.known.get(self.file, (self.rows, self.numbers))

    def save(self) -> None:
        self.known[self.file] = (self.rows, self.numbers)

    def close(self) -> None:
        if not self.closed:
            super().save()
        super().close()


@refused_by("shared.other_process")
class KeepsQueuesByTheirHash(Common):
    """What `hash` says of a name is something else in each Python that is started."""

    def put(self, row: Row) -> Inserted | KeyHeld:
        self.around.paused.add(f"{hash(row.job.queue)}")
        return super().put(row)

    def is_claimable(self, row: Row) -> bool:
        return f"{hash(row.job.queue)}" in self.around.paused and super().is_claimable(row)


@refused_by("shared.exactly_once", "history.processes", like="https://github.com/avryhof/huey_django_orm/issues/8")
class LocksOnlyItsThreads(Common):
    """The lock is known to this process alone."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        yield


@refused_by("shared.exactly_once", "shared.contention", like="https://github.com/coleifer/huey/issues/445")
class GivesUpWhenItIsBusy(Common):
    """Another process has the lock, and that is an error."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        with open(self.side, "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                raise StorageUnavailable("database is locked") from busy
            yield


@refused_by("shared.one_job")
class KnowsWhatItStoredItself(Common):
    """A job that another process stored under the same id is stored once more."""

    def __init__(self, directory: str, **options: Any) -> None:
        self.mine: set[str] = set()
        super().__init__(directory, **options)

    def put(self, row: Row) -> Inserted | KeyHeld:
        known = self.rows.get(row.job.id)
        if known is not None and row.job.id not in self.mine and known.job.status is Status.PENDING:
            self.rows[row.job.id] = row
            return Inserted.NEW
        self.mine.add(row.job.id)
        return super().put(row)


@refused_by("shared.open_together")
class MakesItsFileAnew(Common):
    """Whether there is a file is asked before the lock is had, a while before."""

    def __init__(self, directory: str, **options: Any) -> None:
        path = os.path.join(directory, "rows")
        self.new = not os.path.exists(path)
        if "open_together" in sys.argv:  # elsewhere it would just take longer
            threading.Event().wait(random.uniform(0.2, 0.5))
        super().__init__(directory, **options)

    def load(self) -> None:
        if self.new:
            self.rows, self.numbers, self.new = {}, 0, False
        else:
            super().load()


@refused_by("shared.killed_holder", "shared.late_holder", like="https://github.com/tobymao/saq/issues/127")
class LeavesItToTheHolder(Common):
    """Only the process that made a claim ends it: when it was killed, nobody does."""

    def __init__(self, directory: str, **options: Any) -> None:
        self.mine: set[str] = set()
        super().__init__(directory, **options)

    def token_for(self, row: Row) -> str:
        token = super().token_for(row)
        self.mine.add(token)
        return token

    def has_expired(self, row: Row) -> bool:
        return super().has_expired(row) and (row.job.token in self.mine or not self.is_foreign(row))

    def is_foreign(self, row: Row) -> bool:
        """Whether another process made the claim, as far as its name tells."""
        name = row.job.worker or ""
        return name.startswith("process-") and name != f"process-{os.getpid()}"


@refused_by("shared.late_holder")
class BelievesEveryProcess(Common):
    """A token of a process is good as long as the process lives."""

    def __init__(self, directory: str, **options: Any) -> None:
        self.mine: set[Claim] = set()
        super().__init__(directory, **options)

    def hand_out(self, row: Row, request: ClaimRequest) -> list[Job]:
        jobs = super().hand_out(row, request)
        if request.worker.startswith("process-"):
            self.mine |= {Claim(job.id, job.token or "") for job in jobs}
        return jobs

    def is_held(self, row: Row, claim: Claim) -> bool:
        return row.job.status is Status.RUNNING and (claim in self.mine or super().is_held(row, claim))


@refused_by("shared.wakes")
class WaitsForItsOwnThreads(Common):
    """A job of another process ends no wait."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        PlainStorage.wait(self, queues, timeout)


@refused_by("shared.fork", like="https://github.com/rails/solid_queue/issues/324")
class WritesInItsOwnThread(Common):
    """A thread does all the writing, and isn't there in a child that was forked."""

    def __init__(self, directory: str, **options: Any) -> None:
        self.orders: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]] = queue.SimpleQueue()
        self.writer = threading.Thread(target=self.work, daemon=True)
        self.writer.start()
        super().__init__(directory, **options)

    def work(self) -> None:
        while True:
            order, done = self.orders.get()
            order()
            done.set()
            if self.closed:
                return

    def save(self) -> None:
        done = threading.Event()
        self.orders.put((super().save, done))
        done.wait()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.orders.put((lambda: None, threading.Event()))
