"""Wrong five-method storages, one caller at a time."""

import json
import time
from pathlib import Path

from pinion import Job, Status
from pinion.storage import Promise
from right_storages.condition import ConditionStorage
from right_storages.files import FolderStorage
from right_storages.polling import PollingStorage
from wrong_storages.catalogue import refused_by

SHARED: list[Job] = []


@refused_by("base.opens")
class HasNoSize:
    """Lacks a method."""

    def enqueue(self, job: Job) -> None: ...
    def dequeue(self, timeout: float | None = None) -> Job | None: ...
    def mark_done(self, job: Job) -> None: ...
    def mark_failed(self, job: Job, exc: Exception) -> None: ...


@refused_by("base.opens")
def raises_when_opened() -> ConditionStorage:
    """A factory that can't."""
    raise KeyError("address")


@refused_by("base.opens")
class PromisesBeyondFiveMethods(ConditionStorage):
    """Nothing in five methods could keep it, and nothing can test it."""

    promises = frozenset({Promise.DELAY})


@refused_by("base.zero_timeout", like="https://github.com/coleifer/huey/issues/813")
class TakesZeroForNever(ConditionStorage):
    """`if timeout` doesn't tell 0 from None."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        return super().dequeue(timeout or None)


@refused_by("base.zero_timeout")
class SleepsBeforeItLooks(PollingStorage):
    """Waits for a second in any case."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        time.sleep(1.0)
        return super().dequeue(timeout)


@refused_by("base.fresh")
class SharesItsList(ConditionStorage):
    """The list belongs to the module, as with a mutable default argument."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = SHARED


@refused_by("base.fresh")
def not_fresh() -> ConditionStorage:
    """A factory that opens what is in use."""
    storage = ConditionStorage()
    storage.enqueue(Job("somebody's"))
    return storage


@refused_by("base.round_trip")
class DropsKeywords(ConditionStorage):
    """Keeps only what stands in the tuple."""

    def enqueue(self, job: Job) -> None:
        super().enqueue(Job(job.func_name, job.args, {}, job.id, attempts=job.attempts))


@refused_by("base.round_trip")
class MakesListsOfTuples(ConditionStorage):
    """JSON knows no tuple."""

    def enqueue(self, job: Job) -> None:
        args = json.loads(json.dumps(job.args))
        super().enqueue(Job(job.func_name, args, job.kwargs, job.id, attempts=job.attempts))


@refused_by("base.takes_at_once", like="https://github.com/coleifer/huey/pull/102")
class LooksTooLate(ConditionStorage):
    """Whether the time is over is asked before whether there is a job."""

    def dequeue(self, timeout: float | None = None) -> Job | None:
        return None if timeout == 0 else super().dequeue(timeout)


@refused_by("base.running")
class LeavesItPending(ConditionStorage):
    """Forgets the status."""

    def hand_out(self, job: Job) -> Job:
        job.attempts += 1
        return job


@refused_by("base.attempts", "base.retry", like="https://github.com/sidekiq/sidekiq/issues/4069")
class CountsFailures(ConditionStorage):
    """Counts an attempt when it fails, so that one that kills its worker is never counted."""

    def hand_out(self, job: Job) -> Job:
        job.status = Status.RUNNING
        return job

    def mark_failed(self, job: Job, exc: Exception) -> None:
        super().mark_failed(job, exc)
        job.attempts += 1


@refused_by("base.once")
class OnlyPeeks(ConditionStorage):
    """Hands out a job without taking it away."""

    def hand_out(self, job: Job) -> Job:
        self.jobs.insert(0, job)
        return super().hand_out(job)


@refused_by("base.done")
class PutsItBackWhenDone(ConditionStorage):
    """Takes done for not done."""

    def mark_done(self, job: Job) -> None:
        self.enqueue(job)


@refused_by("base.failed")
class RetriesByItself(ConditionStorage):
    """Decides for the worker that a failed job is tried again."""

    def mark_failed(self, job: Job, exc: Exception) -> None:
        super().mark_failed(job, exc)
        self.enqueue(job)


@refused_by("base.retry")
class ForgetsAttempts(PollingStorage):
    """Every enqueue begins anew."""

    def enqueue(self, job: Job) -> None:
        super().enqueue(Job(job.func_name, job.args, job.kwargs, job.id))


@refused_by("base.retry")
class TakesARetryForADuplicate(ConditionStorage):
    """An id is accepted once and for all."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def enqueue(self, job: Job) -> None:
        if job.id not in self.seen:
            self.seen.add(job.id)
            super().enqueue(job)


