"""The proof that a job ran: its body appends 16 bytes to a file in memory, its number and the moment.

Every contender's task calls `ran`. What is lost or repeated, and how fast it went, is read from the file, so no
figure rests on what a queue says about itself.
"""

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["PROOF", "Proof", "Verdict", "ran"]

PROOF = "PINION_BENCH_PROOF"
"""The environment variable that tells a worker's tasks which file to append to."""

RECORD = struct.Struct("<qq")


def ran(number: int, milliseconds: float = 0) -> None:
    """The body of every task: take so long, then note that job `number` ran."""
    if milliseconds:
        time.sleep(milliseconds / 1000)
    os.write(_file(), RECORD.pack(number, time.monotonic_ns()))


@cache
def _file() -> int:
    return os.open(os.environ[PROOF], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the jobs 0 to `expected` - 1.

    per_second: (jobs - 1) / seconds from the first task body to the last.
    """

    expected: int
    lost: int
    repeated: int
    per_second: float


class Proof:
    """The file, seen by the one who measures."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def count(self) -> int:
        """How many task bodies have run so far."""
        return self.path.stat().st_size // RECORD.size

    def records(self) -> Iterator[tuple[int, int]]:
        """Number and moment (nanoseconds, monotonic, the same for all processes) of each, in order."""
        return RECORD.iter_unpack(self.path.read_bytes())

    def clear(self) -> None:
        """Forget what ran; whoever has the file open goes on at its beginning."""
        os.truncate(self.path, 0)

    def wait(self, count: int, silence: float) -> bool:
        """Until so many bodies have run; False if none ran for `silence` seconds."""
        seen, deadline = -1, 0.0
        while (now := self.count()) < count:
            if now > seen:
                seen, deadline = now, time.monotonic() + silence
            elif time.monotonic() > deadline:
                return False
            time.sleep(0.002 if count - now < 1000 else 0.01)
        return True

    def moments(self) -> dict[int, int]:
        """The moment of each job's first run, by its number."""
        first: dict[int, int] = {}
        for number, moment in self.records():
            first.setdefault(number, moment)
        return first

    def verdict(self, expected: int) -> Verdict:
        """Call it when the workers have stopped."""
        runs = self.count()
        moments = self.moments()
        span = (max(moments.values()) - min(moments.values())) / 1e9 if len(moments) > 1 else 0.0
        rate = (len(moments) - 1) / span if span else 0.0
        return Verdict(expected, expected - len(moments), runs - len(moments), rate)
