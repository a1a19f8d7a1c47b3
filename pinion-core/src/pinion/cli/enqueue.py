"""`pinion enqueue`: store one job."""

import click

from pinion.cli.inspection import opened
from pinion.cli.options import (
    WrongUse,
    import_modules,
    imports_option,
    parse_json,
    run_at,
    seconds,
    take_url,
    url_argument,
)
from pinion.errors import Unsupported
from pinion.job import DEFAULT_QUEUE, UNIQUE_WHILE, Job
from pinion.plugins import load_hooks
from pinion.queue import Queue
from pinion.storage import Promise
from pinion.task import default_registry

__all__ = ["enqueue"]


@click.command()
@url_argument("TASK")
@click.option("--args", default="[]", metavar="JSON", help="Positional arguments, as in '[1, 2]'.")
@click.option("--kwargs", default="{}", metavar="JSON", help='Arguments by name, as in \'{"to": "ann"}\'.')
@click.option("--queue", default=DEFAULT_QUEUE, show_default=True, metavar="NAME")
@click.option("--priority", type=int, default=0, show_default=True, metavar="N", help="Higher runs first.")
@click.option("--delay", type=float, metavar="SECONDS", help="Not before so many seconds have passed.")
@click.option("--at", metavar="TIME", help="Not before this time, in ISO 8601; local if it names no zone.")
@click.option("--unique-key", metavar="KEY", help="Only one job may hold the key.")
@click.option("--unique-while", type=click.Choice(UNIQUE_WHILE), default="unfinished", show_default=True)
@click.option("--unique-for", type=seconds, metavar="SECONDS", help="Instead, hold the key so long, whatever happens.")
@click.option("--timeout", type=seconds, metavar="SECONDS", help="What one attempt may take.")
@click.option("--keep", type=seconds, metavar="SECONDS", help="How long the finished job is kept; or 12h, 7d.")
@imports_option
def enqueue(
    words: tuple[str, ...],
    args: str,
    kwargs: str,
    queue: str,
    priority: int,
    delay: float | None,
    at: str | None,
    unique_key: str | None,
    unique_while: str,
    unique_for: float | None,
    timeout: float | None,
    keep: float | None,
    modules: tuple[str, ...],
) -> None:
    """Store a job that calls TASK, and print its id.

    With --import, the task must be registered and take the arguments. If another job holds the unique key, nothing is
    stored, and the status is 1.
    """
    if unique_key is None and (unique_for is not None or unique_while != UNIQUE_WHILE[0]):
        raise WrongUse("--unique-for and --unique-while say how long a key is held: give it with --unique-key")
    url, [task] = take_url(words, names=["TASK"])
    job = Job(
        task,
        tuple(parse_json("--args", args, list, "[1, 2]")),
        parse_json("--kwargs", kwargs, dict, '{"to": "ann"}'),
        queue=queue,
        priority=priority,
        run_at=run_at(delay, at),
        unique_key=unique_key,
        unique_while=unique_while,
        unique_for=unique_for,
        timeout=timeout,
        keep=keep,
    )
    import_modules(modules)
    if modules:
        default_registry[task].bind(job.args, job.kwargs)
    with opened(url, create=True, hooks=load_hooks()) as opened_queue:
        _submit(opened_queue, job)
        shared = Promise.SHARED in getattr(opened_queue.storage, "promises", ())
    click.echo(job.id)
    if not shared:
        click.echo("pinion: warning: this storage is this process's own, and the job ends with it", err=True)


def _submit(queue: Queue, job: Job) -> None:
    try:
        queue.submit(job, on_conflict="raise")
    except Unsupported as refused:  # another option would do: this storage can be used
        raise WrongUse(str(refused)) from refused
