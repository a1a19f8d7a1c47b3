"""The parts without input or output: retry policy, outcomes, transitions, batches, ids."""

import random
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

import pinion.job
from pinion import errors
from pinion.errors import InvalidJob
from pinion.identity import new_id
from pinion.job import TRANSITIONS, Job, JobError, Status, check
from pinion.outcome import Cancelled, Failed, Outcome, Retry, Snoozed, decide
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
    "bad",
    [{"max_retries": -1}, {"base_delay": float("nan")}, {"cap": "10"}, {"max_retries": True},
     {"delays": (1, -1)}, {"delays": 5}, {"delays": (1, float("inf"))}, {"delays": ("1",)}, {"delays": "123"},
     {"max_retries": 5, "delays": (1, 2)}, {"on": "OSError"}, {"on": (OSError, 1)}, {"unless": ValueError()},
     {"unless": (int,)}],
)  # fmt: skip
def test_a_policy_of_nonsense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidJob, match=next(iter(bad))):
        RetryPolicy(**bad)  # type: ignore[arg-type]


def test_a_list_of_delays_is_followed_exactly_and_its_length_is_the_number_of_retries() -> None:
    policy = RetryPolicy(delays=[1, 60, 3600])

    outcomes = [decide(Job("a", failures=failures), ERROR, policy) for failures in range(4)]

    assert outcomes == [Retry(1, ERROR), Retry(60, ERROR), Retry(3600, ERROR), Failed(ERROR)]
    assert policy.max_retries == 3


def test_an_empty_list_of_delays_is_no_retry() -> None:
    assert isinstance(decide(Job("a"), ERROR, RetryPolicy(delays=())), Failed)


def decided(raised: BaseException, policy: RetryPolicy, failures: int = 0) -> Outcome:
    return decide(Job("a", failures=failures), JobError("E", cause=raised), policy)


@pytest.mark.parametrize(
    ("policy", "retried"),
    [(RetryPolicy(), {OSError, ConnectionError, ValueError}),
     (RetryPolicy(on=OSError), {OSError, ConnectionError}),
     (RetryPolicy(on=[OSError, ValueError]), {OSError, ConnectionError, ValueError}),
     (RetryPolicy(unless=(ConnectionError, ValueError)), {OSError}),
     (RetryPolicy(on=(OSError,), unless=ConnectionError), {OSError}),
     (RetryPolicy(on=()), set())],
)  # fmt: skip
def test_a_policy_says_which_exceptions_are_retried(policy: RetryPolicy, retried: set[type[Exception]]) -> None:
    found = {kind for kind in (OSError, ConnectionError, ValueError) if isinstance(decided(kind(), policy), Retry)}

    assert found == retried


def test_a_task_that_asks_for_a_retry_gets_it_after_its_own_delay_while_the_budget_lasts() -> None:
    policy = RetryPolicy(max_retries=1, base_delay=2, jitter=False, on=OSError)

    assert isinstance(again := decided(errors.Retry(after=7), policy), Retry) and again.delay == 7
    assert isinstance(again := decided(errors.Retry(), policy), Retry) and again.delay == 2
    assert isinstance(decided(errors.Retry(after=7), policy, failures=1), Failed)


def test_snoozing_and_cancelling_are_no_failures() -> None:
    assert decided(errors.Snooze(60), RetryPolicy(0)) == Snoozed(60)
    assert decided(errors.Cancel(), RetryPolicy()) == decided(errors.TaskCancelled(), RetryPolicy()) == Cancelled()


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), "soon", True])
def test_a_delay_that_is_no_number_of_seconds_is_refused(delay: float) -> None:
    for raised in (errors.Retry(after=delay), errors.Snooze(delay)):
        with pytest.raises(InvalidJob, match="seconds"):
            decided(raised, RetryPolicy())


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


def test_ids_go_on_where_the_clock_stands_still_or_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)

    ids = [new_id() for _ in range(10_000)]

    assert all(one < other for one, other in pairwise(ids))
    assert {len(each) for each in ids} == {36}


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
