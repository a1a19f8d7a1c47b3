"""`pinion drain`: wait until nothing is left to do."""

from collections.abc import Mapping
from typing import NamedTuple

import click

from pinion.cli.inspection import opened
from pinion.cli.options import seconds, take_url, url_argument
from pinion.cli.promised import paused
from pinion.clock import monotonic, sleep
from pinion.job import Status
from pinion.queue import Queue

__all__ = ["drain"]

FIRST_LOOK, LAST_LOOK = 0.05, 1.0


@click.command()
@url_argument()
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="Only this queue; may be repeated.")
@click.option("--timeout", type=seconds, metavar="SECONDS", help="Give up after it, with status 1; or 15m, 2h.")
def drain(words: tuple[str, ...], queues: tuple[str, ...], timeout: float | None) -> int:
    """Wait until no job waits or runs; delayed ones, and those to be tried again, are waited for.

    It runs nothing itself: workers do. Of a paused queue, only what runs is waited for.
    """
    url, _ = take_url(words)
    with opened(url) as queue:
        left = _wait(queue, queues, timeout)
    if any(left):
        text = f"{left.waiting:,} waiting and {left.running:,} running after {timeout:g} s"
        click.echo(f"pinion: error: {text}; they go on", err=True)
        return 1
    click.echo("nothing waits and nothing runs")
    return 0


class _Left(NamedTuple):
    """How many jobs are still to be done."""

    waiting: int
    running: int


def _wait(queue: Queue, queues: tuple[str, ...], timeout: float | None) -> _Left:
    deadline, pause = None if timeout is None else monotonic() + timeout, FIRST_LOOK
    while any(left := _count(queue.counts(), paused(queue), queues)):
        rest = pause if deadline is None else deadline - monotonic()
        if rest <= 0:
            break
        sleep(min(pause, rest))
        pause = min(pause * 1.5, LAST_LOOK)
    return left


def _count(counts: Mapping[str, Mapping[Status, int]], paused: frozenset[str], queues: tuple[str, ...]) -> _Left:
    wanted = {name: by_status for name, by_status in counts.items() if not queues or name in queues}
    waiting = sum(by_status.get(Status.PENDING, 0) for name, by_status in wanted.items() if name not in paused)
    return _Left(waiting, sum(by_status.get(Status.RUNNING, 0) for by_status in wanted.values()))
