"""The threads of one worker: each takes a claimed job, runs it, and takes the next.

A thread that finds no claimed job waiting fetches some itself: one `exchange` with the storage settles whatever has
finished and claims the next batch, so a busy worker costs one transaction per batch, and no job is handed from thread
to thread, except to the event loop. When nothing is claimable, one thread waits in the storage, and the others wait for
it.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pinion.clock import monotonic, sleep
from pinion.context import Entry, take_seat
from pinion.errors import TaskCancelled, TaskTimeout
from pinion.execution import attempt, failed
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import Outcome, Released
from pinion.registry import Definition
from pinion.retry import RetryPolicy
from pinion.storage import ClaimStorage
from pinion.worker.bell import Bell
from pinion.worker.claims import Claims
from pinion.worker.place import Place
from pinion.worker.report import Ended, Report
from pinion.worker.settings import Settings
from pinion.worker.wear import Wear

if TYPE_CHECKING:
    from pinion.worker.loop import AsyncTasks

__all__ = ["CARE", "PATIENCE", "Threads"]

PATIENCE = 0.05
"""Seconds that a claimed job may wait for its turn, and a finished one for its settlement."""

CARE = 1.0
"""Seconds after which a running job's lease is extended as often: so soon it learns that it is cancelled."""

LONG = 3600.0

AnyTask = Definition[..., Any]
Run = Callable[[Job, Any, RetryPolicy], Outcome]


