"""Workers die at random while every kind of job runs: what is left equals what an undisturbed run leaves.

`tox -e chaos` runs it for longer. Attempts and lost leases differ, and nothing else may.
"""

import os
import random
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pinion import Job, Queue, Status
from pinion.clock import utc_now
from pinion.storage import Change, Controls, Filter, Inserted, Query
from processes import WorkerProcess, until

TASKS = """
import time
from pinion import RetryPolicy, current_job, task

QUICK = RetryPolicy(max_retries=2, base_delay=0.05, cap=0.1)

@task()
def plain(number):
    time.sleep(0.01)
    return number * number

@task(retry=QUICK)
def fails_twice(number):
    if current_job().job.failures < 2:
        raise ConnectionError("not yet")
    return number

@task(retry=QUICK)
def fails(number):
    raise ValueError(f"no {number}")

@task()
def long(number):
    for _ in range(3000):
        time.sleep(0.01)

@task(every=0.5, missed="all")
def tick():
    pass
"""

LENGTHS = {"short": (60, 4), "long": (600, 40)}
KINDS = ("plain", "delayed", "unique", "fails_twice", "fails", "cancelled_waiting")
LONG = 3


class Run:
    """One run of the workload in a folder of its own, by two workers, of which `kills` die."""

    def __init__(self, folder: Path, each: int, kills: int, chance: random.Random) -> None:
        folder.mkdir()
        (folder / "chaos_tasks.py").write_text(TASKS)
        self.folder, self.each, self.kills, self.chance = folder, each, kills, chance
        self.url = f"sqlite:///{folder}/jobs.db"
        self.queue = Queue(self.url)

    def outcome(self) -> dict[str, tuple[Any, ...]]:
        """What is left of each job, apart from attempts."""
        self._enqueue()
        workers = [self._worker() for _ in range(2)]
        try:
            for kill in range(self.kills):
                self._let_some_finish()
                if kill == self.kills - 2:  # not earlier, since a job that loses six workers fails as such
                    self._enqueue_long()
                victim = workers.pop(0)
                victim.kill()
                workers.append(self._worker())
            if not self.kills:
                self._enqueue_long()
            self._cancel_what_runs()
            until(self._is_over, 120)
        finally:
            for worker in workers:
                worker.kill()
        return {
            label: (job.status, job.failures, job.result, job.error and job.error.type)
            for label, job in self._labelled().items()
        }

    def _worker(self) -> WorkerProcess:
        return WorkerProcess(self.url, self.folder, "--import", "chaos_tasks", "--threads", "3", "--lease", "1")

    def _enqueue(self) -> None:
        for number in range(self.each):
            for kind in KINDS:
                self._enqueue_one(kind, number)
        waiting = tuple(job.id for label, job in self._labelled().items() if label.startswith("cancelled_waiting"))
        assert len(self.controls.change(Change.CANCEL, Filter(ids=waiting))) == len(waiting)

    def _enqueue_one(self, kind: str, number: int) -> None:
        job = Job("plain", (number,), headers={"label": f"{kind}-{number}"})
        match kind:
            case "delayed":
                job.run_at = utc_now() + timedelta(seconds=self.chance.uniform(0, 3))
            case "unique":
                job.unique_key, job.unique_for = f"key-{number}", 3600.0
            case "fails_twice" | "fails":
                job.func_name = kind
            case "cancelled_waiting":
                job.run_at = utc_now() + timedelta(hours=1)
        [answer] = self.queue.submit_many([job])
        assert answer is Inserted.NEW
        if kind == "unique":
            again = Job("plain", (number,), unique_key=job.unique_key, unique_for=3600.0, headers={"label": "second"})
            assert self.queue.submit_many([again]) != [Inserted.NEW]

    def _enqueue_long(self) -> None:
        jobs = [Job("long", (n,), queue="long", headers={"label": f"cancelled_running-{n}"}) for n in range(LONG)]
        self.queue.submit_many(jobs)

    @property
    def controls(self) -> Controls:
        assert isinstance(self.queue.storage, Controls)
        return self.queue.storage

    def _jobs(self) -> list[Job]:
        return self.queue.find(Query(limit=100_000))

    def _labelled(self) -> dict[str, Job]:
        return {job.headers["label"]: job for job in self._jobs() if "label" in job.headers}

    def _let_some_finish(self) -> None:
        """Wait until some more jobs are finished, and then for no time in particular."""
        before = self._finished()
        until(lambda: self._finished() > before or self._only_long_ones(), 60)
        time.sleep(self.chance.uniform(0, 0.3))  # this is the chaos: nothing waits for it

    def _finished(self) -> int:
        return sum(n for counts in self.queue.counts().values() for status, n in counts.items() if _is_final(status))

    def _only_long_ones(self) -> bool:
        return all(_is_final(job.status) for job in self._labelled().values() if job.queue == "default")

    def _cancel_what_runs(self) -> None:
        long = [job.id for job in self._jobs() if job.func_name == "long"]
        until(lambda: all(self.queue.get(each).started_at for each in long), 60)
        self.controls.change(Change.CANCEL, Filter(ids=tuple(long)))

    def _is_over(self) -> bool:
        return all(_is_final(job.status) for job in self._labelled().values())

    def ticks(self) -> list[float]:
        """The moments for which the schedule made a job, in seconds."""
        made = [job.headers["pinion.tick"] for job in self._jobs() if job.func_name == "tick"]
        return sorted(datetime.fromisoformat(moment).timestamp() for moment in made)


def _is_final(status: Status) -> bool:
    return status not in (Status.PENDING, Status.RUNNING)


@pytest.mark.timeout(900)
def test_what_killed_workers_leave_equals_what_undisturbed_ones_leave(tmp_path: Path) -> None:
    each, kills = LENGTHS[os.environ.get("PINION_CHAOS", "short")]
    seed = int(os.environ.get("PINION_SEED", random.randrange(2**32)))
    print(f"\nseed {seed}")
    calm = Run(tmp_path / "calm", each, 0, random.Random(seed))
    wild = Run(tmp_path / "wild", each, kills, random.Random(seed))

    with calm.queue, wild.queue:
        undisturbed, disturbed = calm.outcome(), wild.outcome()
        made = calm.ticks(), wild.ticks()

    assert disturbed == undisturbed
    assert len(undisturbed) == each * len(KINDS) + LONG
    for ticks in made:
        assert ticks, "the schedule made no job"
        assert ticks == [ticks[0] + 0.5 * number for number in range(len(ticks))], "one job for each tick, and no other"
