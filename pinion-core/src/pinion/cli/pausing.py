"""`pinion pause` and `resume`: hand out no more jobs of a queue, and go on."""

import click

from pinion.cli.inspection import opened
from pinion.cli.options import WrongUse, split_url, url_argument

__all__ = ["pause", "resume"]


@click.command()
@url_argument("QUEUE...")
def pause(words: tuple[str, ...]) -> None:
    """Hand out no job of these queues until they are resumed.

    What runs goes on, and jobs are still accepted. It lasts across restarts of the workers, and may be repeated.
    """
    url, names = _queues(words)
    with opened(url) as queue:
        before, known = queue.paused(), queue.counts()
        for name in names:
            queue.pause(name)
            click.echo(f"{name} {'was paused already' if name in before else 'is paused'}")
            if name not in known:
                click.echo(f"pinion: warning: no job is in a queue {name!r}; it is paused all the same", err=True)


@click.command()
@url_argument("QUEUE...")
def resume(words: tuple[str, ...]) -> int:
    """Hand out the jobs of these queues again; the status is 1 if one of them wasn't paused."""
    url, names = _queues(words)
    with opened(url) as queue:
        before = queue.paused()
        for name in names:
            queue.resume(name)
            if name in before:
                click.echo(f"{name} is resumed")
    strange = [name for name in names if name not in before]
    if strange:
        click.echo(f"pinion: error: not paused: {_listed(strange)}; paused: {_listed(sorted(before))}", err=True)
    return 1 if strange else 0


def _queues(words: tuple[str, ...]) -> tuple[str, list[str]]:
    url, names = split_url(words)
    if not names:
        raise WrongUse(f"missing QUEUE; usage: {click.get_current_context().command_path} [URL] QUEUE...")
    return url, names


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
