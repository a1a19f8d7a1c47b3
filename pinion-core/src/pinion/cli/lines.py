"""`pinion logs`: the lines that a task logged with its job."""

import json
from collections.abc import Iterator
from typing import Any

import click

from pinion.cli.inspection import opened
from pinion.cli.options import json_option, take_url, url_argument
from pinion.cli.output import print_json, printable
from pinion.clock import sleep
from pinion.job import FINISHED
from pinion.queue import Queue
from pinion.storage import Line

__all__ = ["job_lines"]

PAUSE = 0.25


@click.command("logs")
@url_argument("ID")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is finished.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="The last so many.")
@json_option
def job_lines(words: tuple[str, ...], follow: bool, limit: int, as_json: bool) -> None:
    """Print what the job's task logged, in all its attempts.

    With --json an array; together with --follow, an object per line.
    """
    url, [job_id] = take_url(words, names=["ID"])
    with opened(url) as queue:
        if as_json and not follow:
            print_json([_as_dict(line) for line in queue.lines(job_id, limit)])
            return
        for line in _followed(queue, job_id, limit) if follow else queue.lines(job_id, limit):
            click.echo(json.dumps(_as_dict(line)) if as_json else _as_text(line))


def _followed(queue: Queue, job_id: str, limit: int) -> Iterator[Line]:
    seen: list[Line] = []
    while True:
        finished = queue.get(job_id).status in FINISHED  # asked first: what it logged last comes with the lines below
        lines = queue.lines(job_id, limit)
        yield from _new(seen, lines)
        if finished:
            return
        seen = lines
        sleep(PAUSE)


def _new(seen: list[Line], lines: list[Line]) -> list[Line]:
    """What came after the lines that were seen, of which the first ones may be gone by now."""
    for first in range(len(seen)):
        kept = seen[first:]
        if lines[: len(kept)] == kept:
            return lines[len(kept) :]
    return lines


def _as_dict(line: Line) -> dict[str, Any]:
    return {"at": line.at.isoformat(), "attempt": line.attempt, "text": line.text}


def _as_text(line: Line) -> str:
    return f"{line.at.isoformat(timespec='milliseconds')}  {line.attempt}  {printable(line.text)}"
