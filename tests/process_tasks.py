"""Process tasks for the tests: a child process imports this module."""

import asyncio
import ctypes
import logging
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

from pinion import Registry, RetryPolicy, Snooze, current_job, task

REGISTRY = Registry()
ONCE = RetryPolicy(0)


class Picky(Exception):
    """Can't be put together again from what it was pickled to."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Unsendable:
    def __reduce__(self) -> Any:
        raise TypeError("not this one")


@task(registry=REGISTRY, process=True)
def who() -> dict[str, Any]:
    """This process, its group, and what files it has open."""
    open_files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return {"pid": os.getpid(), "group": os.getpgid(0), "files": open_files}


@task(registry=REGISTRY, process=True, retry=RetryPolicy(1, 0.0))
def fail(kind: str) -> None:
    raise Picky(1, 2) if kind == "picky" else ValueError("kaboom")


@task(registry=REGISTRY, process=True, retry=RetryPolicy(5, 0.0, on=OSError))
def fail_once_covered() -> str:
    if current_job().attempt == 1:
        raise ConnectionError
    raise ValueError("not covered")


@task(registry=REGISTRY, process=True, retry=ONCE)
def die(how: str) -> None:
    if how == "exit":
        os._exit(7)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "segfault":
        ctypes.string_at(0)
    sys.exit(3)


@task(registry=REGISTRY, process=True)
def hang(folder: str) -> None:
    """Say who is there, and stay in one call, with a program that was started."""
    program = subprocess.Popen(["sleep", "600"])
    place = pathlib.Path(folder, "hanging.tmp")
    place.write_text(f"{os.getpid()} {program.pid}")
    place.rename(place.with_suffix(""))
    time.sleep(600)


@task(registry=REGISTRY, process=True)
def until_file(folder: str) -> str:
    pathlib.Path(folder, "pid").write_text(str(os.getpid()))
    pathlib.Path(folder, "begun").touch()
    while not pathlib.Path(folder, "go").exists():
        time.sleep(0.01)
    return "finished"


@task(registry=REGISTRY, process=True)
def talk() -> None:
    current_job().report({"done": 1})
    current_job().log("a line")
    current_job().check()
    logging.getLogger("app").warning("a record of %s", "mine")


@task(registry=REGISTRY, process=True)
def chatty() -> None:
    for number in range(20_000):
        current_job().report(number)


@task(registry=REGISTRY, process=True, retry=ONCE)
def complete() -> None:
    current_job().complete(connection=object())


@task(registry=REGISTRY, process=True)
def later() -> int:
    if current_job().attempt == 1:
        raise Snooze(0.0)
    return current_job().attempt


@task(registry=REGISTRY, process=True)
def odd_result() -> Unsendable:
    return Unsendable()


@task(registry=REGISTRY, process=True)
async def asynchronous(path: pathlib.Path) -> str:
    await asyncio.sleep(0)
    return f"{type(path).__name__} {os.getpid()}"


@task(registry=REGISTRY)
def in_thread() -> int:
    return os.getpid()
