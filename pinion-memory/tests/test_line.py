"""The line of a queue: whatever comes in whatever order leaves it in the order of priority, time and insertion."""

from hypothesis import given
from hypothesis import strategies as some

from pinion.job import Job
from pinion_memory.line import Line
from pinion_memory.record import Record, snapshot

PLACES = some.lists(some.tuples(some.integers(-2, 2), some.integers(0, 5)))


def record(seq: int, priority: int, rank: int) -> Record:
    made = snapshot(Job("add", priority=priority), "[]")
    made.seq, made.rank = seq, rank
    return made


def drain(line: Line) -> list[int]:
    order = []
    while (first := line.first()) is not None:
        order.append(first.seq)
        first.entry = None
    return order


@given(PLACES)
def test_jobs_leave_in_order_of_priority_then_time_then_insertion(places: list[tuple[int, int]]) -> None:
    line = Line("default", 0)
    for seq, place in enumerate(places):
        line.add(record(seq, *place))

    order = drain(line)

    assert order == sorted(range(len(places)), key=lambda seq: (-places[seq][0], places[seq][1], seq))


@given(PLACES, some.data())
def test_what_left_the_line_or_came_back_to_it_is_handed_out_as_it_now_stands(
    places: list[tuple[int, int]], data: some.DataObject
) -> None:
    line = Line("default", 0)
    records = [record(seq, *place) for seq, place in enumerate(places)]
    for each in records:
        line.add(each)
    gone = data.draw(some.sets(some.sampled_from(range(len(places))))) if places else set()
    moved = data.draw(some.sets(some.sampled_from(range(len(places))))) if places else set()
    for seq in gone:
        records[seq].entry = None
    for seq in moved - gone:
        records[seq].rank += 3
        line.add(records[seq])

    order = drain(line)

    kept = [each for each in records if each.seq not in gone]
    assert order == [each.seq for each in sorted(kept, key=lambda each: (-each.priority, each.rank, each.seq))]
