"""Concurrent inserts share one commit, and so one sync to disk.

Whoever finds nobody committing commits for all who have gathered, and then hands the duty to the first who gathered
meanwhile ("group commit": DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984,
section 5). Nobody waits for company: a single caller commits at once.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pinion.errors import StorageUnavailable

__all__ = ["GroupCommit"]


class _Ticket[Item, Answer]:
    """One caller's part. `turn` is held until it is answered, or it is its caller's turn to commit."""

    __slots__ = ("answer", "error", "item", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupCommit[Item, Answer]:
    """Runs `commit` with all items that have gathered while the last one ran; its answers are in their order."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._commit = commit
        self._gathered: deque[_Ticket[Item, Answer]] = deque()
        self._busy = False
        self._lock = threading.Lock()  # guards the two above

    def submit(self, item: Item) -> Any:
        """Commit the item, alone or with others; returns its answer. Raises what `commit` raised."""
        ticket: _Ticket[Item, Answer] = _Ticket(item)
        with self._lock:
            self._gathered.append(ticket)
            waits, self._busy = self._busy, True
        if waits:
            self._await_turn(ticket)
        if ticket.answer is None and ticket.error is None:
            self._commit_gathered(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def _await_turn(self, ticket: _Ticket[Item, Answer]) -> None:
        try:
            ticket.turn.acquire()
        except BaseException:  # Ctrl-C: the others go on, also if this caller's turn has come
            with self._lock:
                gathered = ticket in self._gathered
                if gathered:
                    self._gathered.remove(ticket)
            if gathered and ticket.turn.acquire(blocking=False):
                self._pass_on(())
            raise

    def _commit_gathered(self, own: _Ticket[Item, Answer]) -> None:
        with self._lock:
            tickets, self._gathered = self._gathered, deque()
        try:
            self._answer(tickets, own)
        finally:
            self._pass_on(tickets)

    def _answer(self, tickets: deque[_Ticket[Item, Answer]], own: _Ticket[Item, Answer]) -> None:
        try:
            answers = self._commit([ticket.item for ticket in tickets])
        except Exception as raised:
            for ticket in tickets:
                ticket.error = raised
            return
        except BaseException as interrupted:  # Ctrl-C is for this thread alone
            for ticket in tickets:
                ticket.error = StorageUnavailable("the commit was interrupted; repeat the call")
            own.error = interrupted
            return
        for ticket, answer in zip(tickets, answers, strict=True):
            ticket.answer = answer

    def _pass_on(self, answered: Iterable[_Ticket[Item, Answer]]) -> None:
        """Let the next caller commit, if there is one, and then those go who have their answer."""
        with self._lock:
            self._busy = bool(self._gathered)
            following = self._gathered[0] if self._gathered else None
        for ticket in answered:
            ticket.turn.release()
        if following is not None:
            following.turn.release()

    def forget(self) -> None:
        """In a child process: the threads that waited are not here."""
        self._lock = threading.Lock()
        self._gathered, self._busy = deque(), False
