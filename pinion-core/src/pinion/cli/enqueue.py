"""`pinion enqueue`: store one job."""

from typing import Any

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
from pinion.job import UNIQUE_WHILE, Job
from pinion.plugins import load_hooks
from pinion.promised import promises
from pinion.queue import Queue
from pinion.storage import SYSTEM, Promise
from pinion.task import default_registry

__all__ = ["enqueue"]


@click.command()
@url_argument("TASK")
@click.option("--args", default="[]", metavar="JSON", help="Positional arguments, as in '[1, 2]'.")
@click.option("--kwargs", default="{}", metavar="JSON", help='Arguments by name, as in \'{"to": "ann"}\'.')
@click.option("--queue", metavar="NAME", help="The task's own, or `default`.")
@click.option("--priority", type=int, metavar="N", help="Higher runs first.")
@click.option("--delay", type=float, metavar="SECONDS", help="Not before so many seconds have passed.")
@click.option("--at", metavar="TIME", help="Not before this time, in ISO 8601; local if it names no zone.")
@click.option("--unique-key", metavar="KEY", help="Only one job may hold the key.")
@click.option("--unique-while", type=click.Choice(UNIQUE_WHILE), help="How long it is held.")
@click.option("--unique-for", type=seconds, metavar="SECONDS", help="Instead, hold the key so long, whatever happens.")
@click.option("--timeout", type=seconds, metavar="SECONDS", help="What one attempt may take.")
@click.option("--keep", type=seconds, metavar="SECONDS", help="How long the finished job is kept; or 12h, 7d.")
@imports_option
def enqueue(
    words: tuple[str, ...],
    args: str,
    kwargs: str,
    delay: float | None,
    at: str | None,
    modules: tuple[str, ...],
    **options: Any,
) -> None:
    """Store a job that calls TASK, and print its id.

    With --import, the task must be registered and take the arguments, and its own options hold where none are given
    here. If another job holds the unique key, nothing is stored, and the status is 1.
    """
    url, [task] = take_url(words, names=["TASK"], more="a task's arguments go into --args, as in --args '[1, 2]'; ")
    call = (
        tuple(parse_json("--args", args, list, "[1, 2]")),
        parse_json("--kwargs", kwargs, dict, '{"to": "ann"}'),
    )
    options["run_at"] = run_at(delay, at)
    import_modules(modules)
    job = _job(task, call, {name: value for name, value in options.items() if value is not None}, bool(modules))
    with opened(url, create=True, hooks=load_hooks()) as queue:
        _submit(queue, job)
        shared = promises(queue.storage, Promise.SHARED)
    click.echo(job.id)
    if not shared:
        click.echo("pinion: warning: this storage is this process's own, and the job ends with it", err=True)


def _job(task: str, call: tuple[tuple[Any, ...], dict[str, Any]], given: dict[str, Any], known: bool) -> Job:
    """A job as the task says, if it is known, but for what is given."""
    if known:
        definition = default_registry[task]
        job = definition.job_of(definition.options, *call, SYSTEM)
    else:
        job = Job(task, *call)
    for name, value in given.items():
        setattr(job, name, value)
    if job.unique_key is None and not given.keys().isdisjoint({"unique_for", "unique_while"}):
        raise WrongUse("--unique-for and --unique-while say how long a key is held: give it with --unique-key")
    return job


def _submit(queue: Queue, job: Job) -> None:
    try:
        queue.submit(job, on_conflict="raise")
    except Unsupported as refused:  # another option would do: this storage can be used
        raise WrongUse(str(refused)) from refused
