"""The state: sorted sets, and that a log of what changed comes to the same again."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from pinion.codec import DEFAULT_CODEC
from pinion.job import Job, JobError
from pinion.outcome import Done, Failed, Outcome, Released, Retry
from pinion.storage import Claim, ClaimRequest, Settlement
from pinion_example_file.record import claimed, inserted
from pinion_example_file.state import SortedSet, State

OUTCOMES: list[Outcome] = [Done(), Released(), Failed(JobError("ValueError")), Retry(0.002, JobError("ValueError"))]
STEPS = some.sampled_from(["insert", "claim", "extend", *range(len(OUTCOMES))])
REQUEST = ClaimRequest("worker", lease=0.005)


@given(some.lists(some.tuples(some.sampled_from("abcdef"), some.integers(0, 9) | some.none())))
def test_a_sorted_set_begins_with_its_lowest_member_whatever_was_moved_and_removed(
    steps: list[tuple[str, int | None]],
) -> None:
    kept: dict[str, int] = {}
    found: SortedSet[int] = SortedSet()
    for member, score in steps:
        if score is None:
            kept.pop(member, None)
            found.remove(member)
        else:
            kept[member] = score
            found.add(member, score)

        assert found.first() == min(((score, member) for member, score in kept.items()), default=None)


def lived(steps: list[Any]) -> State:
    """The state after these steps, a millisecond apart."""
    state, held = State(), list[Claim]()
    for number, step in enumerate(steps):
        now = number * 1000
        if step == "insert":
            job = Job("add", id=f"job-{number}", queue=f"queue-{number % 3}")
            state.insert(job, inserted(job, DEFAULT_CODEC), now)
        elif step == "claim" and (record := state.first(None, now)) is not None:
            state.change(record.id, claimed(record, REQUEST, f"token-{number}", now))
            held.append(Claim(record.id, f"token-{number}"))
        elif step == "extend" and held:
            state.extend(held[-1], now + 3000)
        elif isinstance(step, int) and held:
            state.settle(Settlement(held.pop(0), OUTCOMES[step]), None, [], now)
    return state


def replayed(transactions: list[Any]) -> State:
    state = State()
    for transaction in transactions:
        for job_id, fields in json.loads(json.dumps(transaction)):
            state.apply(job_id, fields)
    return state


def order(state: State, now: int) -> list[str]:
    """Which jobs are handed out from then on, under leases that don't end."""
    ids = []
    while (record := state.first(None, now)) is not None:
        ids.append(record.id)
        state.change(record.id, {"status": "RUNNING", "lease_ends": 2**60})
    return ids


@given(some.lists(STEPS, max_size=60))
def test_a_log_of_all_changes_comes_to_the_same_state(steps: list[Any]) -> None:
    state = lived(steps)

    again = replayed([state.changes])

    assert again.records == state.records
    assert order(again, 10**6) == order(state, 10**6)


@given(some.lists(STEPS, max_size=60))
def test_a_compacted_log_hands_out_the_same_jobs_in_the_same_order(steps: list[Any]) -> None:
    state = lived(steps)
    compacted = replayed(list(state.transactions()))

    assert order(compacted, 10**6) == order(state, 10**6)
