"""Machine: Hypothesis makes up programs of calls, and compares a storage's answers with the model's.

The shortest program that was found to fail is what is reported; it can be followed by hand.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from pinion.clock import SECOND, SYSTEM, as_datetime, as_microseconds, monotonic
from pinion.conformance.broken import Broken, expect
from pinion.conformance.model import Model
from pinion.conformance.trial import WORKER, Trial
from pinion.job import Job, JobError, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Change, Claim, ClaimRequest, Filter, Promise, Settlement
from pinion.testing import ManualClock

__all__ = ["compare_with_model"]

EXAMPLES, STEPS = 30, 60
SHRINKING = 6.0
"""Seconds to make a program shorter that was found to fail."""
ERROR = JobError("ValueError", "no")
OUTCOMES: tuple[Outcome, ...] = (
    Done(), Failed(ERROR), Cancelled(), Retry(0.0, ERROR), Retry(20.0, ERROR), Snoozed(10.0), Released(),
)  # fmt: skip
QUEUES = ("default", "mail", "other")
SOME = st.integers(0, 7)
"""Which of the jobs, or claims, there have been; counted round."""


class _TimeIsUp(BaseException):
    """The program that was found is short enough."""


def compare_with_model(trial: Trial) -> None:
    """Raise Broken with the shortest program found whose answers differ from the model's."""
    found = _Found()

    class Machine(_Machine):
        pass

    Machine.trial, Machine.found = trial, found
    options = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink), report_multiple_bugs=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(trial.seed)(Machine), settings=options)
    except (Exception, _TimeIsUp):  # Hypothesis raises what the machine did, or that it can't repeat it
        if not found.program:
            raise
    finally:
        trial.progress()
    if found.program:
        raise Broken(f"{found.cause}; the calls were: {'; '.join(found.program)}")


class _Found:
    """The shortest program that failed, and why."""

    def __init__(self) -> None:
        self.program: Sequence[str] = ()
        self.cause = ""
        self.since = 0.0

    def note(self, program: Sequence[str], cause: str) -> None:
        self.since = self.since or monotonic()
        if not self.program or len(program) <= len(self.program):
            self.program, self.cause = tuple(program), cause

    def check_time(self) -> None:
        if self.since and monotonic() - self.since > SHRINKING:
            raise _TimeIsUp