@refused_by("base.right_one")
class MindsTheLastOne(ConditionStorage):
    """A job that comes back is taken for the one that was handed out last."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()
        self.last: Job | None = None

    def enqueue(self, job: Job) -> None:
        again = self.last if job.id in self.known else None
        self.known.add(job.id)
        super().enqueue(again or job)

    def hand_out(self, job: Job) -> Job:
        self.last = job
        return super().hand_out(job)


@refused_by("base.size")
class CountsEverything(ConditionStorage):
    """size also counts what is running."""

    def __init__(self) -> None:
        super().__init__()
        self.running = 0

    def hand_out(self, job: Job) -> Job:
        self.running += 1
        return super().hand_out(job)

    def mark_done(self, job: Job) -> None:
        self.running -= 1

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.running -= 1

    def size(self) -> int:
        return super().size() + self.running


@refused_by("base.size", like="https://github.com/agronholm/apscheduler/issues/1116")
class CountsInACounter(ConditionStorage):
    """A counter beside the list, that one of its users decreases twice."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def enqueue(self, job: Job) -> None:
        super().enqueue(job)
        self.count += 1

    def hand_out(self, job: Job) -> Job:
        self.count -= 1
        return super().hand_out(job)

    def mark_done(self, job: Job) -> None:
        self.count -= 1

    def size(self) -> int:
        return self.count


@refused_by("base.hostile_arguments", like="https://github.com/Zipstack/unstract/pull/2289")
class StripsNulls(PollingStorage):
    """A NUL has no place in its column."""

    def enqueue(self, job: Job) -> None:
        args = tuple(value.replace("\x00", "") if isinstance(value, str) else value for value in job.args)
        super().enqueue(Job(job.func_name, args, job.kwargs, job.id, attempts=job.attempts))


@refused_by("base.hostile_arguments")
class CutsOffLongText(PollingStorage):
    """The column holds 65,535 characters."""

    def enqueue(self, job: Job) -> None:
        args = tuple(value[:65535] if isinstance(value, str) else value for value in job.args)
        super().enqueue(Job(job.func_name, args, job.kwargs, job.id, attempts=job.attempts))


@refused_by("base.hostile_arguments", like="https://github.com/Zipstack/unstract/pull/2217")
class WritesWhatItCantRead(FolderStorage):
    """Text that UTF-8 can't hold is accepted, and never read again."""

    def write(self, name: str, text: str) -> None:
        new = self.running / f"{name}.new"
        plain = json.dumps(json.loads(text), ensure_ascii=False)
        new.write_text(plain, encoding="utf-8", errors="surrogatepass")
        new.rename(self.ready / name)


@refused_by("base.fifo", like="https://github.com/andyet/thoonk.js/issues/26")
class LastInFirstOut(ConditionStorage):
    """Pushes on the wrong end: a warning, for five methods."""

    def enqueue(self, job: Job) -> None:
        with self.changed:
            self.jobs.insert(0, job)
            self.changed.notify()


@refused_by("base.hostile_ids", like="https://github.com/laravel/framework/pull/18982")
class NamesFilesByIds(FolderStorage):
    """An id is a path: a warning, for five methods."""

    def place(self, job: Job) -> Path:
        return self.running / job.id


@refused_by("base.any_exception")
class WritesTheErrorDown(PollingStorage):
    """Asks every exception for its text: a warning, for five methods."""

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.error = f"{exc}"
