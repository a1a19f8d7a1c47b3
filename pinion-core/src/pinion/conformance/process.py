"""Process: one of the kit's programs, running in a process of its own. The programs are in `pinion.conformance.programs`."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from pinion.clock import monotonic
from pinion.conformance.broken import Broken
from pinion.conformance.nursery import Child, Nursery

__all__ = ["Process", "end", "end_children", "environment"]

STARTING = 30.0
"""Seconds that it may take to start Python and to import the storage; that is nothing of the storage's."""
PATIENCE = 4.9
"""Seconds until a process that says nothing is taken to hang: less than a case may take, so that this is what is told."""


class Process:
    """A program that writes a line of JSON whenever it has something to say. on_line: called at each of them."""

    def __init__(
        self,
        program: str,
        address: dict[str, str],
        arguments: dict[str, Any],
        on_line: Callable[[], None],
        nursery: Nursery | None = None,
    ) -> None:
        self.program = program
        self._on_line = on_line
        self._started = threading.Event()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        told = [program, json.dumps(address), json.dumps(arguments)]
        self._process = nursery.start(told) if nursery else _spawned(told)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.readline()  # that it has started
        self._started.set()
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def line(self, within: float = PATIENCE) -> Any:
        """What it says next; None if it has ended. Raises Broken if it says nothing for so many seconds."""
        self._await_start()
        said = self._next(within)
        self._on_line()
        if isinstance(said, dict) and "broken" in said:
            raise Broken(said["broken"])
        return said

    def _await_start(self) -> None:
        """Return when it has come as far as Python code; that takes as long as it takes."""
        deadline = monotonic() + STARTING
        while not self._started.wait(1.0) and monotonic() < deadline:
            self._on_line()

    def _next(self, within: float) -> Any:
        try:
            line = self._lines.get(timeout=within)
        except queue.Empty:
            self.kill()
            raise Broken(f"the process that was to {self.program} has been silent for {within:g} s: it hangs") from None
        if not line:
            self._lines.put("")
        return json.loads(line) if line else None

    def rows(self, within: float = PATIENCE) -> list[Any]:
        """All that it still says until it ends."""
        rows = []
        while (line := self.line(within)) is not None:
            rows.append(line)
        return rows

    def say(self, line: str = "") -> None:
        """Let it go on, if it waits for that."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def freeze(self) -> None:
        """Stop it wherever it is, until `thaw`; nothing, if it has ended: what it said last tells why."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL, wherever it is."""
        end(self._process, self._listener)


def _spawned(arguments: list[str]) -> Child:
    """Its hashes are its own, also where PYTHONHASHSEED makes those of all processes the same."""
    return subprocess.Popen(
        [sys.executable, "-m", "pinion.conformance.programs", *arguments],
        env={**environment(), "PYTHONHASHSEED": "random"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process: Child, listener: threading.Thread) -> None:
    """Kill a process, wait until its output was read to the end, and give back its pipes. May be repeated."""
    process.kill()
    process.wait()
    listener.join()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def end_children(process: Child) -> None:
    """Kill what a process that began a session has started, also if it has ended itself meanwhile."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def environment() -> dict[str, str]:
    """That of this process, in which everything can be imported that can be imported here."""
    path = [entry or os.getcwd() for entry in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
