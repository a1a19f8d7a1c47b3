"""Model: what a ClaimStorage must answer, one call after the other. Pure, and driven by the clock it is told.

It is what storages are judged by, so that no storage is the measure of another. Where the interface leaves a choice,
such as which queue comes first, the model accepts any allowed answer and follows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pinion.job import FINISHED, Job, Status
from pinion.outcome import Cancelled, Done, Failed, Outcome, Released, Retry, Snoozed
from pinion.storage import Change, Claim, Inserted, Settled, Signal

__all__ = ["Entry", "Model"]

SECOND = 1_000_000


@dataclass(slots=True)
class Entry:
    """One job, as it must be. Times are microseconds.

    place: by which it is ordered within its queue. token: of its last claim, None while there was none.
    settled_as: how that claim ended. asked: whether whoever runs it was asked to stop.
    """

    id: str
    queue: str
    priority: int
    due: int
    number: int
    attempts: int = 0
    failures: int = 0
    lost: int = 0
    status: Status = Status.PENDING
    token: str | None = None
    tokens: set[str] = field(default_factory=set)
    settled_as: Outcome | None = None
    lease_ends: int = 0
    asked: bool = False

    @property
    def place(self) -> tuple[int, int, int]:
        return -self.priority, self.due, self.number

    def claimable(self, now: int) -> bool:
        if self.status is Status.RUNNING:
            return self.lease_ends <= now and not self.asked
        return self.status is Status.PENDING and self.due <= now

    @property
    def suspect(self) -> bool:
        """Whether it is to be claimed alone, once it is claimable."""
        return self.lost > 0 or self.status is Status.RUNNING


class Model:
    """All jobs of one storage."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.paused: set[str] = set()
        self._numbers = 0

    def insert(self, job: Job, due: int) -> Inserted:
        """What the answer must be. due: when the job may be claimed: its run_at, or now."""
        known = self.entries.get(job.id)
        if known is None:
            self._numbers += 1
            self.entries[job.id] = Entry(
                job.id, job.queue, job.priority, due, self._numbers, job.attempts, job.failures, job.lost
            )
            return Inserted.NEW
        if not self._comes_back(known, job):
            return Inserted.SAME_ID
        known.status, known.due, known.token, known.settled_as = Status.PENDING, due, None, None
        known.asked = False
        known.attempts, known.failures, known.lost = job.attempts, job.failures, job.lost
        return Inserted.AGAIN

    def _comes_back(self, known: Entry, job: Job) -> bool:
        if known.status is Status.RUNNING:
            return known.token == job.token
        return known.status is Status.FAILED and known.attempts == job.attempts

    def settle(self, claim: Claim, outcome: Outcome, now: int) -> tuple[Settled, ...]:
        """What the answer may be, and what becomes of the job."""
        known = self.entries.get(claim.id)
        if known is None or known.token != claim.token:
            return (Settled.LOST,)
        if known.settled_as is not None:
            return _repeated(known.settled_as, outcome)
        known.settled_as = outcome
        gives_back = isinstance(outcome, Retry | Snoozed | Released)
        _apply(known, Cancelled() if known.asked and gives_back else outcome, now)
        return (Settled.SETTLED,)

    def extend(self, claim: Claim, lease: float, now: int) -> Signal:
        """What the answer must be."""
        known = self.entries.get(claim.id)
        if known is None or known.token != claim.token or known.status is not Status.RUNNING:
            return Signal.LOST
        known.lease_ends = now + round(lease * SECOND)
        return Signal.CANCEL if known.asked else Signal.HELD

    def change(self, change: Change, job_id: str, now: int) -> list[str]:
        """What the answer must be, if the change is of that job alone, which the filter names."""
        if not self.applies(change, job_id):
            return []
        known = self.entries[job_id]
        match change:
            case Change.DELETE:
                del self.entries[job_id]
            case Change.REQUEUE:
                self._requeue(known, now)
            case Change.CANCEL if known.status is Status.RUNNING:
                known.asked = True
            case Change.CANCEL:
                known.status = Status.CANCELLED
        return [job_id]

    def applies(self, change: Change, job_id: str) -> bool:
        """Whether the change is for such a job, if the filter names it."""
        known = self.entries.get(job_id)
        if known is None or change is Change.DELETE:
            return known is not None
        if change is Change.REQUEUE:
            return known.status in FINISHED
        return known.status not in FINISHED and not (known.asked and known.status is Status.RUNNING)

    def _requeue(self, entry: Entry, now: int) -> None:
        self._numbers += 1
        entry.number, entry.due, entry.status = self._numbers, now, Status.PENDING
        entry.token, entry.settled_as, entry.asked = None, None, False
        entry.failures = entry.lost = 0

    def is_unsure(self, job_id: str, now: int) -> bool:
        """Whether a storage may, but need not, have found out that nobody will do what the job's holder was asked to."""
        known = self.entries.get(job_id)
        return known is not None and known.asked and known.status is Status.RUNNING and known.lease_ends <= now

    def claim(self, jobs: Sequence[Job], limit: int, queues: Sequence[str] | None, lease: float, now: int) -> str:
        """What is wrong with the jobs that a claim got, or "": then they are held."""
        lines = self._lines(queues, now)
        wrong = "; ".join(_wrong_claim(jobs, lines, limit)) or "; ".join(self._wrong_jobs(jobs))
        for job in jobs if not wrong else ():
            self._hold(self.entries[job.id], job.token or "", now + round(lease * SECOND))
        return wrong

    def _lines(self, queues: Sequence[str] | None, now: int) -> dict[str, list[Entry]]:
        """What is claimable of each queue, in its order."""
        lines: dict[str, list[Entry]] = {}
        for entry in sorted(self.entries.values(), key=lambda entry: entry.place):
            wanted = entry.queue not in self.paused and (queues is None or entry.queue in queues)
            if wanted and entry.claimable(now):
                lines.setdefault(entry.queue, []).append(entry)
        return lines

    def _wrong_jobs(self, jobs: Sequence[Job]) -> Iterator[str]:
        for job in jobs:
            known = self.entries[job.id]
            wanted = (known.attempts + 1, known.failures, known.lost + (known.status is Status.RUNNING))
            got = (job.attempts, job.failures, job.lost)
            if got != wanted:
                yield f"attempts, failures and lost must be {wanted}, but are {got}"
            if not job.token or job.token in known.tokens:
                yield f"its token must be new, but is {job.token!r}"

    def _hold(self, entry: Entry, token: str, lease_ends: int) -> None:
        entry.lost += entry.status is Status.RUNNING
        entry.attempts += 1
        entry.status, entry.token, entry.settled_as, entry.lease_ends = Status.RUNNING, token, None, lease_ends
        entry.asked = False
        entry.tokens.add(token)

    def count(self, status: Status) -> int:
        """How many jobs are in that status."""
        return sum(entry.status is status for entry in self.entries.values())


