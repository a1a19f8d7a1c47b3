"""Order: a change to many jobs, how it is carried out, and what is said of it.

Jobs that a filter finds are changed in transactions of a thousand, so that no worker waits long for its turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from pinion.cli.output import print_json
from pinion.errors import JobNotFound
from pinion.job import FINISHED, Status
from pinion.queue import Queue
from pinion.storage import Change, Filter, Query

__all__ = ["Order", "change_all", "explain", "say"]

BATCH = 1000
EVERYTHING = 2**31 - 1
REASONS = 5

FROM = {
    Change.CANCEL: (Status.PENDING, Status.RUNNING),
    Change.REQUEUE: (Status.FAILED, Status.CANCELLED),
    Change.DELETE: (Status.PENDING, *sorted(FINISHED)),
}
VERBS = {
    Change.CANCEL: ("cancelled", "would cancel"),
    Change.REQUEUE: ("retried", "would retry"),
    Change.DELETE: ("deleted", "would delete"),
}
ONLY = {
    Change.CANCEL: "only jobs that are PENDING or RUNNING can be cancelled",
    Change.REQUEUE: "only jobs that are FAILED, CANCELLED or SUCCESS can be retried",
    Change.DELETE: "it could not be deleted",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What to do to which jobs.

    limit: at most so many; None is no limit.
    of: the statuses to change where the filter names neither ids nor a status; None means those that the change is for.
    """

    change: Change
    which: Filter
    limit: int | None = None
    dry_run: bool = False
    of: tuple[Status, ...] | None = None

    def pieces(self) -> Iterator[Filter]:
        """A status at a time, and a thousand ids: no piece finds again what another one changed."""
        if self.which.ids is not None:
            for first in range(0, len(self.which.ids), BATCH):
                yield replace(self.which, ids=self.which.ids[first : first + BATCH])
        elif self.which.status is not None:
            yield self.which
        else:
            for status in self.of or FROM[self.change]:
                yield replace(self.which, status=status)


def change_all(queue: Queue, order: Order) -> list[str]:
    """Carry it out; the ids of the jobs that were changed, or would be. Raises Unsupported."""
    changed: list[str] = []
    limit = EVERYTHING if order.limit is None else order.limit
    for piece in order.pieces():
        while (left := limit - len(changed)) > 0:
            wanted = left if order.dry_run else min(BATCH, left)  # a dry run would find the first thousand again
            batch = queue.change(order.change, piece, limit=wanted, dry_run=order.dry_run)
            changed += batch
            if len(batch) < wanted or order.dry_run:
                break
    return changed


def say(queue: Queue, order: Order, changed: Sequence[str], as_json: bool) -> None:
    """Print the ids as JSON, or how many they are."""
    if as_json:
        print_json(changed)
        return
    did, would = VERBS[order.change]
    text = f"{would if order.dry_run else did} {len(changed):,} job{'' if len(changed) == 1 else 's'}"
    running = _asked_to_stop(queue, order, changed)
    click.echo(f"{text}; {running:,} of them still running, asked to stop" if running else text)


def _asked_to_stop(queue: Queue, order: Order, changed: Sequence[str]) -> int:
    if order.change is not Change.CANCEL or order.dry_run or not changed:
        return 0
    running = {job.id for job in queue.find(Query(status=Status.RUNNING, limit=BATCH))}
    return len(running.intersection(changed))


def explain(queue: Queue, order: Order, changed: Sequence[str]) -> bool:
    """Say on stderr why jobs that were named stayed as they are; whether there are any."""
    done = set(changed)
    missed = [job_id for job_id in order.which.ids or () if job_id not in done]
    if missed:
        reasons = [_reason(queue, order.change, job_id) for job_id in missed[:REASONS]]
        if len(missed) > REASONS:
            reasons.append(f"and {len(missed) - REASONS:,} more")
        click.echo(f"pinion: error: {'; '.join(reasons)}", err=True)
    return bool(missed)


def _reason(queue: Queue, change: Change, job_id: str) -> str:
    try:
        job = queue.get(job_id)
    except JobNotFound as missing:
        return str(missing)
    if change is Change.REQUEUE and job.status in FINISHED and job.unique_key is not None:
        return f"{job} is {job.status}, and another job holds its unique key {job.unique_key!r}"
    if change is Change.CANCEL and job.status is Status.RUNNING:
        return f"{job} was asked to stop already, and is still RUNNING"
    return f"{job} is {job.status}; {ONLY[change]}"
