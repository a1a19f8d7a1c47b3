"""What the kit holds against a history, and what it doesn't. Times are seconds."""

from collections.abc import Sequence

import pytest

from pinion.conformance.history import Operation, wrongs

LEASE = 1.0


def inserted(job: str, call: float) -> Operation:
    return Operation("insert", job, call, call + 0.01)


def claimed(job: str, call: float, attempts: int = 1) -> Operation:
    return Operation("claim", job, call, call + 0.01, True, f"{job}-{attempts}", LEASE, attempts)


def settled(job: str, call: float, attempts: int = 1, ok: bool | None = True) -> Operation:
    return Operation("final", job, call, call + 0.01, ok, f"{job}-{attempts}")


def against(history: Sequence[Operation]) -> str:
    """The first thing that is wrong."""
    return next(wrongs(history), "")


def test_a_job_that_is_claimed_and_settled_is_right() -> None:
    assert against([inserted("a", 0), claimed("a", 1), settled("a", 2)]) == ""


def test_a_job_that_is_claimed_before_an_earlier_one_is_wrong() -> None:
    history = [
        inserted("a", 0),
        inserted("b", 1),
        claimed("b", 2),
        claimed("a", 3),
        settled("b", 4),
        settled("a", 4),
    ]
    assert against(history) == "job b was claimed before job a, which had been inserted earlier"


def test_a_job_whose_first_claim_died_with_its_worker_was_not_overtaken() -> None:
    history = [
        inserted("a", 0),
        inserted("b", 1),
        claimed("b", 2),
        claimed("a", 3, attempts=2),
        settled("b", 4),
        settled("a", 4, attempts=2),
    ]
    assert against(history) == ""


def test_a_holder_is_wrongly_refused_if_nobody_has_claimed_the_job_again() -> None:
    history = [inserted("a", 0), claimed("a", 1), settled("a", 3, ok=False), claimed("a", 4, 2), settled("a", 5, 2)]
    assert "nobody had claimed the job again" in against(history)


def test_a_holder_is_rightly_refused_if_the_next_claim_died_with_its_worker() -> None:
    history = [inserted("a", 0), claimed("a", 1), settled("a", 3, ok=False), claimed("a", 4, 3), settled("a", 5, 3)]
    assert against(history) == ""


@pytest.mark.parametrize(
    ("history", "wrong"),
    [
        ([inserted("a", 1), claimed("a", 0), settled("a", 2)], "claimed before it was inserted"),
        ([inserted("a", 0), claimed("a", 1), claimed("a", 1.5, 2), settled("a", 2, 2)], "by two workers at once"),
        ([inserted("a", 0), claimed("a", 1), claimed("a", 3, 2), settled("a", 4)], "allowed to settle it"),
        ([inserted("a", 0), claimed("a", 1), settled("a", 2), claimed("a", 3, 2)], "claimed after it had ended"),
        ([inserted("a", 0), claimed("a", 1), claimed("a", 3), settled("a", 4, ok=None)], "each claim must add one"),
        ([inserted("a", 0), claimed("a", 1)], "it is lost"),
    ],
)
def test_what_no_order_explains_is_wrong(history: Sequence[Operation], wrong: str) -> None:
    assert wrong in against(history)
