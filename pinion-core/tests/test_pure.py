"""The parts without input or output: retry policy, outcomes, transitions, batches, ids."""

import random
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

import pinion.job
from pinion.errors import InvalidJob
from pinion.identity import new_id
from pinion.job import TRANSITIONS, Job, JobError, Status, check
from pinion.outcome import Failed, Retry, decide
from pinion.retry import RetryPolicy
from pinion.worker.batch import MOST, Batch

ERROR = JobError("ValueError", "kaboom")


def test_delays_double_up_to_the_cap() -> None:
    policy = RetryPolicy(base_delay=0.5, cap=10.0, jitter=False)

    assert [policy.compute_delay(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_a_huge_attempt_number_is_capped_and_does_not_overflow() -> None:
    assert RetryPolicy(jitter=False).compute_delay(10**9) == 10.0


def test_jitter_spreads_between_nothing_and_the_delay() -> None:
    policy, chance = RetryPolicy(base_delay=8, cap=8), random.Random(1)

    delays = [policy.compute_delay(1, chance.uniform) for _ in range(1000)]

    assert 0 <= min(delays) < 1 and 7 < max(delays) <= 8


@pytest.mark.parametrize(
    "bad", [{"max_retries": -1}, {"base_delay": float("nan")}, {"cap": "10"}, {"max_retries": True}]
)
def test_a_policy_of_nonsense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidJob, match=next(iter(bad))):
        RetryPolicy(**bad)  # type: ignore[arg-type]


def test_a_job_is_retried_as_often_as_the_policy_says_and_then_fails() -> None:
    policy = RetryPolicy(max_retries=2, jitter=False)

    outcomes = [decide(Job("a", failures=failures), ERROR, policy) for failures in range(4)]

    assert outcomes == [Retry(0.5, ERROR), Retry(1.0, ERROR), Failed(ERROR), Failed(ERROR)]


def test_lost_leases_do_not_count_against_the_policy() -> None:
    assert isinstance(decide(Job("a", attempts=9, lost=5), ERROR, RetryPolicy()), Retry)


def test_the_drawing_of_the_states_names_each_of_them() -> None:
    drawing = Path(pinion.job.__file__).read_text().split('"""')[1]

    assert all(status in drawing for status in Status)
    assert set(TRANSITIONS) == set(Status)


def test_ids_sort_by_the_order_they_were_made_in() -> None:
    ids = [new_id() for _ in range(20_000)]

    assert all(one < other for one, other in pairwise(ids))
    assert {len(each) for each in ids} == {36} and all(each[14] == "7" and each[19] in "89ab" for each in ids)


def test_a_job_coerces_nothing() -> None:
    job = Job("add", (1, "2"), {"c": None})

    assert (job.args, job.kwargs, job.status, job.attempts, job.queue) == (
        (1, "2"),
        {"c": None},
        Status.PENDING,
        0,
        "default",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("func_name", ""), ("queue", "a\nb"), ("id", "x" * 256), ("args", [1]), ("kwargs", None),
     ("priority", 1.5), ("priority", 2**31),
     ("run_at", datetime(2026, 1, 1)), ("run_at", 5.0), ("func_name", "\ud800")],
)  # fmt: skip
def test_a_job_that_cannot_be_stored_is_refused_by_the_name_of_the_field(field: str, value: object) -> None:
    job = Job("add")
    setattr(job, field, value)

    with pytest.raises(InvalidJob, match=field):
        check(job)


def test_a_batch_grows_while_jobs_are_fast_and_shrinks_at_once_when_they_are_slow() -> None:
    batch = Batch()
    for _ in range(10):
        batch.observe(batch.size(1), 0.0001)
    grown = batch.size(1)

    batch.observe(2, 1.0)

    assert grown == MOST
    assert batch.size(1) == 1


def test_idle_threads_are_always_served() -> None:
    assert Batch().size(8) == 8
