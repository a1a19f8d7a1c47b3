"""`pinion` as a user runs it: a process in a folder of the user's."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

TASKS = """
from pathlib import Path
from pinion import RetryPolicy, task

@task()
def add(a: int, b: int) -> int:
    return a + b

@task(retry=RetryPolicy(max_retries=0))
def fail(text):
    raise ValueError(text)
"""


class Done(NamedTuple):
    """What a command left: its exit status, and what it wrote."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        assert (self.status, self.err) == (0, ""), self
        return json.loads(self.out)

    def only_error(self) -> str:
        """Its one line on stderr, without what every error begins with."""
        assert self.out == "", self
        assert self.err.startswith("pinion: error: ") and self.err.count("\n") == 1 and self.err.endswith("\n"), self
        return self.err.removeprefix("pinion: error: ").rstrip("\n")


class Folder:
    """A user's folder, with tasks in the module `some_tasks`, and a queue in the file jobs.db."""

    URL = "sqlite:///jobs.db"

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "some_tasks.py").write_text(TASKS)

    @property
    def url(self) -> str:
        """The queue's URL in any folder."""
        return f"sqlite:///{self.path}/jobs.db"

    def pinion(self, *words: str, before: Sequence[str] = (), env: dict[str, str] | None = None) -> Done:
        """Run `pinion` with these words.

        before: a command that runs it, such as `unshare`. env: what is added to the environment.
        """
        run = subprocess.run(
            [*before, sys.executable, "-m", "pinion", *words],
            cwd=self.path,
            env=clean(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Done(run.returncode, run.stdout, run.stderr)

    def enqueue(self, *words: str) -> str:
        """Enqueue a job; returns its id."""
        done = self.pinion("enqueue", self.URL, *words)
        assert (done.status, done.err) == (0, ""), done
        return done.out.strip()

    def burst(self, *words: str) -> Done:
        done = self.pinion("worker", self.URL, "--import", "some_tasks", "--burst", *words)
        assert (done.status, done.out) == (0, ""), done
        return done

    def show(self, job: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.pinion("show", self.URL, job, "--json").json()
        return shown

    def total(self) -> dict[str, int]:
        """How many jobs there are in each status that any has."""
        total = self.pinion("stats", self.URL, "--json").json()["total"]
        return {status: count for status, count in total.items() if count}

    def install(self, name: str, group: str, entry: str, code: str, version: str = "1.0") -> dict[str, str]:
        """Install a distribution of one module; returns the environment in which it is found."""
        place = self.path / "installed"
        info = place / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
        (place / f"{entry.partition('=')[2].partition(':')[0].strip()}.py").write_text(code)
        return {"PYTHONPATH": str(place)}


def clean(extra: dict[str, str]) -> dict[str, str]:
    """This process's environment without Pinion's own variables, and with others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PINION_")} | extra
