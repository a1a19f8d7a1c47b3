"""An application for tests: a task that adds, one that fails, and a worker for its queue."""

from pinion import Queue, Registry, RetryPolicy, Worker, task

registry = Registry()


@task(registry=registry)
def add(a: int, b: int) -> int:
    return a + b


@task(registry=registry)
def fail() -> int:
    raise RuntimeError("no luck")


def work(queue: Queue) -> None:
    Worker(queue.storage, RetryPolicy(0), registry=registry, burst=True).run_forever()
