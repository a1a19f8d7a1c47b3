"""The engine: claim, run, settle, keep alive.

Threads run the jobs. A thread that finds no claimed job waiting fetches some itself: one `exchange` with the storage
settles whatever has finished and claims the next batch, so a busy worker costs one transaction per batch, and no job
is handed from thread to thread. When nothing is claimable, one thread waits in the storage and the others wait for it.

The thread that called `run` keeps watch: it extends the leases, gives back claimed jobs that wait too long for their
turn, settles what finished while a long task runs, and stops everything within the grace period.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from pinion.clock import monotonic, sleep
from pinion.context import Entry, enter
from pinion.errors import InvalidJob, StorageClosed, TaskTimeout
from pinion.execution import attempt, failure
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import Done, Outcome, Released, decide
from pinion.retry import RetryPolicy
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Exchange, Settled, Settlement, Signal
from pinion.task import Task
from pinion.worker.batch import Batch
from pinion.worker.guard import Guard
from pinion.worker.outage import Outage
from pinion.worker.report import Ended, Report

__all__ = ["Engine", "Settings"]

PATIENCE = 0.05
"""Seconds that a claimed job may wait for its turn, and a finished one for its settlement."""

LONG = 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How a worker works; see `Worker` for the meaning."""

    name: str
    threads: int
    queues: tuple[str, ...] | None
    lease: float
    grace: float
    policy: RetryPolicy


