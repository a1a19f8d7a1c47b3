"""`pinion` alone: one job, from being enqueued to its result."""

import tempfile
from pathlib import Path

import click

from pinion.errors import DistributionMissing, UnknownScheme
from pinion.plugins import NOTHING_INSTALLED, open_storage
from pinion.queue import Queue
from pinion.storage import ClaimStorage
from pinion.task import Registry, task
from pinion.worker import Worker

__all__ = ["demo"]

demo_tasks = Registry()


@task(registry=demo_tasks)
def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def demo() -> None:
    """Register `add`, enqueue one job, run it, and show what happened."""
    with tempfile.TemporaryDirectory() as folder:
        url, where = _place(Path(folder))
        storage = open_storage(url)
        try:
            _run(Queue(storage, registry=demo_tasks), where)
        finally:
            if isinstance(storage, ClaimStorage):
                storage.close()


def _place(folder: Path) -> tuple[str, str]:
    """Memory where it is installed, else a file."""
    for url, where in (("memory://", "in memory"), (f"sqlite:///{folder}/demo.db", "in an SQLite file")):
        try:
            storage = open_storage(url)
        except UnknownScheme:
            continue
        if isinstance(storage, ClaimStorage):
            storage.close()
        return url, where
    raise DistributionMissing(NOTHING_INSTALLED)


def _run(queue: Queue, where: str) -> None:
    click.echo(f"A queue {where}, and a task: add(a, b)")
    handle = queue.enqueue(add, 1, 2)
    click.echo(f"enqueued   {handle}   add(1, 2)   {handle.status()}")
    summary = Worker(queue.storage, registry=demo_tasks, burst=True).run_forever()
    done = handle.job()
    click.echo(f"ran        {done}   result {done.result}   {done.status} after {done.attempts} attempt")
    click.echo(
        f"The worker ran {summary.finished} job and stopped. Next: pinion worker sqlite:///jobs.db --import MODULE"
    )
