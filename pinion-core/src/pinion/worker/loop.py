"""The async tasks of one worker: on one event loop, in a thread of its own, which the first of them starts.

A thread that takes an async job hands it over and goes on. So many run at once as there are slots; what is claimed
beyond that waits here, and while any does, nothing more is claimed. An attempt ends by itself, or is cancelled: by its
timeout, because its job was cancelled, or because the worker stops.
"""

import asyncio
import contextvars
import logging
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from pinion.clock import monotonic
from pinion.context import Entry, take_seat
from pinion.deadline import within
from pinion.execution import failed, overdue
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import LOST_LIMIT, Cancelled, Done, Outcome, Released
from pinion.registry import Definition
from pinion.worker.batch import HOLD
from pinion.worker.report import Ended, EndedElsewhere, Report
from pinion.worker.settings import Settings

__all__ = ["AsyncTasks"]

TOGETHER = 0.005
"""Seconds for which ends are collected before they are said: settling many at once costs little more than one."""
CARE = 1.0
LAG = 1.0
"""Seconds after which a task that keeps the loop from going on is named in the log."""

logger = logging.getLogger("pinion.worker")

AnyTask = Definition[..., Any]


class _Run:
    """One attempt on the loop, and as what it ends if it is cancelled from here."""

    __slots__ = ("entry", "stopped_as", "task")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.task: asyncio.Task[None] | None = None
        self.stopped_as: Outcome | None = None


