"""Fixtures that several test files of the worker share."""

import threading
from collections.abc import Callable, Iterator

import pytest

from pinion import Registry, Worker, task


@pytest.fixture
def registry() -> Registry:
    tasks = Registry()

    @task(registry=tasks)
    def add(a: int, b: int) -> int:
        return a + b

    @task(registry=tasks)
    def fail() -> None:
        raise ValueError("kaboom")

    return tasks


class Running:
    """A worker in a thread of its own."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.thread = threading.Thread(target=worker.run_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.worker.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[[Worker], Running]]:
    started: list[Running] = []

    def begin(worker: Worker) -> Running:
        started.append(Running(worker))
        return started[-1]

    yield begin
    for each in started:
        each.stop()
