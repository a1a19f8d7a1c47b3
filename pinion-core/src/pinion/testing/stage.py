"""Stage: runs jobs one by one in the calling thread, as a worker does, on a clock that is moved by hand.

Claims, attempts and settlements are the real ones; only the threads, and the waiting, are left out.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

from pinion.clock import SECOND, monotonic
from pinion.context import enter
from pinion.errors import EndlessJobs, InvalidJob, TaskTimeout
from pinion.execution import attempt, failure
from pinion.job import Job
from pinion.notes import Notes
from pinion.outcome import Done, Outcome, decide
from pinion.registry import Definition, Registry
from pinion.retry import RetryPolicy
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Settled, Settlement, Signal
from pinion.testing.clock import ManualClock
from pinion.worker.report import Ended, Report

__all__ = ["Stage"]

LEASE = 30.0
DEEPEST = 50
"""So many attempts, each within the one before, are taken for jobs without end."""


class Desk(Notes):
    """Takes what the running task says, and writes it at once, without a thread."""

    def __init__(self, storage: ClaimStorage) -> None:
        super().__init__(storage)
        self._claims = storage
        self.close()

    def report(self, job: Job, progress: Any) -> None:
        super().report(job, progress)
        self.flush([job])

    def log(self, job: Job, text: str) -> None:
        super().log(job, text)
        self.flush([job])

    def is_cancelled(self, job: Job) -> bool:
        return self._claims.extend([_claim(job)], LEASE)[0] is not Signal.HELD


class _Attempt:
    """One that is under way. `late`: it was told that its time is over."""

    def __init__(self, job: Job, now: int) -> None:
        self.job = job
        self.deadline = None if job.timeout is None else now + round(job.timeout * SECOND)
        self.late = False

    def is_late(self, now: int) -> bool:
        return self.deadline is not None and now >= self.deadline and not self.late


class Stage:
    """Where the jobs of a rehearsal run."""

    def __init__(
        self, storage: ClaimStorage, registry: Registry, policy: RetryPolicy, clock: ManualClock, report: Report
    ) -> None:
        self._storage = storage
        self._registry = registry
        self._policy = policy
        self._clock = clock
        self._report = report
        self._desk = Desk(storage)
        self._attempts: list[_Attempt] = []  # the innermost is the last: a task may run others

    def play(self) -> Ended | None:
        """Run one attempt of the next job that is due, and settle it; None if there is none."""
        jobs = self._storage.exchange(claim=ClaimRequest(self._report.worker, 1, LEASE)).jobs
        if not jobs:
            return None
        started = monotonic()
        outcome = self._outcome(jobs[0])
        self._desk.flush(jobs)
        return self._settle(Ended(jobs[0], outcome, monotonic() - started))

    def clock_moved(self) -> None:
        """Renew what is held, as a worker would have done; raises TaskTimeout in a task whose time is over."""
        held = [_claim(each.job) for each in self._attempts]
        if held:
            self._storage.extend(held, LEASE)
            innermost = self._attempts[-1]
            if innermost.is_late(self._clock.now()):
                innermost.late = True
                raise TaskTimeout

    # --- one attempt ------------------------------------------------------------------------------

    def _outcome(self, job: Job) -> Outcome:
        if len(self._attempts) >= DEEPEST:
            raise EndlessJobs(f"{job} would be the {DEEPEST}th job that runs within another: do they end?")
        self._attempts.append(under_way := _Attempt(job, self._clock.now()))
        try:
            outcome = _apart(lambda: contextvars.copy_context().run(self._attempt, job))
        finally:
            self._attempts.remove(under_way)
        if not under_way.is_late(self._clock.now()):
            return outcome
        return decide(job, failure(TaskTimeout()), self._policy_of(job))

    def _attempt(self, job: Job) -> Outcome:
        enter((job, monotonic(), self._desk))
        if self._report.hooks.job_started:
            self._report.hooks.job_started(job=job)
        return attempt(job, self._task(job), self._policy)

    def _task(self, job: Job) -> Definition[..., Any] | LookupError:
        try:
            return self._registry[job.func_name]
        except LookupError as unknown:
            return unknown

    def _policy_of(self, job: Job) -> RetryPolicy:
        task = self._task(job)
        return self._policy if isinstance(task, LookupError) or task.retry is None else task.retry

    def _settle(self, ended: Ended) -> Ended:
        settled = self._try_to_settle(ended)
        self._desk.forget([ended.job])
        self._report.exchanged([ended], [settled])
        return ended

    def _try_to_settle(self, ended: Ended) -> Settled:
        claim = _claim(ended.job)
        try:
            return self._storage.exchange([Settlement(claim, ended.outcome)]).settled[0]
        except InvalidJob as refused:  # a worker lets the job succeed without its result, and says so in its log
            if not isinstance(ended.outcome, Done):
                raise
            self._storage.exchange([Settlement(claim, Done())])
            refused.add_note(f"{ended.job} has succeeded, but what its task returned can't be stored as its result")
            raise


def _apart[T](run: Callable[[], T]) -> T:
    """Call it in this thread, or in another if an event loop runs in this: async tasks have a loop of their own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    answers: list[T] = []
    thread = threading.Thread(target=lambda: answers.append(run()), name="pinion-rehearsal")
    thread.start()
    thread.join()
    return answers[0]


def _claim(job: Job) -> Claim:
    return Claim(job.id, job.token or "")
