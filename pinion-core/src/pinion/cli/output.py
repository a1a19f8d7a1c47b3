"""What the commands print: jobs as JSON or as text, and tables."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import click

from pinion.job import Job, JobError
from pinion.secrecy import redacted
from pinion.storage import Attempt

__all__ = ["job_as_dict", "job_as_text", "print_json", "printable", "table"]


def print_json(value: object) -> None:
    """Print a value as indented JSON; in ASCII if the output can't be encoded otherwise."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    click.echo(text)


def job_as_dict(job: Job, history: Sequence[Attempt] = ()) -> dict[str, Any]:
    """The job for JSON: times in ISO 8601, and values that JSON lacks in a form that people read; secrets are left out.

    history: its attempts, as far as they are known.
    """
    args, kwargs = redacted(job.headers, job.args, job.kwargs)
    return {
        "id": job.id,
        "func_name": job.func_name,
        "args": _readable(args),
        "kwargs": _readable(kwargs),
        "queue": job.queue,
        "priority": job.priority,
        "status": str(job.status),
        "attempts": job.attempts,
        "failures": job.failures,
        "lost": job.lost,
        "created_at": _readable(job.created_at),
        "run_at": _readable(job.run_at),
        "started_at": _readable(job.started_at),
        "finished_at": _readable(job.finished_at),
        "worker": job.worker,
        "error": _error_as_dict(job.error),
        "result": _readable(job.result),
        "unique_key": job.unique_key,
        "unique_while": job.unique_while if job.unique_key else None,
        "unique_for": job.unique_for,
        "keep": job.keep,
        "timeout": job.timeout,
        "headers": dict(job.headers),
        "progress": _readable(job.progress),
        "history": [_attempt_as_dict(attempt) for attempt in history],
    }


def _error_as_dict(error: JobError | None) -> dict[str, str] | None:
    return None if error is None else {"type": error.type, "message": error.message, "traceback": error.traceback}


def _attempt_as_dict(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "worker": attempt.worker,
        "started_at": _readable(attempt.started_at),
        "ended_at": _readable(attempt.ended_at),
        "outcome": attempt.outcome,
        "error": _error_as_dict(attempt.error),
    }


def _readable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(_readable(key)): _readable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted((_readable(each) for each in value), key=str)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def job_as_text(job: Job, history: Sequence[Attempt] = ()) -> str:
    """The job for people: a line per field that has a value, a line per attempt, and the last traceback."""
    fields = {**job_as_dict(job), "error": None if job.error is None else str(job.error)}
    lines = [f"{name:12} {_text(value)}" for name, value in fields.items() if value not in (None, {}, [])]
    if history:
        lines += ["", table(["attempt", "started_at", "seconds", "outcome", "worker", "error"], _rows(history))]
    if job.error is not None and job.error.traceback:
        lines += ["", *map(printable, job.error.traceback.rstrip().splitlines())]
    return "\n".join(lines)


def _rows(history: Sequence[Attempt]) -> list[list[object]]:
    return [
        [
            attempt.number,
            _readable(attempt.started_at) or "",
            _seconds(attempt),
            attempt.outcome or "running",
            attempt.worker or "",
            "" if attempt.error is None else str(attempt.error),
        ]
        for attempt in history
    ]


def _seconds(attempt: Attempt) -> str:
    if attempt.started_at is None or attempt.ended_at is None:
        return ""
    return f"{(attempt.ended_at - attempt.started_at).total_seconds():.3f}"


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """One line that can't steer the terminal: what isn't printable is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[printable(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    right = [all(isinstance(row[column], int) for row in rows) and bool(rows) for column in range(len(head))]
    lines = (
        "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in cells
    )
    return "\n".join(lines)
