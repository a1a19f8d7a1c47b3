"""Pick-up: how long a single job waits for an idle worker in another process, and what the worker's idleness costs.

From before the call that enqueues to the task's body, so the enqueueing is part of it.
"""

import statistics
import time
from collections.abc import Sequence

from benchmarks.contender import Bout, Contender, Setting
from benchmarks.processes import exact_cpu_seconds
from benchmarks.stage import Row, Stage

__all__ = ["measure", "percentile"]

WARM_UP = 10


def measure(contender: Contender, setting: Setting, stage: Stage) -> Row:
    """Idle first, then single jobs at gaps of 20 to 60 ms, then single jobs after silence."""
    with Bout(contender, setting, stage.place, stage.environment(contender)) as bout:
        bout.produce("prepare")
        bout.start_workers()
        bout.produce("paced", WARM_UP, 1)
        bout.wait(WARM_UP)
        idle = _idle(bout.pids(), stage.silence)
        server_idle = _idle(stage.server_pids(contender), stage.silence / 5)
        before = exact_cpu_seconds(bout.pids())
        waits = _waits(bout, ("paced", stage.singles, 2))
        busy = exact_cpu_seconds(bout.pids()) - before
        late = _waits(bout, ("quiet", stage.silences, stage.silence))
    return {
        "contender": contender.name,
        "setting": setting.name,
        "processes": setting.processes,
        "singles": len(waits),
        "p50_ms": percentile(waits, 50),
        "p95_ms": percentile(waits, 95),
        "p99_ms": percentile(waits, 99),
        "after_silence_ms": statistics.median(late) if late else None,
        "cpu_ms": busy * 1000 / stage.singles,
        "idle_cpu_percent": idle,
        "server_idle_cpu_percent": server_idle,
    }


def _idle(pids: Sequence[int], seconds: float) -> float:
    """Percent of one core that the processes use while nothing happens."""
    if not pids:
        return 0.0
    before = exact_cpu_seconds(pids)
    time.sleep(seconds)
    return max(0.0, (exact_cpu_seconds(pids) - before) / seconds * 100)  # a child that ended takes its time with it


def _waits(bout: Bout, how: tuple[str, int, float]) -> list[float]:
    """Milliseconds that each job waited; one that was lost is left out, and then fewer come back than were sent."""
    bout.proof.clear()
    sent = bout.produce(*how)
    bout.wait(len(sent))
    ran = bout.proof.moments()
    return [(ran[number] - moment) / 1e6 for number, moment in enumerate(sent) if number in ran]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent of them don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
