"""What goes to and fro between a worker and a storage: claims, settlements, inserts, and the answers to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pinion.job import Job
from pinion.outcome import Outcome

__all__ = [
    "LEASE",
    "Claim",
    "ClaimRequest",
    "Exchange",
    "Inserted",
    "KeyHeld",
    "Settled",
    "Settlement",
    "Signal",
]

LEASE = 30.0
"""Seconds that a claim made by `dequeue` lasts, unless a storage says otherwise."""


class Claim(NamedTuple):
    """Proof of holding a job: the token was made for this claim and no other."""

    id: str
    token: str


class ClaimRequest(NamedTuple):
    """What a worker wants.

    worker: its name, to be shown; it proves nothing.
    limit: at most so many jobs.
    lease: seconds until the claim may be taken over, unless it is extended.
    queues: the queues to take from; None means all of them.
    """

    worker: str
    limit: int = 1
    lease: float = LEASE
    queues: tuple[str, ...] | None = None


class Settlement(NamedTuple):
    """How a claim ends. `then` is inserted in the same transaction, if and only if the settlement counts."""

    claim: Claim
    outcome: Outcome
    then: Sequence[Job] = ()


class Settled(Enum):
    """What became of a settlement."""

    SETTLED = "settled"
    """It counts, or it had counted already: the same token and outcome were given before."""
    LOST = "lost"
    """The job is no longer RUNNING under that token. Nothing was changed."""


class Exchange(NamedTuple):
    """The answer to `exchange`: one entry per settlement, in order, and the jobs now claimed."""

    settled: list[Settled]
    jobs: list[Job]


class Inserted(Enum):
    """What became of an insert."""

    NEW = "new"
    """The job is stored."""
    AGAIN = "again"
    """The job was there, and is PENDING again: its holder gave it back, or it had FAILED with as many attempts."""
    SAME_ID = "same id"
    """A job of that id is stored, and stays as it is."""


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """The job was not stored: an unfinished job, `holder`, has its unique key."""

    holder: str


class Signal(Enum):
    """What the holder of a claim learns when it extends it."""

    HELD = "held"
    """The lease was extended; it now ends `lease` seconds from the storage's present."""
    CANCEL = "cancel"
    """Extended, but somebody asked that the task stop."""
    LOST = "lost"
    """The claim is no longer held: stop, and expect no settlement to count."""
