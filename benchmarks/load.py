"""The load test everybody quotes: enqueue no-op jobs, then start the workers; from the first task body to the last."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.contender import Bout, Contender, Setting
from benchmarks.processes import cpu_seconds, peak_rss

__all__ = ["Load", "measure"]


@dataclass(frozen=True, slots=True)
class Load:
    """One run of the load test.

    enqueued_per_second: one by one.
    start_seconds: from starting the workers to the first task body.
    cpu_seconds: processor time per 1,000 jobs, from the first task body to the last: of the workers, of the server.
    peak_rss_mb: of all worker processes together; shared pages count for each.
    """

    contender: str
    setting: str
    processes: int
    jobs: int
    milliseconds: float
    enqueued_per_second: float
    processed_per_second: float
    start_seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    peak_rss_mb: float
    lost: int
    repeated: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    contender: Contender,
    setting: Setting,
    jobs: int,
    place: Path,
    environment: Mapping[str, str],
    *,
    milliseconds: float = 0.0,
    server_pid: int | None = None,
) -> Load:
    """Enqueue one by one, start the workers, wait for the last body, stop."""
    jobs = min(jobs, setting.jobs)
    servers = [] if server_pid is None else [server_pid]
    with Bout(contender, setting, place, environment) as bout:
        bout.produce("prepare")
        enqueued = 0.0 if contender.inside else bout.produce("one", jobs, milliseconds)
        started = time.monotonic_ns()
        bout.start_workers(*((jobs, milliseconds) if contender.inside else ()))
        bout.proof.wait(1)
        before = cpu_seconds(bout.pids()), cpu_seconds(servers)
        bout.proof.wait(jobs)
        after = cpu_seconds(bout.pids()), cpu_seconds(servers)
        memory = peak_rss(bout.pids())
        time.sleep(0.2)  # whoever runs a job twice has the time to do it
        bout.stop()
        verdict = bout.proof.verdict(jobs)
        first = min(bout.proof.moments().values(), default=started)
        if contender.inside:
            enqueued = json.loads(bout.log.read_text().splitlines()[0])
    return Load(
        contender.name,
        setting.name,
        setting.processes,
        jobs,
        milliseconds,
        enqueued,
        verdict.per_second,
        (first - started) / 1e9,
        (after[0] - before[0]) * 1000 / jobs,
        (after[1] - before[1]) * 1000 / jobs,
        memory,
        verdict.lost,
        verdict.repeated,
    )
