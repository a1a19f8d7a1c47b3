"""Which jobs a command is about: those named by their ids, or all that pass a filter."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import click

from pinion.cli.options import WrongUse, ago, duration, moment
from pinion.clock import utc_now
from pinion.job import Status
from pinion.storage import Filter

__all__ = ["Selection", "selection_options"]

STATUSES = click.Choice([str(status) for status in Status], case_sensitive=False)

_OPTIONS = (
    click.option("--status", type=STATUSES, help="Only those in this status."),
    click.option("--queue", metavar="NAME", help="Only those of this queue."),
    click.option("--task", metavar="NAME", help="Only those of this task."),
    click.option("--before", type=moment, metavar="TIME", help="Finished, or else created, before it."),
    click.option("--older-than", type=duration, metavar="DURATION", help="Finished, or else created, so long ago."),
    click.option("--all", "everything", is_flag=True, help="All of them; needed where no filter is given."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many."),
)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose jobs."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Selection(NamedTuple):
    """What the words and options of a command chose, as it was given."""

    ids: tuple[str, ...]
    status: str | None
    queue: str | None
    task: str | None
    before: datetime | None
    older_than: timedelta | None
    everything: bool
    limit: int | None

    def filter(self) -> Filter:
        """What the storage is asked for.

        Where it is no list of ids, it holds no job that came to be, or finished, after this call: a job that fails
        again while a thousand others are retried isn't retried once more. Raises WrongUse for what can't be meant.
        """
        self._check()
        if self.ids:
            return Filter(ids=tuple(dict.fromkeys(self.ids)))
        before = ago("--older-than", self.older_than) if self.older_than is not None else self.before
        status = Status(self.status.upper()) if self.status else None
        return Filter(None, status, self.queue, self.task, min(before or utc_now(), utc_now()))

    def _check(self) -> None:
        filters = {
            "--status": self.status,
            "--queue": self.queue,
            "--task": self.task,
            "--before": self.before,
            "--older-than": self.older_than,
        }
        given = [name for name, value in filters.items() if value is not None]
        if self.ids and (given or self.everything or self.limit):
            raise WrongUse("give ids or a filter, not both")
        if not (self.ids or given or self.everything):
            raise WrongUse("which jobs? Give ids, a filter such as --status or --queue, or --all")
        if given and self.everything:
            raise WrongUse(f"give --all or {given[0]}, not both: a filter means all that it lets through")
        if self.before is not None and self.older_than is not None:
            raise WrongUse("give --before or --older-than, not both")
