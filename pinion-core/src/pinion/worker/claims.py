"""Claims: what this worker holds, from the claim of a job to its settlement, and its talk with the storage.

One `exchange` settles whatever has ended and claims the next batch, so a busy worker costs one transaction per batch.
Any thread may call it; it decides nothing about running.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from pinion.clock import monotonic
from pinion.errors import InvalidJob, StorageClosed
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import Cancelled, Done, Released, Retry, Snoozed
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Exchange, Settled, Settlement, Signal
from pinion.worker.batch import Batch
from pinion.worker.outage import Outage
from pinion.worker.report import Ended, Report
from pinion.worker.settings import Settings

__all__ = ["Claims", "claim_of"]

Room = Callable[[int], int]


class Claims:
    """The jobs of one worker that are claimed and not settled.

    waiting: claimed, not begun. Whoever takes one away runs it.
    ended: run, not settled. Whoever runs one adds it.
    held: all that is claimed and not settled, by id.
    room: how many jobs may be claimed, given the size that a batch should have.
    stop: called when the storage turns out to be closed.
    """

    def __init__(
        self,
        storage: ClaimStorage,
        settings: Settings,
        report: Report,
        notes: Notes,
        room: Room,
        stop: Callable[[], None],
    ) -> None:
        self.storage = storage
        self.settings = settings
        self.report = report
        self.notes = notes
        self.outage = Outage(report)
        self.waiting: deque[Job] = deque()
        self.ended: deque[Ended] = deque()
        self.held: dict[str, Job] = {}  # changed by `exchange` alone
        self.hands_on = False  # whether there is an event loop to hand jobs on to
        self.meets_async = False  # whether there were async jobs among the last
        self.handed_on = 0  # since the last exchange: jobs that a thread was done with before they ended
        self.handed_on_at = 0.0
        self.claimed_at = 0.0
        self.lease_ends = 0.0
        self.stopped = threading.Event()  # nothing is claimed any more
        self._room = room
        self._stop = stop
        self._batch = Batch()
        self._exchanging = threading.Lock()

    # --- settling and claiming --------------------------------------------------------------------

    def exchange_patiently(self, claim: bool) -> bool:
        """Exchange unless the storage is away. True if jobs were claimed."""
        try:
            claimed = self.exchange(claim)
        except Exception as raised:  # whatever a storage raises, the worker goes on; see Outage
            self.storage_failed(raised)
            return False
        self.outage.over()
        return claimed

    def storage_failed(self, raised: Exception) -> None:
        if isinstance(raised, StorageClosed):
            self._stop()
        self.outage.failed(raised)

    def exchange(self, claim: bool) -> bool:
        """Settle all that has ended, and claim more if asked to. True if there is something to run."""
        with self._exchanging:
            claim = claim and not self.stopped.is_set()  # asked here, so that nothing is claimed behind `close`
            if claim and self.waiting:
                return True
            ended = [self.ended.popleft() for _ in range(len(self.ended))]
            self._observe(ended)
            request = self._request() if claim else None
            if not ended and request is None:
                return False
            if self.notes.used:
                self._prepare(ended)
            try:
                answer = self._settle_and_claim(ended, request)
            except BaseException:  # Ctrl-C too: what ended must still be settled, in its order
                self.ended.extendleft(reversed(ended))
                raise
            self._take(answer.jobs)  # first, so that a burst never finds nothing held while there is something
            for each in ended:
                if self.held.get(each.job.id) is each.job:  # else it was claimed again here, and that claim goes on
                    del self.held[each.job.id]
        if self.notes.used:
            self.notes.forget(each.job for each in ended)
        self.report.exchanged(ended, answer.settled)  # after the lock: whoever listens may take its time
        return bool(answer.jobs)

    def _observe(self, ended: list[Ended]) -> None:
        """The pace of the threads is what counts: they are done with an async job once it is handed on."""
        finished, now = len(ended), monotonic()
        if self.hands_on:
            finished -= sum(each.was_handed_on for each in ended)
            handed_on, self.handed_on = self.handed_on, 0
            if handed_on or finished:
                self.meets_async = handed_on > 0
            if handed_on and not finished:
                now = self.handed_on_at  # since then they have waited for slots
            finished += handed_on
        self._batch.observe(finished, now - self.claimed_at)

    def _request(self) -> ClaimRequest | None:
        settings, room = self.settings, self._room(self._batch.size(1))
        return ClaimRequest(settings.name, room, settings.lease, settings.queues) if room > 0 else None

    def _prepare(self, ended: list[Ended]) -> None:
        """What a task has said is written before its attempt is settled; what was cancelled doesn't come back."""
        self.notes.flush(each.job for each in ended)
        if self.notes.cancelled:
            for each in ended:
                if isinstance(each.outcome, Retry | Snoozed | Released) and self.notes.is_cancelled(each.job):
                    each.outcome = Cancelled()

    def _settle_and_claim(self, ended: list[Ended], request: ClaimRequest | None) -> Exchange:
        """One exchange. Where a result can't be stored, its job succeeds without it and the exchange is repeated."""
        before = monotonic()
        try:
            answer = self.storage.exchange(_settlements(ended), request)
        except InvalidJob:
            self._drop_results_that_cannot_be_stored(ended)
            answer = self.storage.exchange(_settlements(ended), request)
        if answer.jobs:
            self.claimed_at, self.lease_ends = monotonic(), before + self.settings.lease
        if self.notes.completed and Settled.LOST in answer.settled:
            verdicts = zip(ended, answer.settled, strict=True)
            return Exchange([self._look_again(each, verdict) for each, verdict in verdicts], answer.jobs)
        return answer

    def _drop_results_that_cannot_be_stored(self, ended: list[Ended]) -> None:
        for each in ended:
            if isinstance(each.outcome, Done):
                try:
                    self.storage.exchange(_settlements([each]))  # repeating it is allowed, and changes nothing
                except InvalidJob as refused:
                    each.outcome = Done()
                    self.report.result_dropped(each, refused)

    def _look_again(self, ended: Ended, verdict: Settled) -> Settled:
        """Whether a settlement was refused because the task's own transaction, once committed, had completed the job.

        If so, settling it as the task did is a repetition, which counts.
        """
        claim = claim_of(ended.job)
        if verdict is Settled.SETTLED or claim not in self.notes.completed:
            return verdict
        done = Done(self.notes.completed[claim])
        verdict = self.storage.exchange([Settlement(claim, done)]).settled[0]
        if verdict is Settled.SETTLED:
            if not isinstance(ended.outcome, Done):
                self.report.completed_by_itself(ended)
            ended.outcome = done
        return verdict

    def _take(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.held[job.id] = job
        self.waiting.extend(jobs)

    # --- holding on, and letting go ---------------------------------------------------------------

    def extend(self) -> list[tuple[Job, Signal]] | None:
        """Extend the leases of all that is held; who is to stop, and why. None if the storage is away."""
        held = list(self.held.values())
        if not held:
            return []
        if self.outage.remaining():
            return None
        before = monotonic()
        try:
            signals = self.storage.extend([claim_of(job) for job in held], self.settings.lease)
        except Exception as raised:  # whatever a storage raises, the worker goes on; see Outage
            self.storage_failed(raised)
            return None
        self.lease_ends = before + self.settings.lease
        return [
            (job, signal)
            for job, signal in zip(held, signals, strict=True)
            if signal is not Signal.HELD and self.held.get(job.id) is job
        ]

    def give_back_waiting(self) -> None:
        """Hand back what was claimed and waits behind a job that takes long: another worker may be idle."""
        while self.waiting:
            try:
                self.ended.append(Ended(self.waiting.pop(), Released(), 0.0))
            except IndexError:
                return

    def close(self) -> None:
        """Claim no more: whoever claims just now is the last to do so, and what waits is given back."""
        self.stopped.set()
        with self._exchanging:
            self.give_back_waiting()


def _settlements(ended: Sequence[Ended]) -> list[Settlement]:
    return [Settlement(Claim((job := each.job).id, job.token or ""), each.outcome) for each in ended]


def claim_of(job: Job) -> Claim:
    return Claim(job.id, job.token or "")
