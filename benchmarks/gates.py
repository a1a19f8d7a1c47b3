"""The gates: what must hold, what is aimed at, and what was measured. Pure.

A ratio is made within each round, whose measurements are neighbours in time, and its median over the rounds is judged.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Gate", "Judged", "judge"]

Rows = Sequence[Mapping[str, Any]]
Round = Mapping[str, Rows]
"""The rows of one round, by part."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that is promised of the speed.

    of: the ratio or figure in one round. Raises LookupError where the round lacks what it needs.
    gate, aim: what it must reach, and what is hoped for; with `most`, what it must not exceed. None: nothing.
    """

    what: str
    of: Callable[[Round], float]
    gate: float | None
    aim: float | None = None
    unit: str = "times"
    most: bool = False

    def holds(self, measured: float, bound: float | None) -> bool | None:
        if bound is None:
            return None
        return measured <= bound if self.most else measured >= bound


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate and what was measured: the median and the extremes over so many rounds."""

    what: str
    unit: str
    most: bool
    gate: float | None
    aim: float | None
    measured: float
    least: float
    greatest: float
    rounds: int
    passed: bool | None
    aimed: bool | None


def judge(rounds: Iterable[Round]) -> list[Judged]:
    """Every gate that the rounds hold something about."""
    there = list(rounds)
    return [judged for gate in GATES if (judged := _judged(gate, there))]


def _judged(gate: Gate, rounds: Sequence[Round]) -> Judged | None:
    values = [value for each in rounds if (value := _value(gate, each)) is not None]
    if not values:
        return None
    measured = statistics.median(values)
    return Judged(
        what=gate.what,
        unit=gate.unit,
        most=gate.most,
        gate=gate.gate,
        aim=gate.aim,
        measured=measured,
        least=min(values),
        greatest=max(values),
        rounds=len(values),
        passed=gate.holds(measured, gate.gate),
        aimed=gate.holds(measured, gate.aim),
    )


def _value(gate: Gate, rows: Round) -> float | None:
    try:
        return gate.of(rows)
    except LookupError:
        return None


# --- what the rows say ----------------------------------------------------------------------------


def _row(rows: Round, part: str, **wanted: object) -> Mapping[str, Any]:
    for row in rows[part]:
        if all(row[name] == value for name, value in wanted.items()):
            return row
    raise LookupError(f"no row of {part!r} has {wanted}")


def _drained(rows: Round, contender: str, setting: str = "default") -> float:
    row = _row(rows, "load", contender=contender, setting=setting)
    return float(row["processed_per_second"])


def _limit(rows: Round, name: str) -> float:
    return float(rows["limit"][0][name])


def _enqueued(rows: Round, how: str) -> float:
    return float(_row(rows, "enqueue", how=how)["enqueued_per_second"])


def _of_duration(rows: Round, milliseconds: float) -> float:
    """Two worker processes against one."""
    one, two = (
        _row(rows, "durations", milliseconds=milliseconds, setting=setting)["processed_per_second"]
        for setting in ("default", "best")
    )
    return float(two / one)


def _of_async(rows: Round) -> float:
    """A thousand alone or a stream of them, whichever is worse."""
    return max(float(row["seconds"] / row["asyncio_seconds"]) for row in rows["async"])


def _against_best(rows: Round, processes: int) -> float:
    """Pinion against the fastest peer that runs tasks, on any server, with as many worker processes."""
    rivals = [
        row["processed_per_second"]
        for row in rows["load"]
        if row["processes"] == processes and row["task_layer"] and not row["inside"] and not _is_ours(row)
    ]
    if not rivals:
        raise LookupError(f"no peer was measured with {processes} worker processes")
    return _drained(rows, "pinion-sqlite", "default" if processes == 1 else "best") / float(max(rivals))


def _is_ours(row: Mapping[str, Any]) -> bool:
    return str(row["contender"]).startswith("pinion")


def _pickup(name: str) -> Callable[[Round], float]:
    return lambda rows: float(_row(rows, "pickup", contender="pinion-sqlite", setting="default")[name])


