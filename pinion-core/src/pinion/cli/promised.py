"""The groups of a queue's storage, for the commands that are about one; refused where it isn't promised."""

from pinion.errors import Unsupported
from pinion.queue import Queue
from pinion.storage import Controls, Inspects, Promise, Schedules, Steps, Workers

__all__ = ["controls", "inspects", "paused", "schedules", "steps", "workers"]


def controls(queue: Queue) -> Controls:
    """Raises Unsupported."""
    if isinstance(queue.storage, Controls) and _promises(queue, Promise.CONTROLS):
        return queue.storage
    raise _refusal(queue, Promise.CONTROLS, "its jobs can't be changed, nor its queues paused")


def paused(queue: Queue) -> frozenset[str]:
    """The queues that are paused: none where none can be."""
    return controls(queue).paused() if _promises(queue, Promise.CONTROLS) else frozenset()


def steps(queue: Queue) -> Steps:
    """Raises Unsupported."""
    if isinstance(queue.storage, Steps) and _promises(queue, Promise.STEPS):
        return queue.storage
    raise _refusal(queue, Promise.STEPS, "what its tasks log isn't kept")


def inspects(queue: Queue) -> Inspects:
    """Raises Unsupported."""
    if isinstance(queue.storage, Inspects) and _promises(queue, Promise.INSPECTS):
        return queue.storage
    raise _refusal(queue, Promise.INSPECTS, "its jobs can't be read or counted")


def schedules(queue: Queue) -> Schedules:
    """Raises Unsupported."""
    if isinstance(queue.storage, Schedules) and _promises(queue, Promise.SCHEDULES):
        return queue.storage
    raise _refusal(queue, Promise.SCHEDULES, "nothing can recur in it")


def workers(queue: Queue) -> Workers:
    """Raises Unsupported."""
    if isinstance(queue.storage, Workers) and _promises(queue, Promise.WORKERS):
        return queue.storage
    raise _refusal(queue, Promise.WORKERS, "it doesn't know who is alive")


def _promises(queue: Queue, promise: Promise) -> bool:
    return promise in getattr(queue.storage, "promises", ())


def _refusal(queue: Queue, promise: Promise, so: str) -> Unsupported:
    return Unsupported(f"{type(queue.storage).__name__} doesn't promise {promise}: {so}")
