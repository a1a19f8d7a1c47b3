"""The program that enqueues: `python -m benchmarks.producing APP WAY [JOBS [X]]`; prints what it measured as JSON.

- prepare: create tables and the like; not measured.
- one: one by one, jobs of X milliseconds; prints jobs per second.
- many: the same by the library's way to enqueue many.
- threads: one by one from X threads at once, which share one producer; prints jobs per second.
- paced: single jobs, at random gaps of 20 to 60 ms from the seed X; prints the moment before each.
- quiet: single jobs, each after X seconds of silence; likewise.
"""

import importlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

__all__ = ["Producer", "main"]


class Producer(Protocol):
    """What an app module's `producer()` returns."""

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        """One job per number, one by one."""

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        """The same by the library's documented way for many."""


def rate(enqueue: Callable[[Sequence[int], float], None], jobs: int, milliseconds: float = 0.0) -> float:
    started = time.perf_counter()
    enqueue(range(jobs), milliseconds)
    return jobs / (time.perf_counter() - started)


def threads(producer: Producer, jobs: int, number: int) -> float:
    with ThreadPoolExecutor(number) as pool:
        started = time.perf_counter()
        list(pool.map(lambda _: producer.enqueue(range(jobs // number), 0.0), range(number)))
        return jobs // number * number / (time.perf_counter() - started)


def singles(producer: Producer, pauses: Sequence[float]) -> list[int]:
    moments = []
    for number, pause in enumerate(pauses):
        time.sleep(pause)
        moments.append(time.monotonic_ns())
        producer.enqueue((number,), 0.0)
    return moments


def main(app: str, way: str, jobs: int, x: float) -> Any:
    producer: Producer = importlib.import_module(f"benchmarks.apps.{app}").producer()
    match way:
        case "prepare":
            return None
        case "one":
            return rate(producer.enqueue, jobs, x)
        case "many":
            return rate(producer.enqueue_many, jobs, x)
        case "threads":
            return threads(producer, jobs, int(x))
        case "paced":
            gaps = random.Random(x)
            return singles(producer, [gaps.uniform(0.02, 0.06) for _ in range(jobs)])
        case "quiet":
            return singles(producer, [x] * jobs)
    raise SystemExit(f"unknown way to enqueue: {way}")


if __name__ == "__main__":
    app, way, jobs, x, *_ = (*sys.argv[1:], "0", "0")
    print(json.dumps(main(app, way, int(jobs), float(x))))
