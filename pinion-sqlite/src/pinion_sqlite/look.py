"""What a waiting worker knows: whether something is claimable, and when it has to look again."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pinion_sqlite.queries import SQL

__all__ = ["Look"]

Version = tuple[sqlite3.Connection, int]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the queues of a wait, at one moment.

    version: of the data, for this reader; while it stays, so does all that a look tells.
    due: when a delayed job or a lease comes due next, in microseconds; None if nothing does.
    """

    queues: Sequence[str] | None
    version: "Version"
    claimable: bool
    due: int | None

    @classmethod
    def take(cls, reader: sqlite3.Connection, queues: Sequence[str] | None) -> "Look":
        """Look for the first time."""
        version = _version(reader)
        return cls(queues, version, _is_claimable(reader, queues), reader.execute(SQL["next_due"]).fetchone()[0])

    def again(self, reader: sqlite3.Connection) -> "Look":
        """Look once more, which costs next to nothing if nobody has committed meanwhile."""
        return self if _version(reader) == self.version else Look.take(reader, self.queues)


def _version(reader: sqlite3.Connection) -> "Version":
    return reader, int(reader.execute("PRAGMA data_version").fetchone()[0])  # another reader counts otherwise


def _is_claimable(reader: sqlite3.Connection, queues: Sequence[str] | None) -> bool:
    if queues is None:
        return reader.execute(SQL["claimable_anywhere"]).fetchone() is not None
    return any(reader.execute(SQL["claimable"], (queue,)).fetchone() for queue in queues)