class Threads:
    """Runs the jobs that `claims` holds, and fetches more, until it stops.

    bell: rung for what the engine's watch must see to.
    drained: says whether nothing is left to do; asked when nothing is claimable. The engine stops when it is.
    places: one for each thread.
    async_tasks: the event loop, once there is one.
    deadline: when a stop is over, whatever still runs.
    """

    def __init__(
        self,
        storage: ClaimStorage,
        registry: Mapping[str, AnyTask],
        settings: Settings,
        report: Report,
        bell: Bell,
        drained: Callable[[], bool] | None = None,
    ) -> None:
        self.storage, self.registry, self.settings, self.report = storage, registry, settings, report
        self.bell = bell
        self.wear = Wear(settings.max_jobs, settings.max_memory)
        self.notes = Notes(storage)
        self.claims = Claims(storage, settings, report, self.notes, self.room, lambda: bell.ring("stop"))
        self.places = [Place() for _ in range(settings.threads)]
        self.async_tasks: AsyncTasks | None = None
        self.deadline = float("inf")
        self._threads: list[threading.Thread] = []
        self._waiting, self._ended = self.claims.waiting, self.claims.ended
        self._stopping = self.claims.stopped
        self._job_started = report.hooks.job_started
        self._drained = drained
        self._policy = settings.policy
        self._starting = threading.Lock()  # guards the making of the event loop
        self._leading = threading.Lock()  # held by the thread that waits in the storage for all
        self._dozes = False  # the leader waits in the storage
        self._slots = threading.Event()  # set when async tasks have ended

    def start(self) -> None:
        for number, place in enumerate(self.places):
            thread = threading.Thread(target=self._work, args=(place,), name=f"pinion-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def are_over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def entries(self) -> list[Entry]:
        """The attempts under way in the threads."""
        return [entry for place in self.places if (entry := place.entry) is not None]

    def wake(self) -> None:
        """Let those who wait see that it is time to stop."""
        self._slots.set()
        self.ask(self.storage.wake)

    # --- running ----------------------------------------------------------------------------------

    def _work(self, place: Place) -> None:
        place.thread = threading.get_ident()
        take_seat(place)
        claims, registry, notes, ended = self.claims, self.registry, self.notes, self._ended
        task: AnyTask | LookupError
        while (job := self._next()) is not None:
            started = monotonic()
            if started > claims.lease_ends:  # frozen since the claim: it may be another worker's by now
                ended.append(Ended(job, Released(), 0.0))
                continue
            entry = (job, started, notes)
            try:
                task = registry[job.func_name]
                if not task.runs_in_thread:
                    self._run_elsewhere(entry, task, place)
                    continue
            except LookupError as unknown:
                task = unknown
            ended.append(Ended(job, self._attempt(entry, task, place, attempt), monotonic() - started))
        while ended and not self.is_out_of_time():
            self.exchange_patiently(claim=False)
        if place.child is not None:
            place.child.close()
        self.bell.ring("look")

    def _attempt(self, entry: Entry, task: AnyTask | LookupError, place: Place, run: Run) -> Outcome:
        """An attempt in this thread. An exception that another raises in it may come just before or after the task."""
        job = entry[0]
        try:
            place.entry = entry
            if self._job_started:
                self._job_started(job=job)
            if job.timeout is not None:
                self.bell.ring("look")
            outcome = run(job, task, self._policy)
            place.entry = None
            if place.struck is not None:
                place.leave()
        except (TaskTimeout, TaskCancelled) as late:
            place.leave()
            outcome = failed(job, late, getattr(task, "retry", None) or self._policy)
        return outcome

    def _run_elsewhere(self, entry: Entry, task: AnyTask, place: Place) -> None:
        """In the thread's child process, for which the thread waits; or on the event loop, for which it doesn't."""
        if not task.process:
            self._hand_on(entry, task)
            return
        from pinion.worker.process import ChildProcess  # takes milliseconds that most workers need not spend

        child = place.child = place.child or ChildProcess(self.report, self.notes)
        place.in_child = True
        outcome = self._attempt(entry, task, place, child.run)
        self._ended.append(Ended(entry[0], outcome, monotonic() - entry[1]))
        place.in_child = False

    def _hand_on(self, entry: Entry, task: AnyTask) -> None:
        """The job runs on the event loop, and this thread is done with it."""
        (self.async_tasks or self._start_loop()).take(entry, task)
        self.claims.handed_on += 1
        self.claims.handed_on_at = entry[1]

    def _start_loop(self) -> "AsyncTasks":
        from pinion.worker.loop import AsyncTasks  # asyncio takes a third of the time that importing pinion takes

        with self._starting:
            if self.async_tasks is None:
                self.claims.hands_on = True
                self.async_tasks = AsyncTasks(
                    self.settings, self.report, self.notes, self._ended.append, self._async_tasks_ended
                )
            return self.async_tasks

    def _async_tasks_ended(self) -> None:
        self._slots.set()
        self.bell.ring("ended")

    # --- fetching ---------------------------------------------------------------------------------

    def _next(self) -> Job | None:
        """The next job to run; None when the worker stops."""
        while not self._stopping.is_set():
            try:
                return self._waiting.popleft()
            except IndexError:
                self._fetch()
        return None

    def _fetch(self) -> None:
        """Settle what has ended and claim more; if there is nothing, wait until there may be."""
        asked = bool(self._ended)
        if asked and self.exchange_patiently(claim=True):
            return
        with self._leading:
            self._slots.clear()
            if self._waiting or self._ended or self._stopping.is_set():
                return
            if not asked and self.exchange_patiently(claim=True):
                return
            if self.room(1) <= 0:
                self._slots.wait(self.async_tasks.patience() if self.async_tasks else CARE)
            elif not self.claims.outage.remaining():
                self._wait_for_work()

    def room(self, batch: int) -> int:
        """How many jobs may be claimed now, if a batch should have this size."""
        idle = max(1, [place.entry for place in self.places].count(None))
        room = max(batch, idle)
        if self.async_tasks is not None:
            room = self.async_tasks.room(room, idle) if self.claims.meets_async else room
            room = 0 if self.async_tasks.is_full() else room
        if self.wear.counts_jobs:
            room = self.wear.left(room, self.report.summary.attempts + len(self.claims.held))
        return room

    def are_away(self) -> bool:
        """Whether all of them wait in the storage, or run jobs, so that what ends elsewhere is settled by others."""
        return self._dozes or all(place.entry is not None for place in self.places)

    def _wait_for_work(self) -> None:
        timeout = LONG
        if self._drained is not None:
            if not self.claims.held and self.ask(self._drained):
                self.bell.ring("stop")
            timeout = 0.1  # the others settle their last jobs meanwhile, and nothing tells this thread
        self._dozes = True
        try:
            if not self._ended:  # what ended before it was said that this thread dozes, nobody else settles
                self.ask(lambda: self.storage.wait(self.settings.queues, timeout))
        finally:
            self._dozes = False

    def ask[T](self, question: Callable[[], T]) -> T | None:
        """The storage's answer, or None when there is an outage."""
        try:
            return question()
        except Exception as raised:  # whatever a storage raises, the worker goes on; see Outage
            self.claims.storage_failed(raised)
            return None

    def exchange_patiently(self, claim: bool) -> bool:
        """Exchange once the outage, if there is one, allows it. True if there is something to run."""
        if pause := self.claims.outage.remaining():
            self._pause(pause)
        found = self.claims.exchange_patiently(claim)
        if found:
            self.bell.ring_if_dozing(PATIENCE if len(self._waiting) > 1 else CARE)
        if self.wear.counts_jobs:
            self.bell.ring("look")
        return found

    def _pause(self, seconds: float) -> None:
        if self._stopping.is_set():
            sleep(max(0.0, min(seconds, self.deadline - monotonic())))
        else:
            self._stopping.wait(seconds)

    def is_out_of_time(self) -> bool:
        return self._stopping.is_set() and monotonic() >= self.deadline