def _repeated(before: Outcome, outcome: Outcome) -> tuple[Settled, ...]:
    """A storage may remember the kind of outcome alone, or all of it: so two retries, say, may be the same to it."""
    if type(before) is not type(outcome):
        return (Settled.LOST,)
    return (Settled.SETTLED,) if before == outcome else (Settled.SETTLED, Settled.LOST)


def _apply(entry: Entry, outcome: Outcome, now: int) -> None:
    match outcome:
        case Done():
            entry.status = Status.SUCCESS
        case Failed():
            entry.status, entry.failures = Status.FAILED, entry.failures + 1
        case Cancelled():
            entry.status = Status.CANCELLED
        case Retry(delay, _):
            entry.status, entry.failures, entry.due = Status.PENDING, entry.failures + 1, now + round(delay * SECOND)
        case Snoozed(delay):
            entry.status, entry.due = Status.PENDING, now + round(delay * SECOND)
        case Released():
            entry.status = Status.PENDING
    assert entry.status in FINISHED or entry.status is Status.PENDING


def _wrong_claim(jobs: Sequence[Job], lines: dict[str, list[Entry]], limit: int) -> Iterator[str]:
    """Whether so many jobs, and these, may be claimed from what waits."""
    waiting = {entry.id: entry for line in lines.values() for entry in line}
    ids = [job.id for job in jobs]
    if strangers := [job.id for job in jobs if job.id not in waiting]:
        yield f"{strangers} can't be claimed now"
        return
    if len(set(ids)) < len(ids) or len(ids) > limit:
        yield f"{len(ids)} jobs came, {len(set(ids))} different ones; at most {limit} were wanted"
    for line in lines.values():
        mine = [job_id for job_id in ids if waiting[job_id].queue == line[0].queue]
        if mine != [entry.id for entry in line[: len(mine)]]:
            yield f"of {line[0].queue!r} came {mine}, before {[entry.id for entry in line[: len(mine)]]}"
    if len(ids) > 1 and any(waiting[job_id].suspect for job_id in ids):
        yield "a job that lost a lease came together with others"
    fewest = min(limit, 1 if any(entry.suspect for entry in waiting.values()) else len(waiting))
    if len(ids) < fewest:
        yield f"{len(ids)} jobs came, but {len(waiting)} can be claimed and {limit} were wanted"
