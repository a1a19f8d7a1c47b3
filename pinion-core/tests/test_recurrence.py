"""Cron expressions and intervals: reading them, the two days of a year on which clocks jump, and what always holds."""

import functools
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pinion.errors import InvalidJob
from pinion.recurrence import Cron, Every, Recurrence

NEW_YORK, LORD_HOWE, BERLIN = "America/New_York", "Australia/Lord_Howe", "Europe/Berlin"
JUMPING = (
    NEW_YORK,
    LORD_HOWE,
    BERLIN,
    "Africa/Cairo",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
)
"""Zones that jump by an hour or by half of one, at night or at midnight; that skipped a day; and some that don't."""

EXPRESSIONS = (
    "30 2 * * *",
    "30 1 * * *",
    "0,30 0,1,2,3 * * *",
    "*/30 * * * *",
    "*/20 2 * * *",
    "15 */2 * * *",
    "0 0 * * *",
    "59 23 L * *",
    "0 12 * * MON-FRI",
    "0 0 13 * 5",
    "30 15 3 * * *",
    "*/15 * * * * *",
)


def ticks(when: Recurrence, after: datetime, until: datetime) -> list[datetime]:
    return when.missed(after, until, 100_000)


def shown(expression: str, tz: str, first: str, last: str) -> list[str]:
    """What a clock of the zone shows at the ticks between two moments of that clock."""
    zone = ZoneInfo(tz)
    after, until = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (first, last))
    return [f"{tick.astimezone(zone):%d %H:%M %z}" for tick in ticks(Cron(expression, tz), after, until)]


def test_a_set_time_in_the_gap_of_spring_runs_once_at_its_end() -> None:
    assert shown("30 2 * * *", NEW_YORK, "2026-03-07T12:00", "2026-03-09T12:00") == ["08 03:00 -0400", "09 02:30 -0400"]


def test_a_set_time_that_is_shown_twice_in_autumn_runs_once_the_first_time() -> None:
    assert shown("30 1 * * *", NEW_YORK, "2026-10-31T12:00", "2026-11-02T12:00") == ["01 01:30 -0400", "02 01:30 -0500"]


def test_what_runs_every_half_hour_runs_every_real_half_hour_through_the_overlap() -> None:
    found = shown("*/30 * * * *", NEW_YORK, "2026-11-01T00:30", "2026-11-01T02:30")

    first, again = ["01 01:00 -0400", "01 01:30 -0400"], ["01 01:00 -0500", "01 01:30 -0500"]
    assert found == [*first, *again, "01 02:00 -0500", "01 02:30 -0500"]


def test_what_runs_every_half_hour_leaves_out_the_gap() -> None:
    found = shown("*/30 * * * *", NEW_YORK, "2026-03-08T01:00", "2026-03-08T03:30")

    assert found == ["08 01:30 -0500", "08 03:00 -0400", "08 03:30 -0400"]


def test_a_shift_of_half_an_hour_is_one() -> None:
    assert shown("15 2 * * *", LORD_HOWE, "2026-10-03T12:00", "2026-10-05T12:00") == [
        "04 02:30 +1100",
        "05 02:15 +1100",
    ]
    assert shown("45 1 * * *", LORD_HOWE, "2026-04-04T12:00", "2026-04-06T12:00") == [
        "05 01:45 +1100",
        "06 01:45 +1030",
    ]
    assert shown("*/10 2 * * *", LORD_HOWE, "2026-04-05T00:00", "2026-04-05T02:25") == [
        "05 02:00 +1030", "05 02:10 +1030", "05 02:20 +1030",
    ]  # fmt: skip


def test_midnight_that_does_not_exist_comes_at_one() -> None:
    assert shown("@daily", "Africa/Cairo", "2026-04-23T12:00", "2026-04-25T12:00") == [
        "24 01:00 +0300",
        "25 00:00 +0300",
    ]


def test_a_day_that_a_country_skipped_runs_with_the_next_one() -> None:
    assert shown("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00", "2012-01-01T00:00") == [
        "31 00:00 +1400",
        "31 09:00 +1400",
    ]


def test_the_day_of_the_month_or_the_day_of_the_week() -> None:
    assert shown("0 0 13 * 5", "UTC", "2026-03-01T00:00", "2026-03-21T00:00") == [
        "06 00:00 +0000", "13 00:00 +0000", "20 00:00 +0000",
    ]  # fmt: skip


def test_last_days_nth_days_and_seconds() -> None:
    assert shown("0 0 L * *", "UTC", "2026-02-01T00:00", "2026-03-31T12:00") == ["28 00:00 +0000", "31 00:00 +0000"]
    assert shown("0 0 * * 5#3", "UTC", "2026-02-01T00:00", "2026-03-31T12:00") == ["20 00:00 +0000", "20 00:00 +0000"]
    assert Cron("*/20 * * * * *").next(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, 0, 0, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("alias", "expression"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_the_names_of_usual_expressions(alias: str, expression: str) -> None:
    now = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)

    assert Cron(alias).next(now) == Cron(expression).next(now)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 3 * *", "it has 4 fields; write five fields, minute hour"),
        ("0 25 * * *", "'25' is no hour"),
        ("0 22-2 * * *", "'22-2' is no hour"),
        ("* * * * MOO", "'MOO' is no day-of-week"),
        ("61 * * * * *", "'61' is no second"),
        ("0 0 30 2 *", "'30' is no day-of-month of any such month"),
        ("@reboot", "of the names there are @yearly"),
        ("0 0 29 2 MON#3/2", "is no day-of-week"),
        ("  ", "must be text such as"),
        (5, "must be text such as '0 3 * * *', got 5"),
    ],
)
def test_an_expression_that_cannot_be_read_is_refused_with_what_is_wrong(expression: str, said: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        Cron(expression)

    assert said in str(refused.value)


@pytest.mark.parametrize("tz", ["Mars/Base", "../etc/passwd", "Europe", "/etc/localtime", "CET\0"])
def test_an_unknown_zone_is_refused_and_tzdata_recommended(tz: str) -> None:
    with pytest.raises(InvalidJob, match=r"there is no time zone .* install tzdata"):
        Cron("@daily", tz)


@pytest.mark.parametrize("tz", ["", None, UTC])
def test_a_zone_is_given_by_its_name(tz: str) -> None:
    with pytest.raises(InvalidJob, match="tz must be the name of a time zone, such as 'Europe/Berlin'"):
        Cron("@daily", tz)


@pytest.mark.parametrize("seconds", [0, -1, 1e-9, float("nan"), float("inf"), True, "60", None, timedelta(0)])
def test_an_interval_that_is_not_above_zero_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidJob, match=r"an interval must be a number of seconds, or a timedelta"):
        Every(seconds)


