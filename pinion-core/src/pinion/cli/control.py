"""`pinion retry`, `cancel`, `delete` and `purge`: change jobs by their ids, or all that a filter finds."""

from datetime import timedelta
from typing import Any

import click

from pinion.cli.changing import Order, change_all, explain, say
from pinion.cli.inspection import opened
from pinion.cli.options import WrongUse, ago, duration, json_option, split_url, url_argument
from pinion.cli.selection import Selection, selection_options
from pinion.job import FINISHED, Status
from pinion.storage import Change, Filter

__all__ = ["cancel", "delete", "purge", "retry"]

ENDS = click.Choice([str(status) for status in Status if status in FINISHED], case_sensitive=False)

dry_run_option = click.option("--dry-run", is_flag=True, help="Change nothing, and say what would be changed.")


def _command(name: str, change: Change, about: str) -> click.Command:
    @click.command(name, help=about)
    @url_argument("[ID]...")
    @selection_options
    @dry_run_option
    @json_option
    def command(words: tuple[str, ...], dry_run: bool, as_json: bool, **chosen: Any) -> int:
        url, ids = split_url(words)
        which = Selection(tuple(ids), **chosen).filter()
        order = Order(change, which, chosen["limit"], dry_run)
        with opened(url) as queue:
            changed = change_all(queue, order)
            say(queue, order, changed, as_json)
            missed = explain(queue, order, changed)
        return 0 if changed and not missed else 1

    return command


retry = _command(
    "retry",
    Change.REQUEUE,
    """Let jobs that FAILED or were CANCELLED run again, with all their retries.

    They are due at once, at the end of their queue. Jobs that succeeded run again only by their id, or with --status
    SUCCESS.
    """,
)
cancel = _command(
    "cancel",
    Change.CANCEL,
    """Cancel jobs that wait, and ask running ones to stop.

    A worker learns of it when it next renews the lease of the job; what it then does depends on the kind of task.
    """,
)
delete = _command(
    "delete",
    Change.DELETE,
    """Delete jobs that wait or are finished, with their results and histories.

    Running ones are deleted only by their id, or with --status RUNNING; what they return is lost.
    """,
)


@click.command()
@url_argument()
@click.option("--older-than", type=duration, required=True, metavar="DURATION", help="Such as 12h, 7d or 2w.")
@click.option("--status", type=ENDS, help="Only those that ended so.")
@click.option("--queue", "queue_name", metavar="NAME", help="Only those of this queue.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@dry_run_option
@json_option
def purge(
    words: tuple[str, ...],
    older_than: timedelta,
    status: str | None,
    queue_name: str | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete jobs that finished long ago, with their results and histories.

    The status is 0 also if there are none.
    """
    url, rest = split_url(words)
    if rest:
        raise WrongUse(f"unexpected {rest[0]!r}: purge goes by age; pinion delete takes ids")
    wanted = Status(status.upper()) if status else None
    which = Filter(status=wanted, queue=queue_name, before=ago("--older-than", older_than))
    order = Order(Change.DELETE, which, limit, dry_run, of=tuple(sorted(FINISHED)))
    with opened(url) as queue:
        say(queue, order, change_all(queue, order), as_json)
