"""`pinion enqueue`: store one job."""

import click

from pinion.cli.inspection import opened
from pinion.cli.options import import_modules, imports_option, parse_json, run_at, take_url, url_argument
from pinion.job import DEFAULT_QUEUE, Job
from pinion.plugins import load_hooks
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
@click.option("--unique-key", metavar="KEY", help="Only one unfinished job may have the key.")
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
    modules: tuple[str, ...],
) -> None:
    """Store a job that calls TASK, and print its id.

    With --import, the task must be registered and take the arguments.
    """
    url, [task] = take_url(words, names=["TASK"])
    job = Job(
        task,
        tuple(parse_json("--args", args, list, "[1, 2]")),
        parse_json("--kwargs", kwargs, dict, '{"to": "ann"}'),
        queue=queue,
        priority=priority,
        run_at=run_at(delay, at),
        unique_key=unique_key,
    )
    import_modules(modules)
    if modules:
        default_registry[task].bind(job.args, job.kwargs)
    with opened(url, create=True, hooks=load_hooks()) as opened_queue:
        opened_queue.submit(job)
        shared = Promise.SHARED in getattr(opened_queue.storage, "promises", ())
    click.echo(job.id)
    if not shared:
        click.echo("pinion: warning: this storage is this process's own, and the job ends with it", err=True)