def test_ticks_of_an_interval_depend_on_nobodys_start_and_do_not_drift() -> None:
    assert Every(3600).next(datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC)) == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert Every(timedelta(days=1)).next(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 2, tzinfo=UTC)

    tenths = ticks(Every(0.1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 10, tzinfo=UTC))
    assert len(tenths) == 6000 and tenths[-1] == datetime(2026, 1, 1, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize("when", [Cron("@hourly"), Cron("0 3 * * *", BERLIN), Every(60)])
def test_at_the_end_of_the_calendar_there_is_no_next_tick(when: Recurrence) -> None:
    assert when.next(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) is None


# --- what always holds ----------------------------------------------------------------------------

moments = st.datetimes(datetime(2008, 1, 1), datetime(2037, 1, 1)).map(lambda wall: wall.replace(tzinfo=UTC))
recurrences = st.one_of(
    st.builds(Cron, st.sampled_from(EXPRESSIONS), st.sampled_from(JUMPING)),
    st.builds(Every, st.sampled_from([0.25, 1, 7, 60, 3600, 86400, 1_000_000])),
)


@functools.cache
def jumps() -> list[datetime]:
    """The hours of a year after which some clock of the list has jumped."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    return [
        day + timedelta(hours=hour)
        for zone in map(ZoneInfo, JUMPING)
        for day, next_day in pairwise(days)
        if day.astimezone(zone).utcoffset() != next_day.astimezone(zone).utcoffset()
        for hour in range(24)
        if (day + timedelta(hours=hour)).astimezone(zone).utcoffset()
        != (day + timedelta(hours=hour + 1)).astimezone(zone).utcoffset()
    ]


@st.composite
def moments_near_jumps(draw: st.DrawFn) -> datetime:
    """Moments within two hours of one at which a clock jumps: where mistakes would be."""
    seconds, rest = draw(st.integers(-7200, 7200)), draw(st.sampled_from([0, 0, 1, 999_999]))
    return draw(st.sampled_from(jumps())) + timedelta(seconds=seconds, microseconds=rest)


patiently = settings(deadline=None)  # the machine may be busy


@patiently
@given(recurrences, moments | moments_near_jumps())
def test_the_next_tick_is_later_and_nothing_lies_between(when: Recurrence, after: datetime) -> None:
    tick = when.next(after)

    assert tick is not None and tick > after and tick.tzinfo is UTC
    between = after + (tick - after) / 2
    assert when.next(between) == tick
    assert when.includes(tick) and not (between > after and when.includes(between) and between != tick)


@patiently
@given(recurrences, moments | moments_near_jumps(), moments_near_jumps())
def test_a_later_question_has_no_earlier_answer(when: Recurrence, one: datetime, other: datetime) -> None:
    earlier, later = sorted([one, other])

    first, second = when.next(earlier), when.next(later)

    assert first is not None and second is not None and first <= second


@patiently
@given(recurrences, moments_near_jumps(), st.integers(1, 200))
def test_the_latest_tick_is_the_last_of_all(when: Recurrence, since: datetime, minutes: int) -> None:
    now = since + timedelta(minutes=minutes)

    assert [when.latest(since, now)] == (ticks(when, since, now) or [None])[-1:]


def zone_has(zone: ZoneInfo, day: date) -> bool:
    """Whether a day is in the zone's calendar: Apia went from the 29th of December 2011 to the 31st."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


@example("Pacific/Apia", "30 2 * * *", datetime(2011, 1, 1, tzinfo=UTC))
@given(st.sampled_from(JUMPING), st.sampled_from(["30 2 * * *", "0 0 * * *", "30 1 * * *"]), moments)
@settings(deadline=None, max_examples=20)
def test_a_set_time_comes_once_for_each_day_of_the_calendar(tz: str, expression: str, after: datetime) -> None:
    zone = ZoneInfo(tz)
    found = [tick.astimezone(zone).date() for tick in ticks(Cron(expression, tz), after, after + timedelta(days=366))]
    left_out = {day for day in (found[0] + timedelta(days=n) for n in range(366)) if not zone_has(zone, day)}

    assert len(found) - len(set(found)) == len(left_out & {day - timedelta(days=1) for day in found[1:]})
    assert max(b - a for a, b in pairwise(found)) <= timedelta(days=2)


def test_the_latest_of_millions_of_ticks_is_found_at_once() -> None:
    asked = 0

    class Counting(Cron):
        def next(self, after: datetime) -> datetime | None:
            nonlocal asked
            asked += 1
            return super().next(after)

    when, now = Counting("* * * * * *", BERLIN), datetime(2026, 1, 1, tzinfo=UTC)

    assert when.latest(now - timedelta(days=3650), now) == now
    assert asked < 200
