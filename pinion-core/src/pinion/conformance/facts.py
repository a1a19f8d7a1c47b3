"""Facts: what a look at a storage tells, before anything is asked of it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinion.conformance.broken import Broken, WrongUse
from pinion.conformance.cause import place_of
from pinion.conformance.errand import Errand
from pinion.conformance.target import PLACE, Address, Target
from pinion.errors import InvalidURL, StorageError, StorageUnavailable
from pinion.identity import new_id
from pinion.storage import ClaimStorage, Inspects
from pinion.testing import ManualClock

__all__ = ["METHODS", "Facts", "examine"]

METHODS = ("enqueue", "dequeue", "mark_done", "mark_failed", "size")

UNREACHABLE = (StorageUnavailable, ConnectionError, TimeoutError)
"""What opening a storage raises when it is there but can't be reached; a five-method storage knows no better."""


PATIENCE = 5.0
"""Seconds that opening a storage may take."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the storage at a target.

    kind: the name of its class.
    claims: whether it is a ClaimStorage.
    promises: what it promises, by name.
    clock, codec: whether it takes one.
    reopens: whether what one object stored can be opened by another.
    waiting: how many jobs were there when it was opened; -1 if it can't tell.
    fault: why it can't be judged at all, or "".
    unreachable: that this is because it can't be reached just now.
    """

    kind: str = ""
    claims: bool = False
    promises: tuple[str, ...] = ()
    clock: bool = False
    codec: bool = False
    reopens: bool = False
    waiting: int = 0
    fault: str = ""
    unreachable: bool = False

    def makes(self, promise: str) -> bool:
        """Whether the promise is made."""
        return promise in self.promises


def examine(target: Target) -> Facts:
    """The facts of a storage at that target, also if opening it hangs."""
    with tempfile.TemporaryDirectory(prefix="pinion-conformance-", ignore_cleanup_errors=True) as folder:
        try:
            facts: Facts = Errand(_look_at, target, target.fresh(Path(folder), f"kit{new_id()}")).result(PATIENCE)
        except Broken:
            return Facts(fault=f"opening it was not over after {PATIENCE:g} s")
        return facts


def _look_at(target: Target, address: Address) -> Facts:
    """Open the storage, see what it is, and close it. Nothing in it is changed."""
    clock = ManualClock()
    try:
        storage = address.open(clock=clock, create=not target.names_one_place)
    except InvalidURL as raised:
        raise WrongUse(str(raised)) from raised
    except UNREACHABLE as raised:
        return Facts(fault=f"it can't be reached: {raised}", unreachable=True)
    except StorageError as raised:
        return _where_it_should_be(target, raised)
    except Exception as raised:
        return Facts(fault=f"opening it raised {type(raised).__name__}: {raised}{place_of(raised)}")
    try:
        return _facts(target, storage, getattr(storage, "clock", None) is clock)
    finally:
        if isinstance(storage, ClaimStorage):
            storage.close()


def _where_it_should_be(target: Target, raised: StorageError) -> Facts:
    """What it tells that a storage can't be opened: of the storage only if the place is the kit's own."""
    if target.names_one_place:
        raise WrongUse(f"{target.text} can't be opened: {raised}; {PLACE}") from raised
    if target.gives_the_place:
        return Facts(fault=f"opening it raised {type(raised).__name__}: {raised}")
    return Facts(fault=f"it can't be opened where it should be: {raised}", unreachable=True)


def _facts(target: Target, storage: Any, clock: bool) -> Facts:
    if storage is None:
        return Facts(kind="None", fault=f"{target.text} returned None: does it lack a return?")
    missing = [name for name in METHODS if not callable(getattr(storage, name, None))]
    if missing:
        return Facts(
            kind=type(storage).__name__,
            fault=f"{type(storage).__name__} has no method {', '.join(missing)}; a storage has {', '.join(METHODS)}",
        )
    claims = isinstance(storage, ClaimStorage)
    promises = tuple(sorted(str(promise) for promise in getattr(storage, "promises", ())))
    if promises and not claims:
        return Facts(
            kind=type(storage).__name__,
            fault=f"{type(storage).__name__} has five methods and promises {', '.join(promises)}, "
            "which only a ClaimStorage can: inherit pinion.ClaimStorage, or take `promises` away",
        )
    return Facts(
        kind=type(storage).__name__,
        claims=claims,
        promises=promises,
        clock=clock,
        codec=target.takes("codec", storage),
        reopens=target.reopens,
        waiting=_waiting(storage),
    )


def _waiting(storage: Any) -> int:
    """How many jobs it holds, in whatever status."""
    try:
        held = int(storage.size())
        if isinstance(storage, Inspects):
            held = max(held, sum(sum(by_status.values()) for by_status in storage.counts().values()))
    except Exception:
        return -1  # the cases about size and counts will say what is wrong
    return held
