"""Lines: the claimable jobs of all queues, and which queue is served next. It knows neither leases nor time."""

import itertools
from collections.abc import Sequence

from pinion_memory.line import Line
from pinion_memory.record import Record

__all__ = ["Lines"]


class Lines:
    """One line for each queue that has claimable jobs. Queues take turns, and a paused one has none."""

    def __init__(self) -> None:
        self._served: dict[str, Line] = {}  # the first is served next
        self._paused: dict[str, Line] = {}
        self._turns = itertools.count(1)

    def add(self, record: Record) -> None:
        """Put a job at its place in the line of its queue."""
        line = self._served.get(record.queue) or self._paused.get(record.queue)
        if line is None:
            line = self._served[record.queue] = Line(record.queue, next(self._turns))
        line.add(record)

    def next(self, queues: Sequence[str] | None) -> Line | None:
        """Whose turn it is among these queues."""
        if queues is None:
            return next(iter(self._served.values()), None)
        return min(self._of(queues), key=lambda line: line.turn, default=None)

    def serve_last(self, line: Line) -> None:
        """The line had its turn."""
        del self._served[line.queue]
        self._serve(line)

    def _serve(self, line: Line) -> None:
        if line.first() is not None:
            line.turn = next(self._turns)
            self._served[line.queue] = line

    def any(self, queues: Sequence[str] | None) -> bool:
        """Whether a job is to be had from these queues."""
        lines = self._served.values() if queues is None else self._of(queues)
        return any(line.first() is not None for line in lines)

    def _of(self, queues: Sequence[str]) -> list[Line]:
        return [self._served[name] for name in queues if name in self._served]

    # --- pausing ----------------------------------------------------------------------------------

    def pause(self, queue: str) -> None:
        """The jobs of the queue keep their places, and have no turn until `resume`."""
        if queue not in self._paused:
            self._paused[queue] = self._served.pop(queue, Line(queue, 0))

    def resume(self, queue: str) -> None:
        """The queue takes turns again."""
        if (line := self._paused.pop(queue, None)) is not None:
            self._serve(line)

    def paused(self) -> frozenset[str]:
        """The queues that have no turn."""
        return frozenset(self._paused)
