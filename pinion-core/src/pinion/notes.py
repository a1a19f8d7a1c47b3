"""Notes: what running tasks report and log, on its way to the storage.

A task may report a hundred thousand times a second: what it says waits here, and one thread, started by the first
note, writes what is new four times a second at most, and the rest is written before the attempt is settled. Writing
is fenced by the claim: where that was lost, nothing is kept. A note that can't be written never harms its job.
"""

import copy
import logging
import threading
from collections.abc import Iterable
from typing import Any

from pinion.clock import SYSTEM, as_datetime
from pinion.errors import ClaimLost, InvalidJob, StorageUnavailable, Unsupported
from pinion.job import Job
from pinion.storage import KEEP, Claim, Done, Line, Promise, Settled, Settlement, Steps

__all__ = ["EVERY", "MOST_LINES", "Notes"]

EVERY = 0.25
"""Seconds between two writes of the same job's notes."""
MOST_LINES = 1000
LONGEST_LINE = 10_000
_PLAIN = (int, float, str, bool, type(None))

logger = logging.getLogger("pinion.worker")
task_logger = logging.getLogger("pinion.task")


class _Pad:
    """The notes of one attempt that are still to be written. Guarded by the lock of `Notes`, except for `writing`."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.claim = Claim(job.id, job.token or "")
        self.progress: Any = KEEP
        self.lines: list[Line] = []
        self.logged = 0
        self.waiting = False  # among those to be written
        self.writing = threading.Lock()


class Notes:
    """The desk of the tasks that run on `storage`. Keeps little for an attempt, and nothing for one without notes."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        promises = getattr(storage, "promises", ())
        self._steps: Steps | None = storage if Promise.STEPS in promises else None
        self._transactions = Promise.TRANSACTIONS in promises
        self._clock = getattr(storage, "clock", SYSTEM)
        self.used = False  # whether anything was ever said here; asked before each exchange
        self._changed = threading.Condition()  # guards the pads, and all below
        self._pads: dict[Claim, _Pad] = {}
        self._waiting: list[_Pad] = []
        self._thread: threading.Thread | None = None
        self._closed = False
        self.cancelled: set[Claim] = set()
        self.completed: dict[Claim, Any] = {}  # by the tasks themselves, if their transactions committed; with results

    # --- called by the tasks ----------------------------------------------------------------------

    def report(self, job: Job, progress: Any) -> None:
        if self._steps is not None:
            try:
                kept = progress if type(progress) in _PLAIN else copy.deepcopy(progress)
            except Exception as odd:  # whatever it is made of: nothing that JSON carries
                _say_dropped(job, odd)
                return
            with self._changed:
                pad = self._pad(job)
                pad.progress = kept
                if not pad.waiting:
                    self._will_be_written(pad)

    def log(self, job: Job, text: str) -> None:
        task_logger.info("%s: %s", job, text, extra={"pinion": {"event": "task.log", "job": job.id, "text": text}})
        if self._steps is not None:
            line = Line(as_datetime(self._clock.now()), job.attempts, str(text)[:LONGEST_LINE])
            with self._changed:
                pad = self._pad(job)
                pad.logged += 1
                if pad.logged <= MOST_LINES:
                    pad.lines.append(line)
                    if not pad.waiting:
                        self._will_be_written(pad)

    def add(self, job: Job, progress: Any, lines: Iterable[Line]) -> None:
        """Take notes that were made elsewhere, within the bounds; they have been logged."""
        if self._steps is not None:
            with self._changed:
                pad = self._pad(job)
                pad.progress = pad.progress if progress is KEEP else progress
                pad.lines += lines
                if not pad.waiting:
                    self._will_be_written(pad)

    def is_cancelled(self, job: Job) -> bool:
        return bool(self.cancelled) and _claim(job) in self.cancelled

    def complete(self, job: Job, connection: Any, result: Any) -> None:
        if not self._transactions:
            raise Unsupported(
                f"{type(self._storage).__name__} doesn't promise TRANSACTIONS: return from the task to complete its job"
            )
        if connection is None:
            raise InvalidJob("complete() needs the connection whose transaction it is to be part of, got None")
        settlement = Settlement(_claim(job), Done(result))
        if self._storage.exchange([settlement], connection=connection).settled[0] is Settled.LOST:
            raise ClaimLost(f"{job} is no longer held under this claim: it was claimed again, settled or deleted")
        self.completed[settlement.claim] = result
        self.used = True

    def _pad(self, job: Job) -> _Pad:
        claim = _claim(job)
        pad = self._pads.get(claim)
        if pad is None:
            self.used = True
            pad = self._pads[claim] = _Pad(job)
        return pad

    def _will_be_written(self, pad: _Pad) -> None:
        pad.waiting = True
        self._waiting.append(pad)
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._write_now_and_then, name="pinion-notes", daemon=True)
            self._thread.start()
        if len(self._waiting) == 1:
            self._changed.notify()

    # --- called by the worker ---------------------------------------------------------------------

    def cancel(self, claim: Claim) -> bool:
        """The attempt is to stop. Whether that is news."""
        self.used = True
        news = claim not in self.cancelled
        self.cancelled.add(claim)
        return news

    def flush(self, jobs: Iterable[Job]) -> None:
        """Write what these attempts, which are over, have said and is not yet written."""
        if self._pads:
            for job in jobs:
                pad = self._pads.get(_claim(job))
                if pad is not None:
                    self._say_what_was_dropped(pad)
                    self._write(pad)

    def forget(self, jobs: Iterable[Job]) -> None:
        """These attempts are settled."""
        if self._pads or self.cancelled or self.completed:
            for claim in map(_claim, jobs):
                with self._changed:
                    self._pads.pop(claim, None)
                    self.cancelled.discard(claim)
                    self.completed.pop(claim, None)

    def close(self) -> None:
        """End the thread that writes; what is still to be written is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # --- writing ----------------------------------------------------------------------------------

    def _write_now_and_then(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                pads, self._waiting = self._waiting, []
                for pad in pads:
                    pad.waiting = False
            for pad in pads:
                self._write(pad)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, EVERY)

    def _say_what_was_dropped(self, pad: _Pad) -> None:
        with self._changed:
            if (dropped := pad.logged - MOST_LINES) > 0:
                text = f"({dropped:,} more lines were logged and not kept: an attempt keeps {MOST_LINES:,})"
                pad.lines.append(Line(as_datetime(self._clock.now()), pad.job.attempts, text))
                pad.logged = 0

    def _write(self, pad: _Pad) -> None:
        """Write what is new. What a storage that is away didn't take is kept, for the next time."""
        with pad.writing:
            with self._changed:
                progress, lines = pad.progress, pad.lines
                pad.progress, pad.lines = KEEP, []
            if progress is KEEP and not lines:
                return
            try:
                self._note(pad, progress, lines)
            except StorageUnavailable:
                self._keep(pad, progress, lines)
            except Exception as refused:  # also what a storage should not raise: it may not harm the job
                _say_dropped(pad.job, refused)

    def _note(self, pad: _Pad, progress: Any, lines: list[Line]) -> None:
        assert self._steps is not None
        try:
            self._steps.note(pad.claim, progress=progress, lines=lines)
        except InvalidJob as refused:
            _say_dropped(pad.job, refused)
            if lines:
                self._steps.note(pad.claim, lines=lines)

    def _keep(self, pad: _Pad, progress: Any, lines: list[Line]) -> None:
        with self._changed:
            pad.progress = progress if pad.progress is KEEP else pad.progress
            pad.lines[:0] = lines
            if not pad.waiting:
                self._will_be_written(pad)


def _say_dropped(job: Job, why: Exception) -> None:
    fields = {"event": "job.note_dropped", "job": job.id, "task": job.func_name, "error": str(why)}
    logger.warning("%s: what its task reported can't be stored: %s", job, why, extra={"pinion": fields})


def _claim(job: Job) -> Claim:
    return Claim(job.id, job.token or "")
