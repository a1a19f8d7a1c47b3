"""Line: in which order the claimable jobs of one queue are handed out. It knows neither leases nor time."""

from collections import deque
from heapq import heappop, heappush

from pinion_memory.record import Entry, Record

__all__ = ["Line"]


class Line:
    """The claimable jobs of one queue: priority first, then their time, then their order of insertion.

    Jobs mostly come in order, so they wait in a sorted run, whose ends cost the same however long it is; what
    comes out of order waits in a heap beside it. An entry counts as long as it is the `entry` of its record:
    leaving the line is `record.entry = None`, and what is void is dropped when it comes to the front.

    turn: grows whenever the line has been served, so that the lowest is the next to be served.
    """

    __slots__ = ("_heap", "_run", "queue", "turn")

    def __init__(self, queue: str, turn: int) -> None:
        self.queue = queue
        self.turn = turn
        self._run: deque[Entry] = deque()
        self._heap: list[Entry] = []

    def add(self, record: Record) -> None:
        """Put a job at its place."""
        record.entry = entry = (-record.priority, record.rank, record.seq, record)
        if not self._run or entry > self._run[-1]:
            self._run.append(entry)
        else:
            heappush(self._heap, entry)

    def first(self) -> Record | None:
        """The job that is to be claimed next. It stays where it is."""
        run, heap = self._run, self._heap
        while run and run[0][3].entry is not run[0]:
            run.popleft()
        while heap and heap[0][3].entry is not heap[0]:
            heappop(heap)
        if heap and (not run or heap[0] < run[0]):
            return heap[0][3]
        return run[0][3] if run else None
