"""What a waiting worker knows: whether something is claimable, and when it has to look again."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pinion_sqlite.queries import SQL

__all__ = ["Look", "Version", "data_version"]

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
    def take(cls, reader: sqlite3.Connection, queues: Sequence[str] | None, now: int) -> "Look":
        """Look for the first time."""
        version = data_version(reader)
        due = reader.execute(SQL["next_due"], {"now": now}).fetchone()[0]
        return cls(queues, version, _is_claimable(reader, queues), due)

    def again(self, reader: sqlite3.Connection, now: int) -> "Look":
        """Look once more, which costs next to nothing if nobody has committed meanwhile."""
        return self if data_version(reader) == self.version else Look.take(reader, self.queues, now)


def data_version(reader: sqlite3.Connection) -> "Version":
    """Differs from the last one, if it is that of the same reader, once somebody has committed."""
    return reader, int(reader.execute("PRAGMA data_version").fetchone()[0])  # another reader counts otherwise


def _is_claimable(reader: sqlite3.Connection, queues: Sequence[str] | None) -> bool:
    if queues is None:
        return reader.execute(SQL["next_open_queue"], {"after": ""}).fetchone() is not None
    return any(reader.execute(SQL["claimable"], {"queue": queue}).fetchone() for queue in queues)