def _depth(name: str) -> Callable[[Round], float]:
    return lambda rows: float(rows["depth"][0][name])


def _memory_growth(rows: Round) -> float:
    """The worker's memory after the last tenth of the jobs against that after the first."""
    memory = rows["depth"][0]["rss_mb"]
    return float(memory[-1] / memory[0])


def _lost(rows: Round) -> float:
    return float(sum(row["lost"] + row["repeated"] for row in rows["load"] if _is_ours(row)))


GATES = (
    Gate(
        "no-op jobs on SQLite, one worker process, against huey at its default",
        lambda rows: _drained(rows, "pinion-sqlite") / _drained(rows, "huey-sqlite"),
        5.0,
    ),
    Gate(
        "… against huey without fsync, with its log off",
        lambda rows: _drained(rows, "pinion-sqlite") / _drained(rows, "huey-sqlite-nofsync", "one"),
        1.5,
    ),
    Gate(
        "… against the raw limit in batches of 100",
        lambda rows: _drained(rows, "pinion-sqlite") / _limit(rows, "claim_complete_100"),
        0.1,
        0.2,
    ),
    Gate("… against the fastest peer with tasks and one worker process", lambda rows: _against_best(rows, 1), 1.0),
    Gate("… with two worker processes, against the fastest such peer", lambda rows: _against_best(rows, 2), 1.0),
    Gate(
        "… against honker's bare queue in batches",
        lambda rows: _drained(rows, "pinion-sqlite") / _drained(rows, "honker-queue"),
        None,
        1.0,
    ),
    Gate("two worker processes against one, jobs of 0 ms", lambda rows: _of_duration(rows, 0.0), 0.9),
    Gate("two worker processes against one, jobs of 10 ms", lambda rows: _of_duration(rows, 10.0), 1.9),
    Gate("async tasks of 100 ms, a thousand at once, against asyncio alone", _of_async, 1.2, most=True),
    Gate(
        "enqueue one by one, synced, against a bare INSERT",
        lambda rows: _enqueued(rows, "one by one, synced") / _limit(rows, "insert_synced"),
        0.6,
        0.8,
    ),
    Gate(
        "enqueue one by one, not synced, against a bare INSERT",
        lambda rows: _enqueued(rows, "one by one, not synced") / _limit(rows, "insert_unsynced"),
        0.3,
        0.5,
    ),
    Gate(
        "enqueue in bulk, against bare executemany",
        lambda rows: _enqueued(rows, "in bulk, synced") / _limit(rows, "insert_many"),
        0.2,
        0.4,
    ),
    Gate(
        "16 threads enqueueing, synced, against one",
        lambda rows: _enqueued(rows, "16 threads, synced") / _enqueued(rows, "1 thread, synced"),
        3.0,
        8.0,
    ),
    Gate("pick-up by an idle worker in another process, p50", _pickup("p50_ms"), 1.5, 0.5, "ms", most=True),
    Gate("pick-up, p95", _pickup("p95_ms"), 3.0, 1.5, "ms", most=True),
    Gate("idle worker's processor time", _pickup("idle_cpu_percent"), 0.5, 0.1, "% of a core", most=True),
    Gate(
        "memory storage against huey's",
        lambda rows: _drained(rows, "pinion-memory") / _drained(rows, "huey-memory"),
        1.0,
        1.5,
    ),
    Gate("1,000,000 waiting against 1,000", _depth("waiting_ratio"), 0.9),
    Gate("1,000,000 finished against 1,000", _depth("finished_ratio"), 0.9),
    Gate(
        "worker's peak memory over 1,000,000 jobs",
        _depth("peak_rss_mb"),
        45.0,
        35.0,
        "MB",
        most=True,
    ),
    Gate("… after the last tenth of them against after the first", _memory_growth, 1.05, most=True),
    Gate("jobs lost or repeated in all load tests", _lost, 0.0, unit="jobs", most=True),
)
