"""The load test everybody quotes: enqueue no-op jobs, then start the workers; from the first task body to the last.

The same with jobs that take a while. `enqueued` is one by one; the processor times are per 1,000 jobs.
"""

import json
import time

from benchmarks.contender import Bout, Contender, Setting
from benchmarks.processes import cpu_seconds, peak_rss
from benchmarks.stage import Row, Stage

__all__ = ["measure"]

LINGER = 0.2
"""Seconds in which whoever runs a job twice has the time to do it."""


def measure(
    contender: Contender,
    setting: Setting,
    stage: Stage,
    *,
    jobs: int | None = None,
    milliseconds: float = 0.0,
    how: str = "one",
) -> Row:
    """Enqueue (how: "one" by one, or "many" at once), start the workers, wait for the last body, stop."""
    jobs = min(jobs or stage.jobs, setting.jobs)
    servers = stage.server_pids(contender)
    with Bout(contender, setting, stage.place, stage.environment(contender)) as bout:
        enqueued = 0.0 if contender.inside else _enqueued(bout, how, jobs, milliseconds)
        started = time.monotonic_ns()
        bout.start_workers(*((jobs, milliseconds) if contender.inside else ()))
        bout.wait(1, 120.0)
        before = cpu_seconds(bout.pids()), cpu_seconds(servers)
        bout.wait(jobs)
        after = cpu_seconds(bout.pids()), cpu_seconds(servers)
        memory = peak_rss(bout.pids())
        time.sleep(LINGER)
        bout.stop()
        verdict = bout.proof.verdict(jobs)
        first = min(bout.proof.moments().values(), default=started)
        if contender.inside:
            enqueued = json.loads(bout.log.read_text().splitlines()[0])
    return {
        "contender": contender.name,
        "setting": setting.name,
        "processes": setting.processes,
        "task_layer": contender.task_layer,
        "inside": contender.inside,
        "jobs": jobs,
        "milliseconds": milliseconds,
        "enqueued_per_second": enqueued,
        "processed_per_second": verdict.per_second,
        "seconds_to_first": (first - started) / 1e9,
        "cpu_seconds": (after[0] - before[0]) * 1000 / jobs,
        "server_cpu_seconds": (after[1] - before[1]) * 1000 / jobs,
        "peak_rss_mb": memory,
        "lost": verdict.lost,
        "repeated": verdict.repeated,
    }


def _enqueued(bout: Bout, how: str, jobs: int, milliseconds: float) -> float:
    bout.produce("prepare")
    rate: float = bout.produce(how, jobs, milliseconds)
    return rate
