"""Stage: where the measurements take place, and how large they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.contender import Contender
from benchmarks.servers import Servers

__all__ = ["Row", "Stage"]

Row = dict[str, Any]
"""One measured thing, as it goes into the JSON."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where and how large.

    place: the folder for the bouts' files; its disk is the one that is measured.
    jobs: of one load test.
    deep: how many jobs wait, or are finished, where depth is measured; first what gates rest on.
    singles: how many jobs are enqueued alone to measure the pick-up.
    silence: seconds of nothing, in which idleness is measured, and before each of the `silences` jobs after it.
    repeats: how many pairs of looks there are at each depth.
    busy: seconds that one worker is busy with jobs that take a while.
    """

    place: Path
    servers: Servers
    jobs: int = 20_000
    deep: tuple[int, ...] = (1_000_000, 100_000)
    singles: int = 200
    silence: float = 10.0
    silences: int = 3
    repeats: int = 20
    busy: float = 4.0

    @classmethod
    def quick(cls, *, place: Path, servers: Servers) -> Self:
        """Small enough to see whether everything works; the figures mean little."""
        return cls(
            place=place,
            servers=servers,
            jobs=200,
            deep=(3000,),
            singles=10,
            silence=0.2,
            silences=1,
            repeats=1,
            busy=0.3,
        )

    def environment(self, contender: Contender) -> Mapping[str, str]:
        """The address of the contender's server, emptied of what an earlier bout left in it."""
        return self.servers.environment(contender.server)

    def server_pids(self, contender: Contender) -> list[int]:
        pid = self.servers.pid(contender.server)
        return [] if pid is None else [pid]
