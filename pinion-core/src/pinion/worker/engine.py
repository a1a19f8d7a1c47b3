"""The engine: keeps watch over the threads and the event loop that run the jobs.

The thread that called `run` extends the leases, interrupts what is late or cancelled, gives back claimed jobs that wait
too long for their turn, settles what finished meanwhile, and stops everything within the grace period.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pinion.clock import monotonic, sleep
from pinion.context import Entry
from pinion.errors import TaskCancelled, TaskTimeout
from pinion.job import Job
from pinion.outcome import Released
from pinion.registry import Definition
from pinion.storage import ClaimStorage, Signal
from pinion.worker.bell import Bell
from pinion.worker.claims import claim_of
from pinion.worker.place import Interruption, Place
from pinion.worker.report import Ended, Report
from pinion.worker.settings import Settings
from pinion.worker.threads import CARE, PATIENCE, Threads

__all__ = ["Engine"]

STUBBORN = 5.0
"""Seconds after which a task that goes on though it was interrupted is named in the log."""

LAST_SECOND = 1.0
"""Seconds beyond the grace period for what is cancelled then to end."""

NEVER = float("inf")


class Engine:
    """Runs jobs until it is stopped. Made for one `run`.

    drained: says whether nothing is left to do; asked when nothing is claimable. The engine stops when it is.
    """

    def __init__(
        self,
        storage: ClaimStorage,
        registry: Mapping[str, Definition[..., Any]],
        settings: Settings,
        report: Report,
        drained: Callable[[], bool] | None = None,
    ) -> None:
        self.settings = settings
        self.report = report
        self.bell = Bell()
        self.threads = Threads(storage, registry, settings, report, self.bell, drained)
        self.claims = self.threads.claims
        self._notes = self.threads.notes
        self._stopping = self.claims.stopped
        self._extended_at = monotonic()
        self._not_before = 0.0  # no lease is extended again before, because the storage is away
        self._stops = 0

    def stop(self) -> None:
        """Ask for the end and return at once: the first time within the grace period, the second time now."""
        self.bell.ring("stop")

    def run(self) -> None:
        """Run jobs until stopped; then everything is settled or handed back, or counted as unsettled."""
        self.threads.start()
        try:
            self._watch()
        finally:
            self._finish()

    def busy(self) -> int:
        """How many jobs run just now."""
        loop = self.threads.async_tasks
        return len(self.threads.entries()) + (loop.count() if loop else 0)

    # --- keeping watch ----------------------------------------------------------------------------

    def _watch(self) -> None:
        while self._is_at_work() and not self.threads.is_out_of_time():
            now = monotonic()
            said = self._listen(
                min(self._next_beat(now), self._interrupt_late_ones(now), self._look_at_loop(now)) - now
            )
            if (now := monotonic()) >= self._next_beat(now):
                self._keep_alive()
            if not self._stops and (worn := self.threads.wear.reason(self.report.summary.attempts)):
                self._stop_worn(worn)
            if self._stopping.is_set():
                self._let_end()
            elif now - self.claims.claimed_at > PATIENCE:
                self._give_back_waiting()
                self._settle_what_ended()
            elif said == "ended" and self.threads.are_away():
                self._settle_what_ended()

    def _is_at_work(self) -> bool:
        loop = self.threads.async_tasks
        return not self.threads.are_over() or (loop is not None and loop.count() > 0)

    def _listen(self, timeout: float) -> str | None:
        """Sleep until something is said, or there is something to look after; what was said."""
        loop = self.threads.async_tasks
        self.bell.dozing = timeout  # before looking: what is claimed from now on is said
        if self.claims.waiting or self.claims.ended or self._stopping.is_set() or (loop and loop.has_waiting()):
            timeout = min(timeout, PATIENCE)
        said = self.bell.listen(timeout)
        if said == "stop":
            self._begin_to_stop()
        return said

    def _begin_to_stop(self) -> None:
        self._stops += 1
        if self._stops > 1:
            self.threads.deadline = monotonic()
            return
        self.threads.deadline = monotonic() + self.settings.grace
        self._stopping.set()
        busy = self.busy()
        text = "stopping: %d running jobs may take up to %g s more" if busy else "stopping"
        self.report.worker_event("worker.stopping", text, *((busy, self.settings.grace) if busy else ()))

    def _stop_worn(self, why: str) -> None:
        self.report.summary.worn = why
        self.report.worker_event("worker.worn", "%s: this worker stops, to be replaced", why)
        self._begin_to_stop()

    def _let_end(self) -> None:
        """While the worker stops: give back what hasn't begun, wake who waits, settle what no thread is left for."""
        self._give_back_waiting()
        self.threads.wake()
        if self.threads.are_over():
            self._settle_what_ended()

    def _give_back_waiting(self) -> None:
        self.claims.give_back_waiting()
        if (loop := self.threads.async_tasks) is not None:
            loop.give_back_waiting()

    def _settle_what_ended(self) -> None:
        if self.claims.ended and not self.claims.outage.remaining():
            self.threads.exchange_patiently(claim=False)

    # --- timeouts ---------------------------------------------------------------------------------

    def _interrupt_late_ones(self, now: float) -> float:
        """Raise in the threads whose attempt has run out of time; when to look again."""
        soonest = NEVER
        for place in self.threads.places:
            if (entry := place.entry) is not None and entry[0].timeout is not None:
                deadline = entry[1] + entry[0].timeout
                if now < deadline:
                    soonest = min(soonest, deadline)
                else:
                    self._interrupt(place, entry, TaskTimeout)
        return soonest

    def _interrupt(self, place: Place, entry: Entry, kind: Interruption) -> None:
        place.interrupt(entry, kind)
        if place.is_stubborn(STUBBORN):
            self.report.not_interrupted(entry[0], kind)

    def _look_at_loop(self, now: float) -> float:
        loop = self.threads.async_tasks
        return NEVER if loop is None else loop.look(now)

    # --- leases -----------------------------------------------------------------------------------

    def _next_beat(self, now: float) -> float:
        """When the leases are to be extended next: every second while something runs for longer than that."""
        oldest = min((entry[1] for entry in self.threads.entries()), default=now if self.claims.held else NEVER)
        if (loop := self.threads.async_tasks) is not None:
            oldest = min(oldest, loop.oldest())
        usual = self._extended_at + self.settings.lease / 3
        return max(self._not_before, min(usual, max(oldest, self._extended_at) + CARE))

    def _keep_alive(self) -> None:
        """Extend the leases, and do what that says; again soon if there is an outage."""
        answers = self.claims.extend()
        now = monotonic()
        if answers is None:
            self._extended_at, self._not_before = 0.0, now + max(PATIENCE, self.claims.outage.remaining())
            return
        self._extended_at, self._not_before = now, 0.0
        for job, signal in answers:
            self._heed(job, signal)

    def _heed(self, job: Job, signal: Signal) -> None:
        """The job was cancelled, or is another worker's by now: end its attempt."""
        claim, place, loop = claim_of(job), self._place_of(job), self.threads.async_tasks
        if signal is Signal.LOST:
            if claim in self._notes.completed:
                return
            if place is None and not (loop and loop.runs(job)):
                self._give_back_waiting()  # it is refused, and so no longer held
                return
        if self._notes.cancel(claim) and signal is Signal.LOST:
            self.report.lease_lost(job)
        if place is not None and (entry := place.entry) is not None and entry[0] is job:
            self._interrupt(place, entry, TaskCancelled)
        elif loop is not None:
            loop.cancel(job)

    def _place_of(self, job: Job) -> Place | None:
        return next((place for place in self.threads.places if (entry := place.entry) and entry[0] is job), None)

    # --- the end ----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Settle what is left; hand back what still runs, so that others may take it at once."""
        self.claims.stopped.set()
        self.threads.wake()
        self.claims.close()
        self._kill_children()
        for job, started, _ in self._end_async_tasks() + self.threads.entries():
            self.claims.ended.append(Ended(job, Released(), monotonic() - started))
            self.report.summary.abandoned += 1
        try:
            self.claims.exchange(claim=False)
        except Exception as raised:  # the storage is away at the very end: say what that leaves
            self.claims.outage.failed(raised)
            self.report.summary.unsettled = len(self.claims.ended)
        self._notes.close()

    def _kill_children(self) -> None:
        """What runs in a process can be ended: its thread then hands the job back."""
        places = [place for place in self.threads.places if place.in_child]
        for place in places:
            if (entry := place.entry) is not None:
                place.interrupt(entry, Released)
        deadline = monotonic() + LAST_SECOND
        while any(place.in_child for place in places) and monotonic() < deadline:
            sleep(0.005)

    def _end_async_tasks(self) -> list[Entry]:
        """Cancel them, which can't be done to a thread, and give them a moment; those that go on all the same."""
        loop = self.threads.async_tasks
        if loop is None:
            return []
        loop.stop_all()
        deadline = monotonic() + LAST_SECOND
        while loop.count() and monotonic() < deadline:
            sleep(0.005)
        loop.close()
        return loop.abandon()
