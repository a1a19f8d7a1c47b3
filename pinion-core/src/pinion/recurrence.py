"""When something recurs: `Cron` expressions and `Every` so many seconds. Pure: the caller says what time it is.

The library cronsim reads the expressions and knows the calendar. What a wall clock shows is made a moment here, so
that the two days of a year on which it jumps are right in every zone:

    at a set time (minute and hour don't begin with `*`), a job runs once a day, whatever the clock does: what falls
    into the gap in spring runs at its end, and what is shown twice in autumn runs the first time.
    Any other expression runs whenever the clock on the wall shows it: twice where it shows it twice, in the gap never.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from pinion.clock import SECOND, as_datetime, as_microseconds
from pinion.errors import InvalidJob

__all__ = ["Cron", "Every", "Recurrence"]

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = "minute hour day-of-month month day-of-week"
_MICROSECOND, _MINUTE = timedelta(microseconds=1), timedelta(minutes=1)
SHORTEST, LONGEST = 0.001, 1e10


class Recurrence(ABC):
    """Moments without end, each a tick: aware, in UTC. The same for everybody, whenever they begin to ask."""

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """The first tick after a moment; None if there is none any more, within 50 years."""

    @abstractmethod
    def as_plain(self) -> dict[str, Any]:
        """What it was made of, as JSON knows it."""

    def includes(self, moment: datetime) -> bool:
        """Whether the moment is a tick."""
        return self.next(moment - _MICROSECOND) == moment

    def latest(self, since: datetime, now: datetime) -> datetime | None:
        """The last tick after `since` and not after `now`; None if there is none. Quick, however many there were."""
        newest, latest = since, None
        while (tick := self.next(newest)) is not None and tick <= now:
            newest = latest = tick
            bound = now
            while (middle := newest + (bound - newest) / 2) > newest:
                later = self.next(middle)
                if later is not None and later <= now:
                    newest = latest = later
                else:
                    bound = middle
        return latest

    def missed(self, since: datetime, now: datetime, limit: int) -> list[datetime]:
        """The ticks after `since` and not after `now`, the first `limit` of them."""
        ticks: list[datetime] = []
        while len(ticks) < limit and (tick := self.next(ticks[-1] if ticks else since)) is not None and tick <= now:
            ticks.append(tick)
        return ticks


class Cron(Recurrence):
    """A cron expression, as a clock on the wall of a time zone shows it.

    expression: five fields, minute hour day-of-month month day-of-week, with `*`, lists, ranges, steps, the names of
        months and days, `L`, `LW` and `#`; or six, the seconds first; or @hourly, @daily, @weekly, @monthly, @yearly.
    tz: a name such as "Europe/Berlin".
    Raises InvalidJob for an expression that can't be read or never comes true, and for an unknown zone.
    """

    def __init__(self, expression: str, tz: str = "UTC") -> None:
        self.expression = _spaced(expression)
        self.tz = tz
        self._zone = _zone(tz)
        self._fields = _ALIASES.get(self.expression.lower(), self.expression)
        self._check()

    def _check(self) -> None:
        from cronsim import CronSimError  # costs milliseconds that `import pinion` need not take

        try:
            self._walls(datetime(2000, 1, 1))
        except (CronSimError, AssertionError, TypeError) as raised:
            raise InvalidJob(
                f"cron expression {self.expression!r} can't be read: {_blame(self._fields, str(raised))}; "
                f"write five fields, {_FIELDS}, such as '0 3 * * *' for every day at 3"
            ) from None
        if self.next(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise InvalidJob(f"cron expression {self.expression!r} never comes true: no month has such a day")

    def _walls(self, after: datetime) -> Iterator[datetime]:
        """What a clock on the wall that never jumps shows when the expression holds; naive."""
        from cronsim import CronSim

        return CronSim(self._fields, after)

    def next(self, after: datetime) -> datetime | None:
        try:
            local = after.astimezone(self._zone)
            return self._once_a_day(local) if self._is_set_time else self._whenever_shown(local)
        except OverflowError:  # the calendar ends with the year 9999
            return None

    @functools.cached_property
    def _is_set_time(self) -> bool:
        minute, hour = self._fields.split()[-5:-3]
        return not minute.startswith("*") and not hour.startswith("*")

    def _once_a_day(self, local: datetime) -> datetime | None:
        for wall in self._walls(_naive(local)):
            if (moment := _moment(_beyond_gap(wall, self._zone), self._zone)) > local:
                return moment
        return None

    def _whenever_shown(self, local: datetime) -> datetime | None:
        best: datetime | None = None
        for wall in self._walls(_naive(local) - _repeated(local)):
            first, second = _moment(wall, self._zone), _moment(wall, self._zone, fold=1)
            if best is not None and first >= best:
                break
            if _exists(wall, self._zone) and (moment := first if first > local else second) > local:
                best = moment if best is None else min(best, moment)
        return best

    def as_plain(self) -> dict[str, Any]:
        return {"cron": self.expression, "tz": self.tz}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cron) and (self.expression, self.tz) == (other.expression, other.tz)

    def __hash__(self) -> int:
        return hash((self.expression, self.tz))

    def __str__(self) -> str:
        return f"{self.expression} {self.tz}"

    def __repr__(self) -> str:
        return f"Cron({self.expression!r}, {self.tz!r})"


def _spaced(expression: object) -> str:
    if not isinstance(expression, str) or not expression.strip():
        raise InvalidJob(f"a cron expression must be text such as '0 3 * * *', got {expression!r:.100}")
    return " ".join(expression.split())


def _zone(tz: object) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # costs milliseconds that `import pinion` need not take

    if not isinstance(tz, str) or not tz:
        raise InvalidJob(f"tz must be the name of a time zone, such as 'Europe/Berlin', got {tz!r:.100}")
    if tz == "UTC":
        return UTC
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidJob(
            f"there is no time zone {tz!r} here: write a name such as 'Europe/Berlin', and where the system has "
            f"no zones, as on Windows and in slim containers, install tzdata: pip install tzdata"
        ) from None


def _blame(fields: str, said: str) -> str:
    """Which field the library complains of, with what it holds."""
    parts, names = fields.split(), _FIELDS.split()
    if fields.startswith("@"):
        return "of the names there are " + ", ".join(_ALIASES)
    if len(parts) not in (5, 6):
        return f"it has {len(parts)} fields"
    names = names if len(parts) == 5 else ["second", *names]
    for name, part in zip(names, parts, strict=True):
        if said.endswith(name):
            return f"{part!r} is no {name}" + (" of any such month" if part.isdigit() and 1 <= int(part) <= 31 else "")
    return "a field is not understood"


def _naive(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _moment(wall: datetime, zone: tzinfo, fold: int = 0) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _exists(wall: datetime, zone: tzinfo) -> bool:
    return _naive(_moment(wall, zone).astimezone(zone)) == wall


def _beyond_gap(wall: datetime, zone: tzinfo) -> datetime:
    """What the wall clock shows at the end of the gap that it jumps over; the same if there is none."""
    while not _exists(wall, zone):
        wall = wall.replace(second=0) + _MINUTE
    return wall


def _repeated(local: datetime) -> timedelta:
    """How far the wall clock will be set back, if it is going to show this moment once more; else nothing."""
    later = local.replace(fold=1).utcoffset()
    now = local.utcoffset()
    assert now is not None and later is not None
    return now - later


class Every(Recurrence):
    """Every so many seconds, counted from 1970-01-01 00:00 UTC: hours begin on the hour, and nothing drifts.

    Raises InvalidJob for an interval that isn't above 0.
    """

    def __init__(self, seconds: float | timedelta) -> None:
        length = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if isinstance(length, bool) or not isinstance(length, int | float) or not SHORTEST <= length <= LONGEST:
            raise InvalidJob(
                f"an interval must be a number of seconds, or a timedelta, of at least {SHORTEST} s, got {seconds!r}"
            )
        self.seconds: float = int(length) if length == int(length) else length
        self._microseconds = round(length * SECOND)

    def next(self, after: datetime) -> datetime | None:
        try:
            return as_datetime((as_microseconds(after) // self._microseconds + 1) * self._microseconds)
        except OverflowError:  # the calendar ends with the year 9999
            return None

    def as_plain(self) -> dict[str, Any]:
        return {"every": self.seconds}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Every) and self.seconds == other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __str__(self) -> str:
        return f"every {self.seconds:g} s"

    def __repr__(self) -> str:
        return f"Every({self.seconds!r})"