class _Machine(RuleBasedStateMachine):
    """The rules: the calls that a program is made of."""

    trial: Trial
    found: _Found

    def __init__(self) -> None:
        super().__init__()
        self.trial.progress()
        self.clock = ManualClock() if self.trial.clock else None
        self.place = self.trial.elsewhere()
        self.storage: Any = self.place.open(clock=self.clock)
        self.trial.think()
        self.model = Model()
        self.jobs: list[Job] = []
        self.claims: list[Job] = []
        self.program: list[str] = []
        self.lease = 30.0 if self.clock else 3600.0

    def call(self, text: str, check: Callable[[], None]) -> None:
        """One step of the program."""
        self.found.check_time()
        self.trial.progress()
        self.program.append(text)
        try:
            check()
        except Broken as broken:
            self.found.note(self.program, str(broken))
            raise
        except Exception as raised:
            self.found.note(self.program, f"it raised {type(raised).__name__}: {raised}")
            raise
        finally:
            self.trial.think()

    def now(self) -> int:
        return (self.clock or SYSTEM).now()

    def makes(self, promise: Promise) -> bool:
        return self.trial.facts.makes(promise)

    def is_unsure(self, job: Job) -> bool:
        return self.model.is_unsure(job.id, self.now())

    @rule(
        count=st.integers(1, 3),
        queue=st.sampled_from(QUEUES),
        priority=st.integers(-1, 2),
        delay=st.sampled_from((0, 0, 5, 40)),
    )
    def insert(self, count: int, queue: str, priority: int, delay: int) -> None:
        options: dict[str, Any] = {}
        if self.makes(Promise.QUEUES):
            options["queue"] = queue
        if self.makes(Promise.PRIORITY):
            options["priority"] = priority
        if delay and self.makes(Promise.DELAY):
            options["run_at"] = as_datetime(self.now() + delay * SECOND)
        jobs = [Job("task", id=f"job-{len(self.jobs) + number}", **options) for number in range(count)]
        self.jobs += jobs
        self.call(f"insert({', '.join(job.id for job in jobs)}{_told(options)})", lambda: self._insert(jobs))

    @precondition(lambda self: self.jobs)
    @rule(which=SOME, held=st.booleans())
    def insert_again(self, which: int, held: bool) -> None:
        known = self.claims if held and self.claims else self.jobs
        job = known[which % len(known)]
        if (entry := self.model.entries.get(job.id)) is not None and entry.asked:
            return  # what was asked to stop and comes back nonetheless may be refused or not
        told = ", as it was claimed" if known is self.claims else ""
        self.call(f"insert({job.id} again{told})", lambda: self._insert([job]))

    def _insert(self, jobs: list[Job]) -> None:
        now = self.now()
        wanted = [self.model.insert(job, _micros(job) or now) for job in jobs]
        got = self.storage.insert(jobs)
        expect(got == wanted, f"insert must answer {wanted}, but answered {got}")

    @precondition(lambda self: self.jobs)
    @rule(
        limit=st.sampled_from((0, 1, 1, 2, 4)),
        queues=st.sampled_from((None, None, ("default",), ("mail", "other"))),
        resume=st.booleans(),
    )
    def claim(self, limit: int, queues: tuple[str, ...] | None, resume: bool) -> None:
        """resume: what is paused, first; so that most pauses last for a claim or two."""
        for queue in sorted(self.model.paused) if resume else ():
            self.call(f"resume({queue})", partial(self._pause, self.storage.resume, self.model.paused.discard, queue))
        chosen = queues if self.makes(Promise.QUEUES) else None
        self.call(f"claim({limit}{f' of {chosen}' if chosen else ''})", lambda: self._claim(limit, chosen))

    def _claim(self, limit: int, queues: tuple[str, ...] | None, settle: Sequence[Settlement] = ()) -> None:
        wanted = [self.model.settle(each.claim, each.outcome, self.now()) for each in settle]
        settled, jobs = self.storage.exchange(settle, ClaimRequest(WORKER, limit, self.lease, queues))
        self.claims += jobs
        expect(len(settled) == len(wanted), f"{len(wanted)} settlements were given, and {len(settled)} answered")
        for answer, allowed in zip(settled, wanted, strict=True):
            expect(answer in allowed, f"the settlement must be answered {allowed[0]}, but was answered {answer}")
        wrong = self.model.claim(jobs, limit, queues, self.lease, self.now())
        expect(not wrong, f"the claim got {[job.id for job in jobs]}: {wrong}")

    @precondition(lambda self: self.claims)
    @rule(which=SOME, outcome=st.sampled_from(OUTCOMES), claim=st.booleans())
    def settle(self, which: int, outcome: Outcome, claim: bool) -> None:
        self._settle(self.claims[which % len(self.claims)], outcome, claim)

    @precondition(lambda self: self.claims)
    @rule(outcome=st.sampled_from(OUTCOMES), claim=st.booleans())
    def settle_the_last(self, outcome: Outcome, claim: bool) -> None:
        """Most often what was claimed last is still held: so that most programs get beyond a claim."""
        self._settle(self.claims[-1], outcome, claim)

    def _settle(self, job: Job, outcome: Outcome, claim: bool) -> None:
        if self.is_unsure(job):
            return
        settlement = Settlement(Claim(job.id, job.token or ""), outcome)
        name = f"settle({job.id} of attempt {job.attempts}, {type(outcome).__name__}{_delay(outcome)})"
        self.call(f"{name}{', and claim(2)' if claim else ''}", lambda: self._claim(2 * claim, None, [settlement]))

    @precondition(lambda self: self.claims)
    @rule(which=SOME)
    def extend(self, which: int) -> None:
        job = self.claims[which % len(self.claims)]
        if self.is_unsure(job):
            return
        self.call(f"extend({job.id} of attempt {job.attempts})", lambda: self._extend(Claim(job.id, job.token or "")))

    def _extend(self, claim: Claim) -> None:
        wanted = self.model.extend(claim, self.lease, self.now())
        got = self.storage.extend([claim], self.lease)
        expect(got == [wanted], f"extend must answer {wanted}, but answered {got}")

    @precondition(lambda self: self.jobs and self.makes(Promise.CONTROLS))
    @rule(which=SOME, change=st.sampled_from(Change), apt=st.booleans())
    def change(self, which: int, change: Change, apt: bool) -> None:
        fitting = [job for job in self.jobs if self.model.applies(change, job.id)]
        known = fitting if apt and fitting else self.jobs
        job = known[which % len(known)]
        if not self.is_unsure(job):
            self.call(f"{change.value}({job.id})", lambda: self._change(change, job.id))

    def _change(self, change: Change, job_id: str) -> None:
        wanted = self.model.change(change, job_id, self.now())
        got = self.storage.change(change, Filter(ids=(job_id,)))
        expect(got == wanted, f"{change.name} must answer {wanted}, but answered {got}")

    @precondition(lambda self: self.jobs and not self.model.paused and self.makes(Promise.CONTROLS))
    @rule(queue=st.sampled_from(QUEUES))
    def pause(self, queue: str) -> None:
        chosen = queue if self.makes(Promise.QUEUES) else QUEUES[0]
        self.call(f"pause({chosen})", lambda: self._pause(self.storage.pause, self.model.paused.add, chosen))

    def _pause(self, call: Callable[[str], None], note: Callable[[str], None], queue: str) -> None:
        call(queue)
        note(queue)
        paused = self.storage.paused()
        expect(paused == self.model.paused, f"{sorted(self.model.paused)} are paused, but paused() is {sorted(paused)}")

    @precondition(lambda self: self.jobs and self.clock)
    @rule(seconds=st.sampled_from((0.000001, 1.0, 5.0, 20.0, 30.0, 31.0)))
    def time_passes(self, seconds: float) -> None:
        assert self.clock is not None
        self.clock.advance(seconds)
        self.program.append(f"{seconds:g} s pass")

    @precondition(lambda self: self.jobs and self.makes(Promise.DURABLE) and self.trial.facts.reopens)
    @rule()
    def reopen(self) -> None:
        self.call("close and open", self._reopen)

    def _reopen(self) -> None:
        self.storage.close()
        self.storage = self.place.open(clock=self.clock)

    @invariant()
    def size_is_right(self) -> None:
        self.trial.progress()
        size, wanted = self.storage.size(), self.model.count(Status.PENDING)
        self.trial.think()
        if size != wanted:
            self.call("size()", lambda: expect(False, f"size() must be {wanted}, but is {size}"))

    def teardown(self) -> None:
        self.trial.progress()
        self.storage.close()
        self.trial.think()


def _micros(job: Job) -> int | None:
    return None if job.run_at is None else as_microseconds(job.run_at)


def _told(options: dict[str, Any]) -> str:
    return "".join(f", {name}={value}" for name, value in options.items())


def _delay(outcome: Outcome) -> str:
    return f" in {outcome.delay:g} s" if isinstance(outcome, Retry | Snoozed) else ""
