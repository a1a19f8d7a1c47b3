"""Wrong ClaimStorages: waiting, waking and closing."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from pinion import Job
from pinion.clock import SECOND, monotonic
from pinion.storage import ClaimRequest, Exchange, Settlement
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("base.short_timeout", "wait.times_out")
class WaitsInItsOwnTime(PlainStorage):
    """A wait takes three seconds, whatever it was given."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        super().wait(queues, 3.0)


@refused_by("wait.at_once", "wait.lease", like="https://github.com/agronholm/apscheduler/issues/1053")
class WaitsOnlyForNewJobs(PlainStorage):
    """A lease that ran out ends no wait."""

    def anything(self, queues: Sequence[str] | None) -> bool:
        return any(self.is_due(row) and self.is_claimable(row) and row.lease_ends == 0 for row in self.rows.values())


@refused_by("wait.settlement")
class WakesNobodyWhenItSettles(PlainStorage):
    """A job that is given back waits until somebody looks."""

    settling = False

    @contextmanager
    def locked(self, connection: Any = None) -> Iterator[None]:
        with self.changed:
            self.check_open()
            with self.within(connection):
                yield
            if not self.settling:
                self.changed.notify_all()

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.settling = True
        try:
            return super().exchange(settle, claim, connection=connection)
        finally:
            self.settling = False


@refused_by("wait.due", like="https://github.com/agronholm/apscheduler/issues/1053")
class SleepsPastWhatIsDue(PlainStorage):
    """Sleeps until a lease ends, and past the time of a retry."""

    def until_something_is_due(self) -> float:
        running = [row for row in self.rows.values() if row.job.status == "RUNNING"]
        ends = [row.lease_ends - self.now() for row in running if row.lease_ends > self.now()]
        return min(ends, default=60 * SECOND) / SECOND


@refused_by("wait.lease", like="https://github.com/agronholm/apscheduler/issues/1053")
class SleepsPastALease(PlainStorage):
    """Sleeps until a retry is due, and past the end of a lease."""

    def until_something_is_due(self) -> float:
        pending = [row.due - self.now() for row in self.rows.values() if row.job.status == "PENDING"]
        return min((left for left in pending if left > 0), default=60 * SECOND) / SECOND


@refused_by("base.wakes", "wait.insert", "base.no_lost_wake_up", "wait.no_lost_wake_up")
class WakesNobody(PlainStorage):
    """An insert ends no wait."""

    @contextmanager
    def locked(self, connection: Any = None) -> Iterator[None]:
        with self.changed:
            self.check_open()
            with self.within(connection):
                yield


@refused_by("wait.wake")
class CantBeWoken(PlainStorage):
    """wake does nothing."""

    def wake(self) -> None:
        return None


@refused_by("queues.wait")
class WaitsForTheFirstQueue(PlainStorage):
    """Only one of the queues is looked at."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        super().wait(queues and queues[:1], timeout)


@refused_by("wait.rests")
class NeverRests(PlainStorage):
    """Returns at once, and keeps its worker busy with nothing: a warning, until it promises WAKEUPS."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        self.check_open()
        time.sleep(min(0.0005, timeout))


@refused_by("wakeups.no_polling")
class LooksEveryMillisecond(PlainStorage):
    """Promises not to poll, and does."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        calls = self.calls
        while self.calls == calls and monotonic() < deadline:
            with self.changed:
                self.check_open()
                if self.anything(queues):
                    return
            time.sleep(0.001)


@refused_by("wakeups.prompt")
class LooksNowAndThen(PlainStorage):
    """Finds a job after a quarter of a second: a warning."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        calls = self.calls
        while self.calls == calls and not self.closed and not self.anything(queues) and monotonic() < deadline:
            time.sleep(min(0.25, max(0.0, deadline - monotonic())))
        self.check_open()


# --- closing --------------------------------------------------------------------------------------


@refused_by("close.again")
class ClosesOnce(PlainStorage):
    """Closing it again is an error."""

    def close(self) -> None:
        self.check_open()
        super().close()


@refused_by("close.refuses")
class GoesOnAfterwards(PlainStorage):
    """Takes jobs after it was closed, and nobody will ever see them."""

    def check_open(self) -> None:
        return None


@refused_by("close.ends_waits")
class LeavesThemWaiting(PlainStorage):
    """Whoever waits when it is closed waits on."""

    def wait(self, queues: Sequence[str] | None, timeout: float) -> None:
        deadline = monotonic() + timeout
        with self.changed:
            self.check_open()
            calls = self.calls
            while self.calls == calls and not self.anything(queues):
                left = min(deadline - monotonic(), self.until_something_is_due())
                if left <= 0:
                    return
                self.changed.wait(left)


@refused_by("close.with")
class StaysOpenAfterWith(PlainStorage):
    """The end of `with` does nothing."""

    def __exit__(self, *_: object) -> None:
        return None


@refused_by("close.leaves_nothing", like="https://github.com/celery/kombu/issues/462")
class LeavesItsFileOpen(PlainStorage):
    """A descriptor for every object, and none is given back."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        os.open(os.devnull, os.O_RDONLY)


@refused_by("close.leaves_nothing")
class LeavesItsThreadRunning(PlainStorage):
    """A housekeeper that nobody dismisses."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        threading.Thread(target=threading.Event().wait, daemon=True).start()


@refused_by("close.short_threads", like="https://github.com/Bogdanp/dramatiq/issues/381")
class OpensOneForEveryThread(PlainStorage):
    """A descriptor for every thread, also for those that ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.descriptors: dict[Any, int] = {}

    def row_of(self, job: Job) -> Row:
        thread = threading.current_thread()
        if thread not in self.descriptors:
            self.descriptors[thread] = os.open(os.devnull, os.O_RDONLY)
        return super().row_of(job)

    def close(self) -> None:
        super().close()
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])


@refused_by("close.with")
class GivesSomethingElse(PlainStorage):
    """`with storage as name` names another."""

    def __enter__(self) -> Self:
        return type(self)()
