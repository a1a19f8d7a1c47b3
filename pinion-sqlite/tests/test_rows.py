"""Rows: a job without options is stored by a statement of its own, and as the other would store it."""

import pytest

from pinion.codec import DEFAULT_CODEC
from pinion.job import Job
from pinion.storage import as_datetime
from pinion_sqlite.rows import PLAIN, is_plain, plain_row, row_of

NOW = 1_700_000_000_000_000


def test_a_plain_row_and_what_its_statement_adds_are_the_whole_row() -> None:
    job = Job("task", (1, "two"), {"three": None}, queue="mail")

    assert is_plain(job)
    assert plain_row(job, DEFAULT_CODEC, NOW) + PLAIN == row_of(job, DEFAULT_CODEC, NOW)


@pytest.mark.parametrize(
    "option",
    [{"priority": 1}, {"run_at": as_datetime(NOW)}, {"attempts": 1}, {"failures": 1}, {"lost": 1}, {"timeout": 1.0},
     {"headers": {"a": "b"}}, {"unique_key": "key"}, {"keep": 0.0}],
)  # fmt: skip
def test_a_job_with_an_option_is_not_plain(option: dict[str, object]) -> None:
    assert not is_plain(Job("task", **option))  # type: ignore[arg-type]  # one of many fields, each of its own type
