"""Contender: a queue as it takes part, and Bout: one contender at one setting, in a folder of its own.

The libraries themselves are only imported by the programs in `benchmarks/apps`, each in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.processes import ROOT, start, stop
from benchmarks.proof import PROOF, Proof
from benchmarks.servers import VALKEY

__all__ = ["FOLDER", "Bout", "Contender", "Setting"]

FOLDER = "PINION_BENCH_FOLDER"
"""The environment variable that tells the programs where their files are."""

PYTHON = sys.executable
BIN = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to run a contender's workers.

    name: "default" as it comes, "one" the best documented for one worker process, "best" for two cores.
    processes: how many processes run tasks.
    words: the setting, for the reader.
    command: starts them, once; a first word without a slash is a program of this Python's environment.
    copies: how often the command is started.
    jobs: at most so many are measured, where the contender is slow.
    """

    name: str
    processes: int
    words: str
    command: tuple[str, ...]
    copies: int = 1
    jobs: int = 20_000
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A queue that takes part.

    app: the module in `benchmarks.apps` that enqueues, and that the workers import.
    packages: the distributions that make it; their versions are stated.
    server: "postgres", "valkey" or None.
    durability, delivery: what it promises at these settings, in words.
    inside: the jobs live in the worker's own process, whose command gets their number and enqueues them itself.
    bulk: whether it has a documented way to enqueue many at once.
    task_layer: whether it runs tasks, or is a bare queue.
    rounds: measured in so many of the first rounds, where it is so slow that no gate rests on it; None: in all.
    """

    name: str
    app: str
    packages: tuple[str, ...]
    store: str
    durability: str
    delivery: str
    settings: tuple[Setting, ...]
    server: str | None = None
    inside: bool = False
    bulk: bool = False
    task_layer: bool = True
    rounds: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def versions(self) -> dict[str, str]:
        """Raises PackageNotFoundError if one is not installed."""
        return {package: version(package) for package in self.packages}

    def missing(self) -> str | None:
        """The distribution that is not installed, if any."""
        try:
            self.versions()
        except PackageNotFoundError as missing:
            return str(missing.name)
        return None

    def setting(self, name: str) -> Setting:
        return next(setting for setting in self.settings if setting.name == name)


class Bout:
    """One contender at one setting, with fresh files: enqueue, start the workers, read the proof, stop.

    place: the folder in which to make the bout's own; it decides which disk is measured.
    environment: the addresses of the servers.
    """

    def __init__(self, contender: Contender, setting: Setting, place: Path, environment: Mapping[str, str]) -> None:
        self.contender = contender
        self.setting = setting
        self._folder = tempfile.TemporaryDirectory(prefix="bout-", dir=place)
        self.folder = Path(self._folder.name)
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._memory = tempfile.TemporaryDirectory(prefix="proof-", dir=memory)
        self.proof = Proof(Path(self._memory.name) / "proof")
        self.log = self.folder / "log"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **environment,
            **contender.environment,
            **setting.environment,
            FOLDER: str(self.folder),
            PROOF: str(self.proof.path),
        }

    def produce(self, *words: object) -> Any:
        """Run the producing program of the app (see `benchmarks.producing`); returns what it measured."""
        return self.run("benchmarks.producing", self.contender.app, *words)

    def run(self, program: str, *words: object) -> Any:
        """Run one of the programs in this bout's folder; returns what it printed last, which is JSON."""
        command = [PYTHON, "-m", program, *map(str, words)]
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, cwd=ROOT, capture_output=True, text=True, timeout=900
        )
        if done.returncode:
            raise RuntimeError(f"{self.contender.name}: {program} failed: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def start_workers(self, *words: object) -> None:
        program, *rest = (self._filled(word) for word in self.setting.command)
        path = program if "/" in program else str(BIN / program)
        for _ in range(self.setting.copies):
            self.workers.append(start([path, *rest, *map(str, words)], self.environment, self.log))

    def _filled(self, word: str) -> str:
        return word.format(folder=self.folder, valkey=self.environment.get(VALKEY, ""))

    def wait(self, count: int, silence: float = 30.0) -> None:
        """Until so many task bodies have run, or none ran for `silence` seconds.

        Raises RuntimeError if a worker ended by itself: it can't have been started as it should.
        """
        for _ in range(round(silence)):
            if self.proof.wait(count, 1.0):
                return
            for worker in self.workers:
                if worker.poll() is not None:
                    raise RuntimeError(f"{self.contender.name}: a worker ended: {self.log.read_text()[-2000:]}")

    def pids(self) -> Sequence[int]:
        return [worker.pid for worker in self.workers]

    def stop(self) -> None:
        stop(self.workers)
        self.workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        self._folder.cleanup()
        self._memory.cleanup()
