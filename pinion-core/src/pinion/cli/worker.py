"""`pinion worker`: run jobs until stopped, or until none is left."""

import logging
import os
import signal
import sys
import threading
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING

import click

from pinion.cli.logs import configure
from pinion.cli.options import WrongUse, import_modules, imports_option, seconds, take_url, url_argument
from pinion.clock import monotonic, sleep
from pinion.plugins import load_hooks, open_storage
from pinion.storage import ClaimStorage

if TYPE_CHECKING:  # at run time it is loaded by this command, and not by all the others
    from pinion.worker import Worker
    from pinion.worker.report import Summary

__all__ = ["worker"]

logger = logging.getLogger("pinion.worker")

LAST_CALL = 5.0
"""Seconds beyond the grace period that a stop may take while the storage doesn't answer."""


@click.command()
@url_argument()
@imports_option
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME", help="Take jobs from this queue only; may be repeated."
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Jobs at a time.")
@click.option(
    "--async-tasks",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="`async def` tasks at a time, beside the threads.",
)
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@click.option("--burst", is_flag=True, help="Stop when nothing is waiting, delayed or running.")
@click.option("--lease", type=float, default=30.0, show_default=True, metavar="SECONDS", help="Others take over after.")
@click.option("--grace", type=float, default=25.0, show_default=True, metavar="SECONDS", help="To finish when stopped.")
@click.option(
    "--keep", type=seconds, metavar="DURATION", help="Delete what succeeded or was cancelled so long ago: 7d."
)
@click.option(
    "--max-jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after so many jobs; of several processes, start another.",
)
@click.option(
    "--max-memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MB",
    help="Stop when the process takes so much, likewise.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--name", metavar="NAME", help="Shown in logs and with the jobs it holds.")
def worker(
    words: tuple[str, ...],
    modules: tuple[str, ...],
    queues: tuple[str, ...],
    threads: int,
    processes: int,
    burst: bool,
    lease: float,
    grace: float,
    keep: float | None,
    async_tasks: int,
    max_jobs: int | None,
    max_memory: float | None,
    log_format: str,
    name: str | None,
) -> int:
    """Run the jobs of a storage.

    SIGTERM and SIGINT stop it: it claims no more, lets running tasks finish within the grace period, and hands back the
    rest. A second signal stops it at once. Exit status 0 when it has stopped, also if jobs failed; 3 if finished work
    could not be settled, or a burst ended before its time, by a signal or because of --max-jobs or --max-memory.
    """
    url, _ = take_url(words)
    if not modules:
        raise WrongUse("--import is missing: without the modules that define the tasks, every job would fail")
    configure(log_format)
    import_modules(modules)
    if processes > 1:
        from pinion.worker.supervisor import supervise

        return supervise(processes, sys.argv[1:], name)
    from pinion.worker import Worker

    storage = open_storage(url)
    running = Worker(
        storage,
        threads=threads,
        queues=queues or None,
        lease=lease,
        grace=grace,
        keep=keep,
        async_tasks=async_tasks,
        max_jobs=max_jobs,
        max_memory=max_memory,
        name=name,
        burst=burst,
        hooks=load_hooks(),
    )
    return _run(running, storage, burst)


def _run(running: "Worker", storage: object, burst: bool) -> int:
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        _leave_after(LAST_CALL if stopped else running.settings.grace + LAST_CALL)
        stopped = True
        running.stop()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    begun = monotonic()
    progress = _Progress(running) if burst else None
    summary = running.run_forever()
    if progress:
        progress.end()
        seconds = monotonic() - begun
        fields = {"event": "worker.summary", **asdict(summary), "seconds": round(seconds, 6)}
        logger.info(_in_words(summary, seconds), extra={"pinion": fields})
    status = _status(summary, burst, stopped)
    if summary.abandoned:
        # Tasks still run in threads that nothing can end; their jobs were handed back, so this process must not go on.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
    if isinstance(storage, ClaimStorage):
        storage.close()
    return status


def _status(summary: "Summary", burst: bool, stopped: bool) -> int:
    from pinion.worker.wear import SUPERVISED, WORN

    if summary.unsettled or (burst and stopped):
        return 3
    if summary.worn and SUPERVISED in os.environ:
        return WORN
    return 3 if summary.worn and burst else 0


def _leave_after(seconds: float) -> None:
    """End the process when its stop takes so long, because the storage doesn't answer: its jobs' leases run out."""

    def leave() -> None:
        sleep(seconds)
        text = "the storage didn't answer within %g s of the stop; what ran is taken over after its lease"
        logger.error(text, seconds, extra={"pinion": {"event": "worker.gave_up"}})
        os._exit(3)

    threading.Thread(target=leave, name="pinion-last-call", daemon=True).start()


class _Progress:
    """Says now and then how far the worker is."""

    def __init__(self, running: "Worker") -> None:
        self._running = running
        self._every = 1.0 if sys.stderr.isatty() else 5.0
        self._ended = threading.Event()
        threading.Thread(target=self._report, name="pinion-progress", daemon=True).start()

    def _report(self) -> None:
        before = 0
        while not self._ended.wait(self._every):
            finished = self._running.summary.finished
            if finished == before:
                continue
            pace, before = (finished - before) / self._every, finished
            fields = {"event": "worker.progress", "finished": finished}
            logger.info("%s jobs finished, %.0f/s", f"{finished:,}", pace, extra={"pinion": fields})

    def end(self) -> None:
        self._ended.set()


def _in_words(summary: "Summary", seconds: float) -> str:
    from pinion.worker.report import counted

    pace = summary.finished / seconds if seconds else 0.0
    text = f"{counted(summary.finished, 'job')}: {summary.succeeded:,} succeeded, {summary.failed:,} failed"
    if summary.retried:
        text += f", {counted(summary.retried, 'retry', 'retries')}"
    return text + f", {seconds:.1f} s, {pace:,.0f}/s"
