"""Rounds: what a worker does beside running jobs, again and again, in one thread.

There is a duty for each: `ticking` makes the jobs of schedules, `presence` says that the worker is alive, `sweeping`
deletes what is too old. Each acts, and says when it wants to act again. A worker whose storage promises none of it has
no duties, and no thread.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from pinion.clock import monotonic
from pinion.errors import StorageClosed, StorageError
from pinion.worker.report import Report

__all__ = ["Duty", "Rounds"]

logger = logging.getLogger("pinion.worker")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
SHORTEST = 0.01
PATIENCE = 2.0
"""Seconds that a stop waits for a round in progress; it ends without it if the storage doesn't answer."""


class Duty(Protocol):
    """Something to be done now and then."""

    def act(self) -> float:
        """Do what is due. Seconds until it wants to act again. Whatever it raises, it is asked again."""
        ...

    def end(self) -> None:
        """The worker stops."""
        ...


class _Turn:
    """When a duty acts next, and how long to leave it alone while it can't."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self.due = 0.0
        self.pause = 0.0  # above 0 while it fails

    def done(self, seconds: float) -> None:
        self.due, self.pause = monotonic() + max(SHORTEST, seconds), 0.0

    @property
    def is_new(self) -> bool:
        """Whether it never acted."""
        return self.due == 0.0

    def failed(self) -> None:
        self.pause = min(max(FIRST_PAUSE, self.pause * 2), LONGEST_PAUSE)
        self.due = monotonic() + self.pause


class Rounds:
    """Does duties until it is stopped. Made for one start."""

    def __init__(self, duties: Sequence[Duty], report: Report) -> None:
        self._turns = [_Turn(duty) for duty in duties]
        self._report = report
        self._failing = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()  # guards the two below
        self._woken = False
        self._stopping = False

    def start(self) -> None:
        """Begin, in a thread; without duties there is none."""
        if self._turns:
            self._thread = threading.Thread(target=self._run, name="pinion-rounds", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Let every duty act at once: somebody moved the clock by hand, say."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def stop(self) -> None:
        """End at once, or as soon as the storage answers. May be repeated."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        wait = self.go()
        while self._is_to_go_on(wait):
            wait = self.go()
        for turn in self._turns:
            if not turn.pause:
                self._end(turn.duty)

    def _is_to_go_on(self, wait: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._woken or self._stopping, wait)
            if self._woken:
                self._woken = False
                self.look_again()
            return not self._stopping

    def look_again(self) -> None:
        """Let every duty act in the next round."""
        for turn in self._turns:
            turn.due = 0.0

    def go(self) -> float:
        """One round: let those act whose time has come. Seconds until the next one's.

        Everyone acts once, also where a stop comes before: a worker that ends at once deletes what is too old, too.
        """
        for turn in self._turns:
            if turn.due <= monotonic() and (turn.is_new or not self._stopping):
                self._act(turn)
        return max(0.0, min((turn.due for turn in self._turns), default=LONGEST_PAUSE) - monotonic())

    def _act(self, turn: _Turn) -> None:
        try:
            turn.done(turn.duty.act())
        except StorageClosed:
            self._stopping = True
        except Exception as raised:  # whatever a storage raises, the rounds go on
            turn.failed()
            self._say_once(raised)
        else:
            self._failing = any(each.pause for each in self._turns)

    def _end(self, duty: Duty) -> None:
        try:
            duty.end()
        except StorageClosed:
            return
        except Exception as raised:  # the lease of what isn't taken back runs out
            self._say_once(raised)

    def _say_once(self, raised: Exception) -> None:
        if self._failing:
            return
        self._failing = True
        trace = None if isinstance(raised, StorageError) else raised
        logger.warning(
            "schedules, purges and the list of workers wait for the storage (%s: %s); it is asked again and again",
            type(raised).__name__,
            raised,
            exc_info=trace,
            extra={"pinion": {"event": "rounds.lost", "worker": self._report.worker, "error": str(raised)}},
        )
