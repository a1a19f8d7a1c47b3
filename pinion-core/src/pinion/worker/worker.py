"""Worker: the public face of the engine."""

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

from pinion.errors import InvalidJob, Unsupported
from pinion.hooks import Hooks
from pinion.identity import host_name, new_token
from pinion.job import Status
from pinion.reference import importing_main
from pinion.registry import Definition, default_registry
from pinion.retry import RetryPolicy
from pinion.storage import (
    ClaimStorage,
    Controls,
    Inspects,
    Promise,
    Schedules,
    Storage,
    Workers,
    check_spi_version,
)
from pinion.worker.adapter import FiveMethods
from pinion.worker.engine import Engine
from pinion.worker.importable import check_process_tasks
from pinion.worker.presence import Presence
from pinion.worker.report import Report, Summary, counted
from pinion.worker.rounds import Duty, Rounds
from pinion.worker.settings import Settings
from pinion.worker.sweeping import Sweeping
from pinion.worker.ticking import Ticking

__all__ = ["Worker"]


class Worker:
    """Claims jobs from a storage, runs their tasks, and settles what came of it.

    storage: any storage; one with just the five methods works too, with less promised.
    retry: when failed attempts are tried again, for tasks without a policy of their own.
    threads: how many jobs run at once.
    queues: take jobs from these only; None takes from all.
    lease: seconds after which a worker that fell silent loses its jobs to others; it is renewed every third of it.
    grace: seconds that running tasks get to finish after `stop`; what then still runs is handed back.
    registry: the tasks; those registered by `@task` if left out.
    name: shown in logs and with the jobs it holds; made from host and process if left out.
    burst: stop by itself when nothing is waiting, delayed or running.
    hooks: whom to tell what happens; `pinion worker` tells the installed plugins.
    keep: delete jobs that succeeded or were cancelled so many seconds ago, of all queues; None keeps them. Jobs whose
        own `keep` has run out go anyhow, and FAILED ones stay.
    async_tasks: how many `async def` tasks run at once, on one event loop, beside the threads.
    max_jobs, max_memory: stop after so many jobs, or when the process takes so many megabytes, so that a fresh one can
        take its place: `summary.worn` says why. `pinion worker --processes` starts one.

    The worker also makes the jobs of the registry's schedules, where the storage promises SCHEDULES.

    Raises InvalidJob for values that make no sense, Unsupported for what the storage doesn't promise.
    """

    def __init__(
        self,
        storage: Storage | ClaimStorage,
        retry: RetryPolicy | None = None,
        *,
        threads: int = 1,
        queues: Iterable[str] | None = None,
        lease: float = 30.0,
        grace: float = 25.0,
        registry: Mapping[str, Definition[..., Any]] | None = None,
        name: str | None = None,
        burst: bool = False,
        hooks: Hooks | None = None,
        keep: float | None = None,
        async_tasks: int = 1000,
        max_jobs: int | None = None,
        max_memory: float | None = None,
    ) -> None:
        self._check(storage, threads, lease, grace)
        self._check_bounds(async_tasks, max_jobs, max_memory)
        self.registry = default_registry if registry is None else registry
        self.storage = storage if isinstance(storage, ClaimStorage) else FiveMethods(storage)
        self.settings = Settings(
            name=name or f"{host_name()}:{os.getpid()}:{new_token()[:4]}",
            threads=threads,
            queues=self._queues(queues),
            lease=float(lease),
            grace=float(grace),
            policy=retry or RetryPolicy(),
            async_tasks=async_tasks,
            max_jobs=max_jobs,
            max_memory=max_memory,
        )
        self.keep = self._kept(keep)
        self.burst = burst
        self.hooks = hooks or Hooks()
        self._engine: Engine | None = None
        self._ticking: Ticking | None = None
        self._stopped_early = False
        self.summary = Summary()

    @staticmethod
    def _check(storage: object, threads: object, lease: object, grace: object) -> None:
        if not isinstance(storage, ClaimStorage | Storage):
            raise InvalidJob(f"Worker needs a storage, such as open_storage('sqlite:///jobs.db'), got {storage!r:.100}")
        check_spi_version(storage)
        if type(threads) is not int or threads < 1:
            raise InvalidJob(f"threads must be a whole number of at least 1, got {threads!r}")
        for name, value, least in (("lease", lease, 0.1), ("grace", grace, 0.0)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e9:
                raise InvalidJob(f"{name} must be a number of seconds of at least {least:g}, got {value!r}")

    @staticmethod
    def _check_bounds(async_tasks: object, max_jobs: object, max_memory: object) -> None:
        if type(async_tasks) is not int or async_tasks < 1:
            raise InvalidJob(f"async_tasks must be a whole number of at least 1, got {async_tasks!r}")
        if max_jobs is not None and (type(max_jobs) is not int or max_jobs < 1):
            raise InvalidJob(f"max_jobs must be a whole number of at least 1, or None, got {max_jobs!r}")
        if max_memory is not None and (
            isinstance(max_memory, bool) or not isinstance(max_memory, int | float) or not max_memory > 0
        ):
            raise InvalidJob(f"max_memory must be a number of megabytes above 0, or None, got {max_memory!r}")

    def _queues(self, queues: Iterable[str] | None) -> tuple[str, ...] | None:
        if queues is None:
            return None
        names = (queues,) if isinstance(queues, str) else tuple(queues)
        if not all(isinstance(name, str) and name for name in names):
            raise InvalidJob(f"queues must be names, got {names!r:.100}")
        if Promise.QUEUES not in getattr(self.storage, "promises", ()):
            raise Unsupported(f"{type(self.storage).__name__} doesn't promise QUEUES: leave out queues=")
        return names or None

    def _kept(self, keep: float | None) -> float | None:
        if keep is None:
            return None
        if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 <= keep < 1e10:
            raise InvalidJob(f"keep must be a number of seconds of at least 0, or None, got {keep!r}")
        if Promise.CONTROLS not in self.storage.promises:
            raise Unsupported(
                f"{self._storage_name()} doesn't promise CONTROLS: leave out keep=, nothing can be deleted"
            )
        return float(keep)

    def _storage_name(self) -> str:
        return type(self.storage.storage if isinstance(self.storage, FiveMethods) else self.storage).__name__

    def run_forever(self) -> Summary:
        """Run jobs until `stop` is called, or, with `burst`, until nothing is left to do. Returns what it did.

        Raises InvalidJob if a child process could not import one of the process tasks.
        """
        if importing_main.get():
            raise InvalidJob(
                "a child process imports this script for its tasks, and must not start a worker: "
                'put that under `if __name__ == "__main__":`'
            )
        check_process_tasks(self.registry, self.settings.policy)
        report = Report(self.settings.name, self.hooks)
        self.summary = report.summary
        self._engine = engine = Engine(
            self.storage, self.registry, self.settings, report, self._is_drained if self.burst else None
        )
        rounds = Rounds(self._duties(report, engine), report)
        if self._stopped_early:
            engine.stop()
        self._greet(report)
        rounds.start()
        try:
            engine.run()
        finally:
            rounds.stop()
            self._engine, self._stopped_early = None, False
            if isinstance(self.storage, FiveMethods):
                self.storage.close()  # also after Ctrl-C: what waits in memory is nowhere else
            report.worker_event("worker.stopped", "stopped")
        return report.summary

    def _duties(self, report: Report, engine: Engine) -> list[Duty]:
        """What is to be done beside running jobs, as far as the storage promises what it takes."""
        storage, settings, duties = self.storage, self.settings, list[Duty]()
        self._ticking = None
        schedules = getattr(self.registry, "schedules", {})
        if schedules and isinstance(storage, Schedules) and Promise.SCHEDULES in storage.promises:
            self._ticking = Ticking(storage, schedules.values(), report, once=self.burst)
            duties.append(self._ticking)
        if isinstance(storage, Workers) and Promise.WORKERS in storage.promises:
            duties.append(Presence(storage, settings.name, settings.queues, settings.threads, engine.busy))
        if isinstance(storage, Controls) and Promise.CONTROLS in storage.promises:
            duties.append(Sweeping(storage, self.keep))
        return duties

    def _greet(self, report: Report) -> None:
        settings = self.settings
        queues = "all queues" if settings.queues is None else "queues " + ", ".join(settings.queues)
        threads = counted(settings.threads, "thread")
        report.worker_event("worker.started", "%s runs jobs of %s on %s", settings.name, queues, threads)
        if isinstance(self.storage, FiveMethods):
            report.worker_event("worker.limited", "%s: %s", self._storage_name(), FiveMethods.MISSING)
        if (schedules := getattr(self.registry, "schedules", {})) and self._ticking is None:
            text = "%s doesn't promise SCHEDULES: nobody makes the jobs of %s"
            names = ", ".join(sorted(schedules))
            report.worker_event("schedules.missing", text, self._storage_name(), names, level=logging.WARNING)

    def stop(self) -> None:
        """Return at once, and make `run_forever` return: within the grace period, or, called again, now.

        May be called from any thread and from a signal handler, any number of times, also before `run_forever`.
        """
        if (engine := self._engine) is not None:
            engine.stop()
        else:
            self._stopped_early = True

    def _is_drained(self) -> bool:
        """Whether nothing is due, waiting, delayed or running in the queues of this worker."""
        storage = self.storage
        if self._ticking is not None and not self._ticking.caught_up:
            return False
        if isinstance(storage, FiveMethods):
            return storage.size() == 0 and storage.unfinished() == 0
        if not isinstance(storage, Inspects) or Promise.INSPECTS not in storage.promises:
            return storage.size() == 0
        wanted = self.settings.queues
        counts = storage.counts()
        return not any(
            by_status.get(Status.PENDING, 0) or by_status.get(Status.RUNNING, 0)
            for queue, by_status in counts.items()
            if wanted is None or queue in wanted
        )

    def __repr__(self) -> str:
        return f"<Worker {self.settings.name} on {self.storage!r}>"