class Engine:
    """Runs jobs until it is stopped. Made for one `run`.

    drained: says whether nothing is left to do; asked when nothing is claimable. The engine stops when it is.
    """

    def __init__(
        self,
        storage: ClaimStorage,
        registry: Mapping[str, Task[..., Any]],
        settings: Settings,
        report: Report,
        drained: Callable[[], bool] | None = None,
    ) -> None:
        self.storage = storage
        self.registry = registry
        self.settings = settings
        self.report = report
        self._job_started = report.hooks.job_started
        self._drained = drained
        self._outage = Outage(report)
        self._batch = Batch()
        self._waiting: deque[Job] = deque()  # claimed, not begun
        self._ended: deque[Ended] = deque()  # run, not settled
        self._held: dict[str, Job] = {}  # claimed, not settled; changed by `_exchange` alone
        self._notes = Notes(storage)
        self._running: list[Entry | None] = [None] * settings.threads  # one place per thread
        self._guards: list[Guard | None] = [None] * settings.threads  # of the attempts that have a timeout
        self._claimed_at = 0.0
        self._lease_ends = 0.0
        self._exchanging = threading.Lock()
        self._leading = threading.Lock()  # held by the thread that waits in the storage for all
        self._signals: SimpleQueue[str] = SimpleQueue()  # its `put` may be called by a signal handler
        self._dozing = False
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._stops = 0

    # --- called from outside ----------------------------------------------------------------------

    def stop(self) -> None:
        """Ask for the end and return at once: the first time within the grace period, the second time now."""
        self._signals.put("stop")

    def run(self) -> None:
        """Run jobs until stopped; then everything is settled or handed back, or counted as unsettled."""
        threads = [
            threading.Thread(target=self._work, args=(i,), name=f"pinion-{i}", daemon=True)
            for i in range(self.settings.threads)
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads)
        finally:
            self._finish()

    def busy(self) -> int:
        """How many jobs run just now."""
        return sum(1 for entry in self._running if entry)

    # --- the threads that run jobs ----------------------------------------------------------------

    def _work(self, place: int) -> None:
        while (job := self._next()) is not None:
            started = monotonic()
            if started > self._lease_ends:  # frozen since the claim: it may be another worker's by now
                self._ended.append(Ended(job, Released(), 0.0))
                continue
            self._running[place] = entry = (job, started, self._notes)
            enter(entry)
            if self._job_started:
                self._job_started(job=job)
            unguarded = job.timeout is None or self._is_async(job)
            outcome = self._attempt(job) if unguarded else self._attempt_in_time(job, job.timeout or 0.0, place)
            self._ended.append(Ended(job, outcome, monotonic() - started))
            self._running[place] = None
        self._flush()
        self._signals.put("look")

    def _attempt(self, job: Job) -> Outcome:
        return attempt(job, self.registry, self.settings.policy)

    def _is_async(self, job: Job) -> bool:
        """Whether the job's task is cancelled by its own loop, and needs no guard."""
        try:
            return self.registry[job.func_name].is_async
        except LookupError:
            return True

    def _attempt_in_time(self, job: Job, timeout: float, place: int) -> Outcome:
        """An attempt with a timeout. The exception may arrive a few instructions before or after the task itself."""
        self._guards[place] = guard = Guard(timeout)
        self._signals.put("look")
        try:
            with guard:
                outcome = self._attempt(job)
            guard.withdraw()
        except TaskTimeout as late:
            outcome = decide(job, failure(late), self.settings.policy)
        self._guards[place] = None
        return outcome

    def _next(self) -> Job | None:
        """The next job to run; None when the engine stops."""
        while not self._stopping.is_set():
            try:
                return self._waiting.popleft()
            except IndexError:
                self._fetch()
        return None

    def _fetch(self) -> None:
        """Settle what has ended and claim more; if there is nothing, wait until there may be."""
        if self._ended and self._exchange_patiently(claim=True):
            return
        with self._leading:
            if self._waiting or self._stopping.is_set() or self._exchange_patiently(claim=True):
                return
            if not self._outage.remaining():
                self._wait_for_work()

    def _wait_for_work(self) -> None:
        timeout = LONG
        if self._drained is not None:
            if not self._held and self._ask(self._drained):
                self.stop()
            timeout = 0.1  # the others settle their last jobs meanwhile, and nothing tells this thread
        self._ask(lambda: self.storage.wait(self.settings.queues, timeout))

    def _ask[T](self, question: Callable[[], T]) -> T | None:
        """The storage's answer, or None when there is an outage."""
        try:
            return question()
        except Exception as raised:  # whatever a storage raises, the worker goes on; see Outage
            self._storage_failed(raised)
            return None

    # --- talking to the storage -------------------------------------------------------------------

    def _exchange_patiently(self, claim: bool) -> bool:
        """Exchange once the outage, if there is one, allows it. True if jobs were claimed."""
        if pause := self._outage.remaining():
            self._pause(pause)
        try:
            claimed = self._exchange(claim)
        except Exception as raised:  # whatever a storage raises, the worker goes on; see Outage
            self._storage_failed(raised)
            return False
        self._outage.over()
        return claimed

    def _pause(self, seconds: float) -> None:
        if self._stopping.is_set():
            sleep(max(0.0, min(seconds, self._deadline - monotonic())))
        else:
            self._stopping.wait(seconds)

    def _storage_failed(self, raised: Exception) -> None:
        if isinstance(raised, StorageClosed):
            self.stop()
        self._outage.failed(raised)

    def _exchange(self, claim: bool) -> bool:
        with self._exchanging:
            claim = claim and not self._stopping.is_set()  # asked here, so that nothing is claimed behind `_finish`
            if claim and self._waiting:
                return True
            ended = [self._ended.popleft() for _ in range(len(self._ended))]
            request = self._request() if claim else None
            if not ended and request is None:
                return False
            self._batch.observe(len(ended), monotonic() - self._claimed_at)
            self._notes.flush(each.job for each in ended)
            try:
                answer = self._settle_and_claim(ended, request)
            except BaseException:
                self._ended.extendleft(reversed(ended))
                raise
            self._take(answer.jobs)  # first, so that a burst never finds nothing held while there is something
            for each in ended:
                if self._held.get(each.job.id) is each.job:  # else it was claimed again here, and that claim goes on
                    del self._held[each.job.id]
        self._notes.forget(each.job for each in ended)
        self.report.exchanged(ended, answer.settled)  # after the lock: whoever listens may take its time
        return bool(answer.jobs)

    def _request(self) -> ClaimRequest:
        settings = self.settings
        idle = self._running.count(None)
        return ClaimRequest(settings.name, self._batch.size(max(1, idle)), settings.lease, settings.queues)

    def _settle_and_claim(self, ended: list[Ended], request: ClaimRequest | None) -> Exchange:
        """One exchange. Where a result can't be stored, its job succeeds without it and the exchange is repeated."""
        before = monotonic()
        try:
            answer = self.storage.exchange([_settlement(each) for each in ended], request)
        except InvalidJob:
            self._drop_results_that_cannot_be_stored(ended)
            answer = self.storage.exchange([_settlement(each) for each in ended], request)
        if answer.jobs:
            self._claimed_at, self._lease_ends = monotonic(), before + self.settings.lease
        if self._notes.completed and Settled.LOST in answer.settled:
            verdicts = zip(ended, answer.settled, strict=True)
            return Exchange([self._look_again(each, verdict) for each, verdict in verdicts], answer.jobs)
        return answer

    def _look_again(self, ended: Ended, verdict: Settled) -> Settled:
        """Whether a settlement was refused because the task's own transaction, once committed, had completed the job.

        If so, settling it as the task did is a repetition, which counts.
        """
        claim = _claim(ended.job)
        if verdict is Settled.SETTLED or claim not in self._notes.completed:
            return verdict
        done = Done(self._notes.completed[claim])
        verdict = self.storage.exchange([Settlement(claim, done)]).settled[0]
        if verdict is Settled.SETTLED:
            if not isinstance(ended.outcome, Done):
                self.report.completed_by_itself(ended)
            ended.outcome = done
        return verdict

    def _drop_results_that_cannot_be_stored(self, ended: list[Ended]) -> None:
        for each in ended:
            if isinstance(each.outcome, Done):
                try:
                    self.storage.exchange([_settlement(each)])  # repeating it is allowed, and changes nothing
                except InvalidJob as refused:
                    each.outcome = Done()
                    self.report.result_dropped(each, refused)

    def _take(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._held[job.id] = job
        self._waiting.extend(jobs)
        if len(jobs) > 1 and self._dozing:
            self._signals.put("look")

    def _flush(self) -> None:
        while self._ended and not self._out_of_time():
            self._exchange_patiently(claim=False)

    # --- keeping watch ----------------------------------------------------------------------------

    def _watch(self, threads: list[threading.Thread]) -> None:
        next_beat = monotonic() + self.settings.lease / 3
        while any(thread.is_alive() for thread in threads) and not self._out_of_time():
            self._listen(min(next_beat, self._interrupt_late_ones()) - monotonic())
            if monotonic() >= next_beat:
                next_beat = monotonic() + self._keep_alive()
            if self._stopping.is_set():
                self._give_back_waiting()
                self.storage.wake()
            elif monotonic() - self._claimed_at > PATIENCE:
                self._give_back_waiting()
                if self._ended and not self._outage.remaining():
                    self._exchange_patiently(claim=False)

    def _interrupt_late_ones(self) -> float:
        """Raise in the threads whose attempt has run out of time; when to look again."""
        now, soonest = monotonic(), float("inf")
        for guard in [guard for guard in self._guards if guard is not None]:
            if now < guard.deadline:
                soonest = min(soonest, guard.deadline)
            else:
                guard.look(now)
        return soonest

    def _listen(self, timeout: float) -> None:
        """Sleep until something is said, or there is something to look after."""
        self._dozing = True  # before looking: what is claimed from now on is said
        short = bool(self._waiting or self._ended or self._stopping.is_set())
        try:
            said = self._signals.get(timeout=max(0.0, min(timeout, PATIENCE) if short else timeout))
        except Empty:
            return
        finally:
            self._dozing = False
        if said == "stop":
            self._begin_to_stop()

    def _begin_to_stop(self) -> None:
        self._stops += 1
        if self._stops == 1:
            self._deadline = monotonic() + self.settings.grace
            self._stopping.set()
            busy = self.busy()
            text = "stopping: %d running jobs may take up to %g s more" if busy else "stopping"
            self.report.worker_event("worker.stopping", text, *((busy, self.settings.grace) if busy else ()))
        else:
            self._deadline = monotonic()

    def _out_of_time(self) -> bool:
        return self._stopping.is_set() and monotonic() >= self._deadline

    def _give_back_waiting(self) -> None:
        """Hand back what was claimed and waits behind a job that takes long: another worker may be idle."""
        while self._waiting:
            try:
                self._ended.append(Ended(self._waiting.pop(), Released(), 0.0))
            except IndexError:
                return

    def _keep_alive(self) -> float:
        """Extend the leases; seconds until it is time again, which is soon if there is an outage."""
        heartbeat = self.settings.lease / 3
        held = list(self._held.values())
        if held and (self._outage.remaining() or not self._extend(held)):
            return min(heartbeat, max(PATIENCE, self._outage.remaining()))
        return heartbeat

    def _extend(self, held: list[Job]) -> bool:
        before = monotonic()
        signals = self._ask(lambda: self.storage.extend([_claim(job) for job in held], self.settings.lease))
        if signals is None:
            return False
        self._lease_ends = before + self.settings.lease
        for job, signal in zip(held, signals, strict=True):
            if signal is Signal.LOST and self._held.get(job.id) is job and _claim(job) not in self._notes.completed:
                self._lost(job)
        return True

    def _lost(self, job: Job) -> None:
        if any(entry and entry[0] is job for entry in self._running):
            self.report.lease_lost(job)
        else:
            self._give_back_waiting()  # it is refused, and so no longer held

    # --- the end ----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Settle what is left; hand back what still runs, so that others may take it at once."""
        self._stopping.set()
        self._ask(self.storage.wake)
        with self._exchanging:  # whoever claims just now is the last to do so
            self._give_back_waiting()
        for entry in self._running:
            if entry is not None:
                self._ended.append(Ended(entry[0], Released(), monotonic() - entry[1]))
                self.report.summary.abandoned += 1
        try:
            self._exchange(claim=False)
        except Exception as raised:  # the storage is away at the very end: say what that leaves
            self._outage.failed(raised)
            self.report.summary.unsettled = len(self._ended)
        self._notes.close()


def _settlement(ended: Ended) -> Settlement:
    return Settlement(_claim(ended.job), ended.outcome)


def _claim(job: Job) -> Claim:
    return Claim(job.id, job.token or "")
