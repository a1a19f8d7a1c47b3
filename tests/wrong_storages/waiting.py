"""Wrong five-method storages: blocking, waking and several threads."""

import sqlite3
import threading
import time

from pinion import Job
from right_storages.condition import ConditionStorage
from right_storages.files import FolderStorage
from right_storages.polling import PollingStorage
from right_storages.sql import TableStorage
from wrong_storages.catalogue import refused_by


@refused_by("base.any_thread")
class BelongsToOneThread(TableStorage):
    """One connection, which sqlite3 lets only its own thread use."""

    @property
    def connection(self) -> sqlite3.Connection:
        if not hasattr(self, "only"):
            self.only = sqlite3.connect(self.path, isolation_level=None)
        return self.only


@refused_by("base.short_timeout", like="https://github.com/coleifer/huey/pull/102")
class NeverWaits(ConditionStorage):
    """Returns None as soon as there is nothing."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        return super().dequeue(0 if timeout is not None else None)


@refused_by("base.short_timeout", like="https://github.com/chdsbd/kodiak/pull/861")
class WaitsInItsOwnTime(PollingStorage):
    """Looks every three seconds, whatever the timeout."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        while (job := super().dequeue(0)) is None and timeout != 0:
            time.sleep(3.0)
            timeout = 0
        return job


@refused_by("base.wakes")
class TakesNeverForZero(ConditionStorage):
    """Without a timeout, it doesn't wait."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        return super().dequeue(0 if timeout is None else timeout)


@refused_by("base.wakes", "base.every_waiter")
class WakesNobody(ConditionStorage):
    """Forgets to notify."""

    def enqueue(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)


@refused_by("base.wakes", "base.free_while_waiting")
class SleepsWithTheLock(PollingStorage):
    """Nobody can enqueue while somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = threading.Lock()

    def enqueue(self, job: Job) -> None:
        with self.outer:
            super().enqueue(job)

    def dequeue(self, timeout: float | None = None) -> Job | None:
        with self.outer:
            return super().dequeue(timeout)


@refused_by("base.free_while_waiting")
class CountsWithTheLock(PollingStorage):
    """Nobody can count while somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.counting = threading.Lock()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        if timeout == 0:
            return super().dequeue(0)
        with self.counting:
            return super().dequeue(timeout)

    def size(self) -> int:
        with self.counting:
            return super().size()


@refused_by("base.every_waiter")
class WakesOnceForAll(ConditionStorage):
    """A waiter was notified, and until somebody waits again, nobody else is."""

    def __init__(self) -> None:
        super().__init__()
        self.notified = False

    def enqueue(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)
            if not self.notified:
                self.changed.notify()
            self.notified = True

    def dequeue(self, timeout: float | None = None) -> Job | None:
        self.notified = False
        return super().dequeue(timeout)


@refused_by("base.one_waiter")
class TakesWithoutLooking(ConditionStorage):
    """Whoever wakes believes that there is a job for it."""

    def enqueue(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)
            self.changed.notify_all()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        with self.changed:
            if not self.jobs and not self.changed.wait(timeout):
                return None
            return self.hand_out(self.jobs.pop(0))


@refused_by("base.one_waiter")
class WaitsOnce(ConditionStorage):
    """A waiter that was woken for nothing gives up before its time."""

    def enqueue(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)
            self.changed.notify_all()

    def dequeue(self, timeout: float | None = None) -> Job | None:
        if timeout is None:
            return super().dequeue(None)
        with self.changed:
            if not self.jobs:
                self.changed.wait(timeout)
            return self.hand_out(self.jobs.pop(0)) if self.jobs else None


@refused_by("base.atomic", like="https://github.com/coleifer/huey/issues/123")
class SelectsThenUpdates(TableStorage):
    """Two statements, and no transaction around them."""

    def claim(self) -> tuple[str, str, int] | None:
        row = self.connection.execute(
            "SELECT number, id, call, attempts FROM jobs WHERE status = 'PENDING' ORDER BY number LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        number, job_id, call, attempts = row
        self.connection.execute(
            "UPDATE jobs SET status = 'RUNNING', attempts = attempts + 1 WHERE number = ?", (number,)
        )
        return job_id, call, attempts + 1


@refused_by("base.atomic", like="https://github.com/coleifer/huey/issues/253")
class LooksThenTakes(PollingStorage):
    """No lock: what was there when it looked may be gone, or go twice."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        if not self.waiting:
            return super().dequeue(timeout)
        job = self.waiting[0]
        job = self.hand_out(job)
        self.waiting.popleft()
        return job


@refused_by("base.atomic", like="https://github.com/celery/kombu/issues/398")
class StumblesOverAnother(FolderStorage):
    """A file that another took away since it was listed is an error."""

    def take(self) -> Job | None:
        for path in sorted(self.ready.iterdir()):
            taken = self.running / f"{path.name}.taken"
            path.rename(taken)
            return self.hand_out(taken)
        return None


@refused_by("base.atomic", like="https://github.com/celery/kombu/issues/398")
class CopiesThenDeletes(FolderStorage):
    """Reads a file, and deletes it then, if it is still there."""

    def take(self) -> Job | None:
        for path in sorted(self.ready.iterdir()):
            taken = self.running / f"{path.name}.taken"
            taken.write_bytes(path.read_bytes())
            path.unlink(missing_ok=True)
            return self.hand_out(taken)
        return None


@refused_by("base.atomic_enqueue", like="https://github.com/treeverse/dvc-task/issues/73")
class WritesInPlace(FolderStorage):
    """A job's file is there before it is whole."""

    def write(self, name: str, text: str) -> None:
        with open(self.ready / name, "w", encoding="utf-8") as file:
            file.flush()
            file.write(text)


@refused_by("base.no_lost_wake_up", like="https://github.com/rq/rq/issues/2079")
class LooksBeforeItLocks(ConditionStorage):
    """Between the look and the wait, a job comes and notifies nobody."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        if not self.jobs and timeout != 0:
            with self.changed:
                self.changed.wait(timeout)
        return super().dequeue(0)


@refused_by("base.exactly_once")
class CountsToAHundred(ConditionStorage):
    """Every hundredth job gets a number that is taken, and nobody hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def enqueue(self, job: Job) -> None:
        self.number = (self.number + 1) % 100
        if self.number:
            super().enqueue(job)
