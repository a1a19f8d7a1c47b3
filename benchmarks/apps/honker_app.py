"""honker: its bare queue, claimed and acknowledged in batches. `python -m benchmarks.apps.honker_app` is a worker."""

import asyncio
import os
import signal
from collections.abc import Sequence

import honker

from benchmarks.proof import ran

BATCH = 100

database = honker.open(os.path.join(os.environ["PINION_BENCH_FOLDER"], "honker.db"))
queue = database.queue("bench")
tasks = database.queue("tasks")


@tasks.task(store_result=False)
def note(number: int, milliseconds: float = 0) -> None:
    ran(number, milliseconds)


class Producer:
    """For the bare queue."""

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            queue.enqueue([number, milliseconds])

    def enqueue_many(self, numbers: Sequence[int], milliseconds: float) -> None:
        with database.transaction() as transaction:
            for number in numbers:
                queue.enqueue([number, milliseconds], tx=transaction)


class TaskProducer:
    """For its tasks."""

    def enqueue(self, numbers: Sequence[int], milliseconds: float) -> None:
        for number in numbers:
            note(number, milliseconds)

    enqueue_many = enqueue


def producer() -> Producer | TaskProducer:
    return TaskProducer() if os.environ["PINION_BENCH_HONKER"] == "tasks" else Producer()


async def work(name: str) -> None:
    updates = database.update_events()
    while True:
        jobs = queue.claim_batch(name, BATCH)
        for job in jobs:
            ran(*job.payload)
        if jobs:
            queue.ack_batch([job.id for job in jobs], name)
        else:
            await asyncio.wait_for(anext(updates), None)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(work(f"worker-{os.getpid()}"))
