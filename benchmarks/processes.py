"""Processes: started in a group of their own and stopped with it; their processor time and memory, from /proc."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = ["cpu_seconds", "exact_cpu_seconds", "peak_rss", "rss", "start", "stop", "tree"]

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parent.parent


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in the repository's folder; what it says goes to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(processes: Iterable[subprocess.Popen[bytes]], patience: float = 10.0) -> None:
    """SIGTERM to each, and, after `patience` seconds, SIGKILL to what is left of its group."""
    there = list(processes)
    for process in there:
        process.terminate()
    deadline = time.monotonic() + patience
    for process in there:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tree(pids: Iterable[int]) -> list[int]:
    """The processes and all their living descendants."""
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        found.append(pid)
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            left += [int(child) for child in _read(thread / "children").split()]
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of the processes, their living descendants and those already waited for; exact to 1/100 s."""
    ticks = 0
    for pid in tree(pids):
        after_name = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        ticks += sum(int(field) for field in after_name[11:15])
    return ticks / TICKS


def exact_cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of the living threads of the processes and their descendants, exact to the nanosecond."""
    threads = [thread for pid in tree(pids) for thread in Path(f"/proc/{pid}/task").glob("*")]
    return sum(int((_read(thread / "schedstat") or "0").split()[0]) for thread in threads) / 1e9


def rss(pid: int) -> float:
    """Resident memory of one process, in megabytes."""
    return _status(pid, "VmRSS")


def peak_rss(pids: Iterable[int]) -> float:
    """The sum of the peaks of the processes and their living descendants, in megabytes; shared pages count for each."""
    return sum(_status(pid, "VmHWM") for pid in tree(pids))


def _status(pid: int, field: str) -> float:
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return ""
