"""Settlements as updates, one statement per kind of outcome.

An attempt after which the job goes on is put down in pinion_attempts; of one that ended it, its row tells.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from pinion.codec import Codec
from pinion.storage import Cancelled, Done, Failed, Outcome, Released, Retry, Settled, Settlement, Snoozed
from pinion_sqlite.queries import SQL
from pinion_sqlite.rows import after, error_text

__all__ = ["Updates", "apply", "prepare"]

Parameters = tuple[Any, ...] | dict[str, Any]
Updates = dict[str, list[Parameters]]
"""Parameters by statement."""

CODES: dict[type, int] = {Done: 1, Failed: 2, Retry: 3, Snoozed: 4, Released: 5, Cancelled: 6}

GIVES_BACK = frozenset({"retry", "snoozed", "released"})
"""The statements after which the job goes on, unless it was asked to stop."""


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
        case Retry() | Snoozed() | Released():
            return _giving_back(outcome, {"id": job_id, "token": token, "now": now, "error": None})
        case Cancelled():
            return "cancelled", (now, job_id, token)
        case _:
            raise TypeError(f"a settlement needs an outcome such as Done() or Retry(delay, error), got {outcome!r}")


def _giving_back(outcome: Retry | Snoozed | Released, parameters: dict[str, Any]) -> tuple[str, Parameters]:
    parameters["outcome"] = CODES[type(outcome)]
    match outcome:
        case Retry(delay, error):
            return "retry", {**parameters, "error": error_text(error), "run_at": after(parameters["now"], delay)}
        case Snoozed(delay):
            return "snoozed", {**parameters, "run_at": after(parameters["now"], delay)}
        case Released():
            return "released", parameters


def apply(connection: sqlite3.Connection, settle: Sequence[Settlement], updates: Updates) -> list[Settled]:
    """Run the updates; what each settlement came to, in order."""
    changed = 0
    for name, parameters in updates.items():
        if name in GIVES_BACK:
            changed += sum(_give_back(connection, name, one) for one in parameters)
        else:
            changed += connection.executemany(SQL[name], parameters).rowcount
    if changed == len(settle):
        return [Settled.SETTLED] * changed
    return [_verdict(connection, settlement) for settlement in settle]


def _give_back(connection: sqlite3.Connection, name: str, parameters: Parameters) -> int:
    """How many jobs this changed: one, or none."""
    if stopped := connection.execute(SQL["stopped"], parameters).rowcount:
        return stopped
    connection.execute(SQL["record"], parameters)
    return connection.execute(SQL[name], parameters).rowcount


def _verdict(connection: sqlite3.Connection, settlement: Settlement) -> Settled:
    """Whether the claim was settled with this outcome, just now or before."""
    row = connection.execute(SQL["settled_as"], settlement.claim).fetchone()
    return Settled.SETTLED if row is not None and row[0] == CODES[type(settlement.outcome)] else Settled.LOST
