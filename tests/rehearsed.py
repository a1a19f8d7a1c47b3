"""An application for tests of `pinion.testing.Rehearsal`: its tasks, and what they did."""

import dataclasses
import enum
from datetime import UTC, datetime
from typing import Any

from pinion import Registry, RetryPolicy, task
from pinion.testing import Rehearsal

START = datetime(2030, 1, 1, tzinfo=UTC)
NO_JITTER = RetryPolicy(max_retries=2, base_delay=10.0, cap=100.0, jitter=False)


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Address:
    city: str


class Tasks:
    """The tasks of an application, and what they did, each with the time."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.done: list[Any] = []
        self.rehearsal: Rehearsal

        @task(registry=self.registry)
        def send(address: str, subject: str = "hello", *, copies: int = 1) -> str:
            self.did("send", address)
            return f"sent to {address}"

        @task(registry=self.registry)
        def sign_up(address: str) -> None:
            self.did("sign_up", address)
            self.rehearsal.queue.enqueue(send, address)

        @task(registry=self.registry, retry=NO_JITTER)
        def fail(message: str) -> None:
            self.did("fail", message)
            raise ValueError(message)

        @task(registry=self.registry)
        def slow(seconds: float) -> str:
            self.rehearsal.clock.advance(seconds)
            return "in time"

        @task(registry=self.registry)
        def paint(color: Color, where: Address) -> None:
            self.did("paint", color, where)

        self.send, self.sign_up, self.fail, self.slow, self.paint = send, sign_up, fail, slow, paint

    def did(self, *what: object) -> None:
        self.done.append((round((self.rehearsal.now - START).total_seconds()), *what))