class AsyncTasks:
    """Runs async tasks. All methods may be called from any thread.

    tell: called with each attempt that ends, on the loop; it may not block.
    announce: called on the loop some time after that, once for many. Neither may raise.
    """

    def __init__(
        self,
        settings: Settings,
        report: Report,
        notes: Notes,
        tell: Callable[[Ended], None],
        announce: Callable[[], None],
    ) -> None:
        self._settings, self._report, self._notes = settings, report, notes
        self._tell, self._announce = tell, announce
        self._job_started = report.hooks.job_started
        self._lock = threading.Lock()  # guards the start and the end of the loop, and `_called`
        self._incoming: deque[tuple[Entry, AnyTask]] = deque()
        self._running: dict[int, _Run] = {}  # by the identity of the job; changed on the loop alone
        self._called = False  # the loop is about to look at what comes in
        self._full = False  # a job had to wait for a slot since the last one was freed
        self._asked_at = 0.0
        self._ended_at = 0.0
        self._usual = 1.0  # seconds that an attempt takes, by the last ones
        self._announcing = False
        self._announced_at = 0.0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve, name="pinion-async", daemon=True)
        self._watched = _Pulse()

    # --- called by the worker's threads -----------------------------------------------------------

    def take(self, entry: Entry, task: AnyTask) -> None:
        """Run the task as soon as there is a slot."""
        self._incoming.append((entry, task))
        if self._called:  # it says that it isn't before it looks, and so it finds what is there by now
            return
        with self._lock:
            loop, called = self._started(), self._called
            self._called = True
        if not called:
            loop.call_soon_threadsafe(self._take_in, context=contextvars.Context())

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread.start()
        return self._loop

    def room(self, batch: int, idle: int) -> int:
        """How many jobs may be claimed, if they are async like the last ones: no more than fit in the slots soon.

        As many as there are idle threads, too: nobody knows that the next is async, until one waits for a slot. Where
        few slots are free, these are asked for together, and not one by one.
        """
        free = self._settings.async_tasks - len(self._running) - len(self._incoming)
        if free >= batch:
            return batch
        now = monotonic()
        ahead = self._ahead(now)
        if now < self._asked_at + TOGETHER or (self._full and not ahead):
            return 0
        self._asked_at = now
        return min(batch, max(free + ahead, 0 if self._full else idle))

    def _ahead(self, now: float) -> int:
        """How many slots will be freed within HOLD, as things go: so many jobs may wait for them, claimed."""
        if now > self._ended_at + HOLD:
            return 0
        slots = self._settings.async_tasks
        return int(min(HOLD * len(self._running) / max(self._usual, HOLD), slots / 4))

    def patience(self) -> float:
        """How long to wait for a slot before asking again, unless `announce` comes first."""
        return CARE if self._full else TOGETHER

    def is_full(self) -> bool:
        """Whether one had to wait for a slot since the last was freed, and none will be freed soon."""
        return self._full and not self._ahead(monotonic())

    def has_waiting(self) -> bool:
        """Whether some wait for a slot."""
        return bool(self._incoming)

    def count(self) -> int:
        """How many are here, running or waiting for a slot."""
        return len(self._running) + len(self._incoming)

    def runs(self, job: Job) -> bool:
        return id(job) in self._running

    def oldest(self) -> float:
        """When the longest of the running ones began; infinity if none runs."""
        runs = list(self._running.values())
        return runs[0].entry[1] if runs else float("inf")

    def give_back_waiting(self) -> None:
        """Hand back what waits for a slot: another worker may have one."""
        while self._incoming:
            try:
                (job, _, _), _ = self._incoming.pop()
            except IndexError:
                return
            self._tell(EndedElsewhere(job, Released(), 0.0))

    def cancel(self, job: Job) -> None:
        """Cancel the attempt if it is here: its task gets a CancelledError."""
        if self._loop is not None and self._running:
            self._loop.call_soon_threadsafe(self._cancel, id(job), Cancelled())

    def stop_all(self) -> None:
        """Cancel all that runs, and hand it back."""
        self._closed = True
        self.give_back_waiting()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_running)

    def abandon(self) -> list[Entry]:
        """What still runs though it was cancelled; from here on its end is of no interest."""
        self._tell = _ignore
        return [run.entry for run in list(self._running.values())]

    def close(self) -> None:
        """End the loop and its thread, unless a task holds them up."""
        if self._loop is not None:
            self._closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(1.0)

    def look(self, now: float) -> float:
        """Notice a task that keeps the loop from going on; when to look again. Called now and then by one thread."""
        if self._loop is None or not self._running:
            return float("inf")
        pulse = self._watched
        if pulse.felt:
            self._watched = pulse = _Pulse(now)
            self._loop.call_soon_threadsafe(pulse.feel)
        elif now - pulse.asked > LAG and not pulse.said:
            pulse.said = True
            self._say_who_blocks(now - pulse.asked)
        return now + LAG

    def _say_who_blocks(self, seconds: float) -> None:
        job, place = self._where()
        text = (
            "%s keeps the event loop from going on for %.1f s now, at %s: all async tasks wait; see `asyncio.to_thread`"
        )
        fields = {"event": "loop.blocked", "job": job.id if job else None, "at": place, "seconds": round(seconds, 3)}
        logger.warning(text, job or "something", seconds, place, extra={"pinion": fields})

    def _where(self) -> tuple[Job | None, str]:
        """Which job's task the loop is in, and the innermost line of code."""
        frame: FrameType | None = sys._current_frames().get(self._thread.ident or 0)
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown place"
        while frame is not None:
            if frame.f_code is AsyncTasks._attempt.__code__:
                run: _Run = frame.f_locals["run"]
                return run.entry[0], place
            frame = frame.f_back
        return None, place

    # --- on the loop ------------------------------------------------------------------------------

    def _serve(self) -> None:
        """The loop's thread. Whatever a task's own tasks raise, SystemExit too, the loop goes on."""
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        while not self._closed:
            try:
                self._loop.run_forever()
            except BaseException:  # the loop lets SystemExit and KeyboardInterrupt of any task through
                logger.exception("a task started by an async task raised what ends a loop; the loop goes on")
        self._tidy(self._loop)

    def _tidy(self, loop: asyncio.AbstractEventLoop) -> None:
        left = asyncio.all_tasks(loop)
        for each in left:
            each.cancel()
        try:
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=0.5))
            loop.run_until_complete(loop.shutdown_asyncgens())
        except BaseException:  # what tasks raise while they end: it may be SystemExit, and it may not end the worker
            logger.debug("what async tasks left behind could not be ended", exc_info=True)
        if not asyncio.all_tasks(loop):
            loop.close()

    def _take_in(self) -> None:
        self._called = False
        begin, slots, running = asyncio.get_running_loop().create_task, self._settings.async_tasks, self._running
        while self._incoming and len(running) < slots and not self._closed:
            try:
                entry, task = self._incoming.popleft()
            except IndexError:
                break
            running[id(entry[0])] = run = _Run(entry)
            run.task = begin(self._attempt(run, task), context=contextvars.Context())
        self._full = bool(self._incoming)

    async def _attempt(self, run: _Run, task: AnyTask) -> None:
        job, started, _ = run.entry
        outcome: Outcome
        try:
            take_seat(run)
            if self._job_started:
                self._job_started(job=job)
            outcome = overdue(job) if job.lost > LOST_LIMIT else Done(await _called(task, job))
        except asyncio.CancelledError as cancelled:
            outcome = run.stopped_as or failed(job, cancelled, task.retry or self._settings.policy)
        except BaseException as raised:  # SystemExit too: none of it may end the loop
            outcome = failed(job, raised, task.retry or self._settings.policy)
        del self._running[id(job)]
        self._end(job, outcome, monotonic() - started)
        if self._incoming:
            self._take_in()

    def _end(self, job: Job, outcome: Outcome, seconds: float) -> None:
        self._full = False
        self._ended_at = monotonic()
        self._usual += (seconds - self._usual) * 0.05
        self._tell(EndedElsewhere(job, outcome, seconds))
        if not self._announcing:
            self._announcing = True
            pause = max(0.0, self._announced_at + TOGETHER - monotonic())
            asyncio.get_running_loop().call_later(pause, self._announce_now)

    def _announce_now(self) -> None:
        self._announcing, self._announced_at = False, monotonic()
        self._announce()

    def _cancel(self, key: int, outcome: Outcome) -> None:
        run = self._running.get(key)
        if run is not None and run.task is not None and run.stopped_as is None:
            run.stopped_as = outcome
            run.task.cancel()

    def _stop_running(self) -> None:
        for key in list(self._running):
            self._cancel(key, Released())


class _Pulse:
    """Sent through the loop now and then; where it isn't felt, the loop is blocked."""

    def __init__(self, asked: float = 0.0) -> None:
        self.asked = asked
        self.felt = not asked
        self.said = False

    def feel(self) -> None:
        self.felt = True


def _called(task: AnyTask, job: Job) -> Awaitable[Any]:
    args, kwargs = job.args, job.kwargs
    if task.convert is not None:
        args, kwargs = task.convert(args, kwargs)
    answer: Awaitable[Any] = task.function(*args, **kwargs)
    return answer if job.timeout is None else within(job.timeout, answer)


def _ignore(ended: Ended) -> None:
    """For attempts that end after they were handed back."""
