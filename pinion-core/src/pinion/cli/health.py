"""`pinion health`: is all well? For the probes of whoever watches over processes."""

from collections.abc import Iterator
from datetime import datetime

import click

from pinion.cli.inspection import opened
from pinion.cli.options import seconds, take_url, url_argument
from pinion.cli.promised import paused
from pinion.clock import SYSTEM, as_datetime
from pinion.job import Job, Status
from pinion.queue import Queue
from pinion.storage import Promise, Query

__all__ = ["health"]

PAGE, PAGES = 1000, 10


@click.command()
@url_argument()
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="At least so many workers are alive.")
@click.option("--max-waiting", type=click.IntRange(min=0), metavar="N", help="At most so many jobs are PENDING.")
@click.option("--max-age", type=seconds, metavar="SECONDS", help="No job is due for longer; or 15m, 2h.")
def health(words: tuple[str, ...], workers: int | None, max_waiting: int | None, max_age: float | None) -> int:
    """Tell whether the storage answers, and what is asked for holds; one line says why.

    Status 0 is healthy, 1 is not, 3 means that the storage can't be reached. Jobs of paused queues don't count.
    """
    url, _ = take_url(words)
    with opened(url) as queue:
        complaints = [*_too_few(queue, workers), *_too_many(queue, max_waiting), *_too_old(queue, max_age)]
        answer = "not healthy: " + "; ".join(complaints) if complaints else "healthy: " + _facts(queue)
    click.echo(answer)
    return 1 if complaints else 0


def _too_few(queue: Queue, wanted: int | None) -> Iterator[str]:
    if wanted is not None and (alive := len(queue.workers())) < wanted:
        yield f"workers alive: {alive}, fewer than {wanted}"


def _too_many(queue: Queue, most: int | None) -> Iterator[str]:
    if most is not None and (waiting := _count(queue, Status.PENDING)) > most:
        yield f"jobs waiting: {waiting:,}, more than {most:,}"


def _too_old(queue: Queue, oldest: float | None) -> Iterator[str]:
    if oldest is None:
        return
    now, held = as_datetime(getattr(queue.storage, "clock", SYSTEM).now()), paused(queue)
    ages = ((_age(job, now), job) for job in _pending(queue) if job.queue not in held)
    age, job = max(ages, key=lambda each: each[0], default=(0.0, None))
    if age > oldest:
        yield f"{job} has been due for {age:,.0f} s, more than {oldest:g} s"


def _pending(queue: Queue) -> Iterator[Job]:
    """The PENDING jobs that were created first; enough of them to find one that waits too long."""
    after: str | None = None
    for _ in range(PAGES):
        jobs = queue.find(Query(Status.PENDING, limit=PAGE, after=after))
        yield from jobs
        if len(jobs) < PAGE:
            return
        after = jobs[-1].id


def _age(job: Job, now: datetime) -> float:
    """Seconds that the job has been due for; below 0 if it isn't."""
    return (now - max(job.created_at, job.run_at or job.created_at)).total_seconds()


def _count(queue: Queue, status: Status) -> int:
    held = paused(queue)
    return sum(by_status.get(status, 0) for name, by_status in queue.counts().items() if name not in held)


def _facts(queue: Queue) -> str:
    facts = f"jobs waiting: {_count(queue, Status.PENDING):,}, running: {_count(queue, Status.RUNNING):,}"
    if Promise.WORKERS in getattr(queue.storage, "promises", ()):
        facts += f", workers alive: {len(queue.workers())}"
    return facts
