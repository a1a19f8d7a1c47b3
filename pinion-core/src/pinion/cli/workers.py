"""`pinion workers`: who is alive."""

from datetime import datetime
from typing import Any

import click

from pinion.cli.inspection import opened
from pinion.cli.options import json_option, take_url, url_argument
from pinion.cli.output import print_json, table
from pinion.storage import WorkerEntry

__all__ = ["workers"]

HEAD = ["name", "host", "pid", "started", "queues", "slots", "running", "seen"]


@click.command()
@url_argument()
@json_option
def workers(words: tuple[str, ...], as_json: bool) -> None:
    """Show the workers that are alive: that said so within the last seconds. Times are UTC."""
    url, _ = take_url(words)
    with opened(url) as queue:
        entries = queue.workers()
    if as_json:
        print_json([_as_dict(entry) for entry in entries])
    elif entries:
        click.echo(table(HEAD, [_as_row(entry) for entry in entries]))
    else:
        click.echo("no worker is alive")


def _as_dict(entry: WorkerEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "host": entry.host,
        "pid": entry.pid,
        "started": entry.started_at.isoformat(),
        "queues": None if entry.queues is None else list(entry.queues),
        "slots": entry.slots,
        "running": entry.running,
        "seen": entry.seen_at and entry.seen_at.isoformat(),
    }


def _as_row(entry: WorkerEntry) -> list[object]:
    queues = "all" if entry.queues is None else ", ".join(entry.queues)
    seen = _shown(entry.seen_at) if entry.seen_at else ""
    return [entry.name, entry.host, entry.pid, _shown(entry.started_at), queues, entry.slots, entry.running, seen]


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
