"""Concurrent inserts share one commit, and so one sync to disk.

Whoever finds nobody committing commits for all who have gathered, and then hands the duty to the first who gathered
meanwhile ("group commit": DeWitt et al., "Implementation techniques for main memory database systems", SIGMOD 1984,
section 5). Nobody waits for company: a single caller commits at once.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pinion.errors import StorageUnavailable, TaskTimeout

__all__ = ["GroupCommit"]


class _Ticket[Item, Answer]:
    """One caller's part.

    turn: held until a caller who waits has its answer, or it is its turn to commit.
    leads: whether it is its caller's turn, until that has been passed on.
    batch: the tickets that its caller commits; following: whose turn comes then.
    """

    leads = False
    turn: "threading.Lock | None" = None
    batch: "Sequence[_Ticket[Item, Answer]]" = ()
    following: "_Ticket[Item, Answer] | None" = None
    answer: Answer | None = None
    error: BaseException | None = None

    def __init__(self, item: Item) -> None:
        self.item = item


class GroupCommit[Item, Answer]:
    """Runs `commit` with all items that have gathered while the last one ran; its answers are in their order."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        self._commit = commit
        self._gathered: list[_Ticket[Item, Answer]] = []
        self._busy = False
        self._lock = threading.Lock()  # guards the two above

    def submit(self, item: Item) -> Any:
        """Commit the item, alone or with others; returns its answer. Raises what `commit` raised."""
        ticket: _Ticket[Item, Answer] = _Ticket(item)
        try:
            with self._lock:
                if self._busy:
                    self._gather(ticket)
                else:  # nothing between these lines can be interrupted
                    self._busy = ticket.leads = True
            if ticket.turn is None:
                answer = self._commit((item,))[0]
                self._pass_on(ticket)
                return answer
            return self._answer(ticket)
        except BaseException:  # Ctrl-C, or the timeout of a task, and it may come anywhere: the others go on
            self._withdraw(ticket)
            raise

    def _gather(self, ticket: _Ticket[Item, Answer]) -> None:
        ticket.turn = threading.Lock()
        ticket.turn.acquire()
        self._gathered.append(ticket)

    def _answer(self, ticket: _Ticket[Item, Answer]) -> Answer | None:
        """What became of a ticket that has gathered with others."""
        assert ticket.turn is not None
        ticket.turn.acquire()
        if ticket.leads:
            self._commit_gathered(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def _commit_gathered(self, own: _Ticket[Item, Answer]) -> None:
        with self._lock:
            own.batch, self._gathered = self._gathered, []
        try:
            answers = self._commit([ticket.item for ticket in own.batch])
        except TaskTimeout:  # of the task that commits for all: the others have nothing to do with it
            raise
        except Exception as raised:
            for ticket in own.batch:
                ticket.error = raised
        else:
            for ticket, answer in zip(own.batch, answers, strict=True):
                ticket.answer = answer
        self._pass_on(own)

    def _withdraw(self, ticket: _Ticket[Item, Answer]) -> None:
        with self._lock:
            if ticket in self._gathered:
                self._gathered.remove(ticket)
        for other in ticket.batch:
            if other.answer is None and other.error is None:
                other.error = StorageUnavailable("the commit was interrupted; repeat the call")
        self._pass_on(ticket)

    def _pass_on(self, leader: _Ticket[Item, Answer]) -> None:
        """Let the next caller commit, if there is one, and then those go who have their answer. May be repeated."""
        with self._lock:
            if leader.leads:  # nothing between these lines can be interrupted
                leader.leads = self._busy = False
                if self._gathered:
                    leader.following = self._gathered[0]
                    leader.following.leads = self._busy = True
        if leader.following is not None:
            _let_go(leader.following)
        for ticket in leader.batch:
            _let_go(ticket)

    def forget(self) -> None:
        """In a child process: the threads that waited are not here."""
        self._lock = threading.Lock()
        self._gathered, self._busy = [], False


def _let_go(ticket: _Ticket[Any, Any]) -> None:
    if ticket.turn is not None and ticket.turn.locked():
        ticket.turn.release()
