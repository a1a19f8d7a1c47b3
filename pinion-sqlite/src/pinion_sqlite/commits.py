"""Concurrent inserts share one commit, and so one sync to disk.

Whoever gets the lock commits for everybody who waits ("group commit": DeWitt et al.,
"Implementation techniques for main
memory database systems", SIGMOD 1984, section 5). Nobody waits for company: a single caller commits at once.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["GroupCommit"]


class _Ticket[Item, Answer]:
    __slots__ = ("answer", "error", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class GroupCommit[Item, Answer]:
    """Runs `commit` with all items that have gathered while the last one ran; its answers are in their order."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._commit = commit
        self._committing = threading.Lock()
        self._gathered: deque[_Ticket[Item, Answer]] = deque()

    def submit(self, item: Item) -> Any:
        """Commit the item, alone or with others; returns its answer. Raises what `commit` raised."""
        ticket: _Ticket[Item, Answer] = _Ticket(item)
        self._gathered.append(ticket)
        with self._committing:
            if ticket.answer is None and ticket.error is None:
                self._commit_gathered()
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def _commit_gathered(self) -> None:
        tickets = [self._gathered.popleft() for _ in range(len(self._gathered))]
        try:
            answers = self._commit([ticket.item for ticket in tickets])
        except BaseException as raised:
            for ticket in tickets:
                ticket.error = raised
            return
        for ticket, answer in zip(tickets, answers, strict=True):
            ticket.answer = answer

    def forget(self) -> None:
        """In a child process: the threads that waited are not here."""
        self._committing = threading.Lock()
        self._gathered.clear()
