"""What the commands read from their words: the URL, modules to import, JSON values, moments."""

import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from pinion.clock import utc_now

__all__ = [
    "WrongUse",
    "ago",
    "duration",
    "import_modules",
    "imports_option",
    "json_option",
    "moment",
    "parse_json",
    "run_at",
    "seconds",
    "split_url",
    "take_url",
    "url_argument",
]


class WrongUse(click.ClickException):
    """The command was called in a way that can't be right; the message says it all."""

    exit_code = 2


def take_url(words: Sequence[str], *, names: Sequence[str] = (), more: str = "") -> tuple[str, list[str]]:
    """The URL and the other words of a command line; without a URL, PINION_URL says it.

    names: what the other words must be, one each.
    more: what to do instead of giving further words, to be said to whoever does.
    Raises WrongUse.
    """
    url, rest = split_url(words)
    if len(rest) < len(names):
        raise WrongUse(f"missing {names[len(rest)]}; usage: {_usage(names)}")
    if len(rest) > len(names):
        raise WrongUse(f"unexpected {rest[len(names)]!r}; {more}usage: {_usage(names)}")
    return url, rest


def split_url(words: Sequence[str]) -> tuple[str, list[str]]:
    """The URL and the other words, however many; without a URL, PINION_URL says it. Raises WrongUse."""
    rest = list(words)
    url = rest.pop(0) if rest and "://" in rest[0] else os.environ.get("PINION_URL", "")
    if not url:
        raise WrongUse("which storage? Give a URL such as sqlite:///jobs.db first, or set PINION_URL")
    return url, rest


def _usage(names: Sequence[str]) -> str:
    return " ".join((click.get_current_context().command_path, "[URL]", *names, "[OPTIONS]"))


def url_argument(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The words of a command: a URL that may be left out, and what else it takes."""
    return click.argument("words", nargs=-1, metavar=" ".join(("[URL]", *names)))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

imports_option = click.option(
    "--import", "modules", multiple=True, metavar="MODULE", help="Import a module that defines tasks; may be repeated."
)


def import_modules(names: Sequence[str]) -> None:
    """Import modules, from the current folder too. Raises WrongUse that says where it went wrong."""
    if names and "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as raised:  # a module runs anybody's code, which may raise anything
            raise WrongUse(f"can't import {name!r}: {_reason(name, raised)}") from raised


def _reason(name: str, raised: BaseException) -> str:
    if name.endswith(".py"):
        return f"write a module's name, such as {name[:-3].replace('/', '.')}, and not a file's"
    if isinstance(raised, ModuleNotFoundError) and raised.name and f"{name}.".startswith(f"{raised.name}."):
        return f"there is no {raised.name!r} in {os.getcwd()}, nor is it installed"
    return f"{type(raised).__name__}: {raised}{_place(raised)}"


def _place(raised: BaseException) -> str:
    """Where in the user's files it was raised; nothing if the module wasn't found at all."""
    if isinstance(raised, SyntaxError):
        return ""
    frames = [frame for frame in traceback.extract_tb(raised.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in frames if frame.filename != __file__]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


def parse_json(option: str, text: str, kind: type, example: str) -> Any:
    """The value of a JSON option. Raises WrongUse if it is no JSON, or not of the kind."""
    try:
        value = json.loads(_text(option, text))
    except (ValueError, RecursionError) as raised:
        raise WrongUse(f"{option} must be JSON such as '{example}', got {text[:60]!r} ({raised})") from None
    if not isinstance(value, kind):
        raise WrongUse(
            f"{option} must be a JSON {'array' if kind is list else 'object'} such as '{example}', got {text[:60]!r}"
        )
    return value


def _text(option: str, given: str) -> str:
    """A word of the command line as text, also where the locale knows ASCII alone. Raises WrongUse."""
    try:
        given.encode()
    except UnicodeEncodeError:  # bytes that were no text to Python, and are stored as such by nobody
        try:
            return os.fsencode(given).decode("utf-8")
        except UnicodeError:
            raise WrongUse(f"{option} must be text in UTF-8, got {given[:60]!r}") from None
    return given


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def duration(text: str) -> timedelta:
    """A length of time: 90s, 15m, 12h, 7d, 2w, 1h30m. Raises BadParameter.

    A bare number is refused: whoever writes `--older-than 7` doesn't mean seconds.
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.BadParameter(f"{text!r} is no duration such as 90s, 15m, 12h, 7d or 2w")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise click.BadParameter(f"{text!r} is longer than can be counted") from None


def seconds(text: str) -> float:
    """A number of seconds, or a duration. Raises BadParameter."""
    bare = re.fullmatch(r"\d+(\.\d+)?|\.\d+", text)
    return duration(f"{float(text):f}s" if bare else text).total_seconds()


def moment(text: str) -> datetime:
    """A time in ISO 8601, local if it names no zone. Raises BadParameter."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no time such as 2026-12-24T18:00+01:00") from None


def ago(option: str, duration: timedelta) -> datetime:
    """The moment so long before now. Raises WrongUse where there is none."""
    try:
        return utc_now() - duration
    except OverflowError:
        raise WrongUse(f"{option} goes back behind the year 1") from None


def run_at(delay: float | None, at: str | None) -> datetime | None:
    """When a job is due: after so many seconds, or at a moment in ISO 8601 (local time if it names no zone)."""
    if delay is not None and at is not None:
        raise WrongUse("give --delay or --at, not both")
    if delay is not None:
        if not 0 <= delay < 1e10:
            raise WrongUse(f"--delay must be a number of seconds from 0 on, got {delay:g}")
        return utc_now() + timedelta(seconds=delay)
    if at is None:
        return None
    try:
        return datetime.fromisoformat(at).astimezone()
    except (ValueError, OverflowError):
        raise WrongUse(f"--at must be a time such as 2026-12-24T18:00+01:00, got {at!r}") from None
