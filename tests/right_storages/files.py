"""Five methods on a folder: a job is a file, which appears whole by one rename and is taken by another."""

import contextlib
import hashlib
import json
import os
import threading
import time
from pathlib import Path

from pinion import Job


class FolderStorage:
    """Files in `ready` are named by their order; a taken one is renamed to its job's id. Processes may share it."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.ready = Path(directory, "ready")
        self.running = Path(directory, "running")
        for folder in (self.ready, self.running):
            folder.mkdir(parents=True, exist_ok=True)
        self.numbering = threading.Lock()
        self.number = 0

    def enqueue(self, job: Job) -> None:
        text = json.dumps(
            {"id": job.id, "name": job.func_name, "args": job.args, "kwargs": job.kwargs, "attempts": job.attempts}
        )
        with self.numbering:
            self.number += 1
            name = f"{time.time_ns():020d}-{self.number:010d}-{os.getpid()}"
        self.write(name, text)

    def write(self, name: str, text: str) -> None:
        new = self.running / f"{name}.new"
        new.write_text(text, encoding="utf-8", newline="")
        new.rename(self.ready / name)

    def dequeue(self, timeout: float | None = None) -> Job | None:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while (job := self.take()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(0.02, left))
        return job

    def take(self) -> Job | None:
        for name in sorted(os.listdir(self.ready)):
            taken = self.running / f"{name}.taken"
            try:
                (self.ready / name).rename(taken)
            except FileNotFoundError:  # another was quicker
                continue
            return self.hand_out(taken)
        return None

    def hand_out(self, taken: Path) -> Job:
        kept = json.loads(taken.read_text(encoding="utf-8"))
        attempts = kept["attempts"] + 1
        job = Job(kept["name"], tuple(kept["args"]), kept["kwargs"], kept["id"], attempts=attempts)
        job.status = type(job.status).RUNNING
        taken.rename(self.place(job))
        return job

    def place(self, job: Job) -> Path:
        """A file name that any id gives, and no other id."""
        return self.running / hashlib.sha256(job.id.encode("utf-8", "surrogatepass")).hexdigest()

    def mark_done(self, job: Job) -> None:
        self.forget(job)

    def mark_failed(self, job: Job, exc: Exception) -> None:
        self.forget(job)

    def forget(self, job: Job) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.place(job).unlink()

    def size(self) -> int:
        return len(os.listdir(self.ready))
