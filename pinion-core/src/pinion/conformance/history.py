"""History: what several workers did to one storage, and whether any order of it is legal. Pure.

Every operation is recorded with the times between which it took effect. A lease queue is almost a product of its
jobs, so that exclusion, fencing and loss are looked at job by job; only the order of first deliveries is a matter of
all of them. Each check fires only where no legal order exists (after Henzinger, Sezgin and Vafeiadis, "Aspect-oriented
linearizability proofs", CONCUR 2013, and Jepsen's queue checkers). A claim that a worker made as it died is not in the
history, since only the answer says of which job it was; the attempts of the next one tell that there was one.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

__all__ = ["Operation", "wrongs"]

SLACK = 0.02
"""Seconds by which the storage's clock and the recorder's may differ over a lease."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call, as far as it concerns one job.

    kind: insert, claim, final (it ended the job), back (it gave the job back) or extend.
    ok: what the storage answered; None if it never did, because the caller died: then it took effect, or it didn't.
    call, end: between these moments it took effect; `end` is infinite if there was no answer.
    lease: seconds, of a claim or an extension. attempts: as the claimed job had them.
    """

    kind: str
    job: str
    call: float
    end: float = inf
    ok: bool | None = True
    token: str = ""
    lease: float = 0.0
    attempts: int = 0

    def written(self) -> dict[str, Any]:
        """As JSON, which knows no infinity."""
        return {**asdict(self), "end": None if self.end == inf else self.end}

    @classmethod
    def read(cls, written: dict[str, Any]) -> "Operation":
        """The operation that `written` wrote."""
        return cls(**{**written, "end": inf if written["end"] is None else written["end"]})


def wrongs(history: Sequence[Operation]) -> Iterator[str]:
    """What is wrong with the history, in sentences. At its end, the queue was emptied, after all leases."""
    by_job: dict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        by_job[operation.job].append(operation)
    for name, operations in by_job.items():
        for wrong in _Story(operations).wrongs():
            yield f"{wrong} (job {name}: {_told(operations)})"
    yield from _overtaken(by_job)


class _Story:
    """What happened to one job."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.inserts = _of(operations, "insert")
        self.claims = sorted(_of(operations, "claim"), key=lambda claim: claim.call)
        self.finals = _of(operations, "final")
        self.backs = _of(operations, "back")
        self.extensions = _of(operations, "extend")

    def wrongs(self) -> Iterator[str]:
        yield from self._phantoms()
        yield from self._overlaps()
        yield from self._stale()
        yield from self._refused()
        yield from self._after_the_end()
        yield from self._miscounted()
        yield from self._lost()

    def _phantoms(self) -> Iterator[str]:
        began = min((insert.call for insert in self.inserts), default=inf)
        if any(claim.end < began for claim in self.claims):
            yield "it was claimed before it was inserted"

    def _overlaps(self) -> Iterator[str]:
        """Two claims, the second of which was answered while the first was certainly held; attempts tell their order."""
        for first in self.claims:
            for second in self.claims:
                if first.attempts < second.attempts and second.end < self._held_until(first) - SLACK:
                    yield "it was claimed by two workers at once, while the first one's lease lasted"

    def _held_until(self, claim: Operation) -> float:
        """The claim can't have ended before, whatever happened."""
        ends = [
            claim.call + claim.lease,
            *(each.call + each.lease for each in self.extensions if each.token == claim.token and each.ok),
        ]
        given_up = [
            each.call for each in (*self.backs, *self.finals) if each.token == claim.token and each.ok is not False
        ]
        return min(max(ends), *given_up) if given_up else max(ends)

    def _stale(self) -> Iterator[str]:
        """A settlement or an extension that counted, although a later claim had been answered before."""
        for each in (*self.finals, *self.backs, *self.extensions):
            mine = self._claim_of(each)
            if each.ok and mine and any(mine.end < later.call and later.end < each.call for later in self.claims):
                yield f"a worker that had lost it to a later claim was allowed to {_VERBS[each.kind]} it"

    def _refused(self) -> Iterator[str]:
        """A settlement that was refused, although nobody else can have claimed the job."""
        for each in (*self.finals, *self.backs):
            mine = self._claim_of(each)
            if each.ok is False and mine and not self._may_have_changed(mine, each):
                yield "its holder was told that the claim is lost, although nobody had claimed the job again"

    def _may_have_changed(self, mine: Operation, refused: Operation) -> bool:
        others = (claim for claim in self.claims if claim.token != mine.token)
        ends = (each for each in (*self.finals, *self.backs) if each is not refused and each.token == mine.token)
        known = any(each.end > mine.call and each.call < refused.end for each in (*others, *ends))
        return known or self._has_unseen_after(mine)

    def _has_unseen_after(self, mine: Operation) -> bool:
        """Whether somebody who died claimed it next."""
        later = [claim.attempts for claim in self.claims if claim.attempts > mine.attempts]
        return bool(later) and min(later) > mine.attempts + 1

    def _claim_of(self, operation: Operation) -> Operation | None:
        return next((claim for claim in self.claims if claim.token == operation.token), None)

    def _after_the_end(self) -> Iterator[str]:
        counted = [final for final in self.finals if final.ok]
        if len({final.token for final in counted}) > 1:
            yield "it was ended under two different claims, and both counted"
        for final in counted:
            if any(claim.call > final.end for claim in self.claims):
                yield "it was claimed after it had ended"

    def _miscounted(self) -> Iterator[str]:
        attempts = [claim.attempts for claim in self.claims]
        if len(set(attempts)) != len(attempts):
            yield f"its claims counted the attempts {attempts}: each claim must add one"
        for first in self.claims:
            if any(first.end < later.call and later.attempts <= first.attempts for later in self.claims):
                yield f"a later claim didn't count more attempts than an earlier one: {attempts}"
                return

    def _lost(self) -> Iterator[str]:
        accepted = any(insert.ok for insert in self.inserts)
        if accepted and not any(final.ok is not False for final in self.finals):
            yield "it was accepted, and was never there again when the queue was emptied: it is lost"


