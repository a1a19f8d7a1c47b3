"""`pinion stats`, `list` and `show`: what a storage holds."""

from collections.abc import Mapping

import click

from pinion.cli.options import json_option, take_url, url_argument
from pinion.cli.output import job_as_dict, job_as_text, print_json, table
from pinion.cli.promised import paused
from pinion.errors import JobNotFound
from pinion.hooks import Hooks
from pinion.job import Status
from pinion.plugins import open_storage
from pinion.queue import Queue
from pinion.storage import Attempt, ClaimStorage, Query

__all__ = ["list_jobs", "opened", "show", "stats"]


class opened:  # reads as a verb in `with opened(url) as queue`
    """The queue at a URL, which must exist unless `create` is true, and is closed at the end of the block."""

    def __init__(self, url: str, *, create: bool = False, hooks: Hooks | None = None) -> None:
        self.storage = open_storage(url, create=create)
        self.hooks = hooks

    def __enter__(self) -> Queue:
        return Queue(self.storage, hooks=self.hooks)

    def __exit__(self, *_: object) -> None:
        if isinstance(self.storage, ClaimStorage):
            self.storage.close()


@click.command()
@url_argument()
@json_option
def stats(words: tuple[str, ...], as_json: bool) -> None:
    """Count the jobs of each queue by status, and say which queues are paused."""
    url, _ = take_url(words)
    with opened(url) as queue:
        counts, stopped = queue.counts(), paused(queue)
    queues = {name: _all_statuses(by_status) for name, by_status in sorted(counts.items())}
    total = {status: sum(by_status[status] for by_status in queues.values()) for status in map(str, Status)}
    if as_json:
        print_json({"total": total, "queues": queues, **({"paused": sorted(stopped)} if stopped else {})})
    else:
        for name in stopped:
            queues.setdefault(name, _all_statuses({}))
        click.echo(_table(queues, total, stopped))


def _table(queues: Mapping[str, Mapping[str, int]], total: Mapping[str, int], stopped: frozenset[str]) -> str:
    rows = [[name, *by_status.values(), "paused" if name in stopped else ""] for name, by_status in queues.items()]
    head = ["queue", *map(str, Status), ""]
    return table(head, [*rows, ["(all)", *total.values(), ""]])


def _all_statuses(by_status: Mapping[Status, int]) -> dict[str, int]:
    return {str(status): by_status.get(status, 0) for status in Status}


@click.command("list")
@url_argument()
@click.option("--status", type=click.Choice([str(status) for status in Status], case_sensitive=False))
@click.option("--queue", "queue_name", metavar="NAME")
@click.option("--task", metavar="NAME")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@json_option
def list_jobs(
    words: tuple[str, ...], status: str | None, queue_name: str | None, task: str | None, limit: int, as_json: bool
) -> None:
    """List jobs in the order of their creation."""
    url, _ = take_url(words)
    query = Query(Status(status.upper()) if status else None, queue_name, task, limit)
    with opened(url) as queue:
        jobs = queue.find(query)
        if as_json:
            print_json([job_as_dict(job, _history(queue, job.id)) for job in jobs])
            return
    rows = [[job.id, job.func_name, job.queue, str(job.status), job.attempts, job.error or ""] for job in jobs]
    click.echo(table(["id", "task", "queue", "status", "attempts", "error"], rows))


def _history(queue: Queue, job_id: str) -> list[Attempt]:
    try:
        return queue.attempts(job_id)
    except JobNotFound:  # deleted since it was found
        return []


@click.command()
@url_argument("ID")
@json_option
def show(words: tuple[str, ...], as_json: bool) -> None:
    """Show everything that is known of a job, with its attempts."""
    url, [job_id] = take_url(words, names=["ID"])
    with opened(url) as queue:
        job, history = queue.get(job_id), _history(queue, job_id)
    if as_json:
        print_json(job_as_dict(job, history))
    else:
        click.echo(job_as_text(job, history))
