"""Real worker processes for tests: started, watched through their log, stopped, killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 30.0


def until(what: Callable[[], Any], seconds: float = PATIENCE, every: float = 0.01) -> Any:
    """Look until it is true, and return that; fail after so many seconds. This waits for an event, not for a time."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"still not after {seconds} s: {what}"
        time.sleep(every)
    return found


class WorkerProcess:
    """`pinion worker` in a process of its own, with its log as JSON."""

    def __init__(self, url: str, folder: Path, *options: str) -> None:
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pinion", "worker", url, "--log-format", "json", *options],
                cwd=folder,
                stderr=log,
                stdout=log,
            )

    def events(self) -> list[dict[str, Any]]:
        """What it has logged, as far as whole lines go."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def has_said(self, event: str) -> bool:
        return any(entry.get("event") == event for entry in self.events())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def worker(url: str, folder: Path, *options: str) -> Iterator[WorkerProcess]:
    """A worker process that is gone at the end of the block, whatever happens in it."""
    started = WorkerProcess(url, folder, *options)
    try:
        yield started
    finally:
        started.kill()
