"""Settlements as updates, one statement per kind of outcome."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pinion.codec import Codec
from pinion.storage import SECOND, Cancelled, Done, Failed, Outcome, Released, Retry, Settled, Settlement, Snoozed
from pinion_sqlite.queries import SQL
from pinion_sqlite.rows import error_text

__all__ = ["Updates", "apply", "prepare"]

Parameters = tuple[Any, ...] | dict[str, Any]
Updates = dict[str, list[Parameters]]
"""Parameters by statement."""

FAR = 253_402_300_799 * SECOND
"""The last second of the year 9999, in microseconds: no delay reaches beyond what a datetime can tell."""

CODES: dict[type, int] = {Done: 1, Failed: 2, Retry: 3, Snoozed: 4, Released: 5, Cancelled: 6}


def prepare(settle: Sequence[Settlement], codec: Codec, now: int) -> Updates:
    """What can go wrong goes wrong here, before the transaction: raises Unserializable or PayloadTooLarge."""
    updates: Updates = {}
    for (job_id, token), outcome, _ in settle:
        if type(outcome) is Done:
            result = None if outcome.result is None else codec.encode(outcome.result)
            updates.setdefault("done", []).append((now, result, job_id, token))
        else:
            name, parameters = _other(outcome, now, job_id, token)
            updates.setdefault(name, []).append(parameters)
    return updates


def _other(outcome: Outcome, now: int, job_id: str, token: str) -> tuple[str, Parameters]:
    match outcome:
        case Failed(error):
            return "failed", (now, error_text(error), job_id, token)
        case Retry(delay, error):
            again = {"run_at": _after(now, delay), "now": now, "id": job_id, "token": token}
            return "retry", {**again, "error": error_text(error)}
        case Snoozed(delay):
            return "snoozed", {"run_at": _after(now, delay), "now": now, "id": job_id, "token": token}
        case Released():
            return "released", (job_id, token)
        case Cancelled():
            return "cancelled", (now, job_id, token)
        case _:
            raise TypeError(f"a settlement needs an outcome such as Done() or Retry(delay, error), got {outcome!r}")


def _after(now: int, delay: float) -> int:
    return min(now + int(min(delay * SECOND, FAR)), FAR)


def apply(connection: sqlite3.Connection, settle: Sequence[Settlement], updates: Updates) -> list[Settled]:
    """Run the updates; what each settlement came to, in order."""
    changed = 0
    for name, parameters in updates.items():
        changed += connection.executemany(SQL[name], parameters).rowcount
    if changed == len(settle):
        return [Settled.SETTLED] * changed
    return [_verdict(connection, settlement) for settlement in settle]


def _verdict(connection: sqlite3.Connection, settlement: Settlement) -> Settled:
    """Whether the claim was settled with this outcome, just now or before."""
    row = connection.execute(SQL["settled_as"], settlement.claim).fetchone()
    return Settled.SETTLED if row is not None and row[0] == CODES[type(settlement.outcome)] else Settled.LOST
