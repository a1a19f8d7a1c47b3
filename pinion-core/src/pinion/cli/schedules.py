"""`pinion schedules`: what recurs, when it is due, and whether anybody sees to it."""

from datetime import UTC, datetime
from typing import Any

import click

from pinion.cli.inspection import opened
from pinion.cli.options import json_option, take_url, url_argument
from pinion.cli.output import print_json, table
from pinion.clock import SYSTEM, as_datetime
from pinion.promised import schedules as promised
from pinion.queue import Queue
from pinion.schedule import OVERDUE, summary
from pinion.storage import ScheduleEntry

__all__ = ["schedules"]


@click.command()
@url_argument()
@click.option("--delete", "names", multiple=True, metavar="NAME", help="Forget this schedule; may be repeated.")
@json_option
def schedules(words: tuple[str, ...], names: tuple[str, ...], as_json: bool) -> int:
    """Show what recurs, and when it is due; times are UTC.

    A schedule is overdue when its moment passed and no worker made its job: none that declares it is alive.
    Delete those that no code declares any more; a worker that still does declares it anew when it starts.
    """
    url, _ = take_url(words)
    with opened(url) as queue:
        if names:
            return _delete(queue, names)
        now = as_datetime(getattr(queue.storage, "clock", SYSTEM).now())
        entries = promised(queue.storage).schedules()
    if as_json:
        print_json([_as_dict(entry, now) for entry in entries])
    elif entries:
        click.echo(table(["name", "task", "when", "next", "last", ""], [_as_row(entry, now) for entry in entries]))
    else:
        click.echo("nothing recurs: no worker has declared a schedule here")
    return 0


def _delete(queue: Queue, names: tuple[str, ...]) -> int:
    strange = [name for name in dict.fromkeys(names) if not promised(queue.storage).delete_schedule(name)]
    for name in dict.fromkeys(names):
        if name not in strange:
            click.echo(f"{name} is deleted")
    if strange:
        known = ", ".join(repr(entry.name) for entry in promised(queue.storage).schedules()) or "none"
        text = ", ".join(map(repr, strange))
        click.echo(f"pinion: error: there is no schedule {text}; there are: {known}", err=True)
    return 1 if strange else 0


def _is_overdue(entry: ScheduleEntry, now: datetime) -> bool:
    return entry.next is not None and now - entry.next > OVERDUE


def _as_dict(entry: ScheduleEntry, now: datetime) -> dict[str, Any]:
    task, when = summary(entry.definition)
    return {
        "name": entry.name,
        "task": task,
        "when": when,
        "next": entry.next and entry.next.isoformat(),
        "last": entry.last and entry.last.isoformat(),
        "overdue": _is_overdue(entry, now),
    }


def _as_row(entry: ScheduleEntry, now: datetime) -> list[object]:
    late = "overdue" if _is_overdue(entry, now) else ""
    return [entry.name, *summary(entry.definition), _shown(entry.next), _shown(entry.last), late]


def _shown(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else "never"