_VERBS = {"final": "settle", "back": "give back", "extend": "extend"}


def _of(operations: Sequence[Operation], kind: str) -> list[Operation]:
    return [operation for operation in operations if operation.kind == kind]


def _told(operations: Sequence[Operation]) -> str:
    """What happened to a job, in milliseconds since it began."""
    ordered = sorted(operations, key=lambda operation: operation.call)
    began = ordered[0].call
    return "; ".join(
        f"{1000 * (each.call - began):.0f} to {1000 * (each.end - began):.0f} ms {_VERBS.get(each.kind, each.kind)}"
        f"{f' with the claim {each.token[:4]}' if each.token else ''} {_ANSWERS[each.ok]}"
        for each in ordered
    )


_ANSWERS = {True: "done", False: "refused", None: "not answered"}


def _overtaken(by_job: dict[str, list[Operation]]) -> Iterator[str]:
    """A job whose first delivery was over before that of one which had been inserted earlier began."""
    stories = [
        (inserts[0], min(claims, key=lambda claim: claim.call, default=None))
        for operations in by_job.values()
        if (inserts := _of(operations, "insert"))
        for claims in [_of(operations, "claim")]
    ]
    earlier = sorted(
        (insert.end, first.call if first else inf, insert.job)
        for insert, first in stories
        if insert.ok and (first is None or first.attempts == 1)  # or else its first delivery is not in the history
    )
    place, latest = 0, (-inf, "")
    for insert, first in sorted(stories, key=lambda story: story[0].call):
        while place < len(earlier) and earlier[place][0] < insert.call:
            latest = max(latest, earlier[place][1:])
            place += 1
        if first and first.end < latest[0]:
            yield f"job {insert.job} was claimed before job {latest[1]}, which had been inserted earlier"
