"""What commands ask of a queue whose storage may not be able to tell."""

from pinion.promised import promises
from pinion.queue import Queue
from pinion.storage import Promise

__all__ = ["paused"]


def paused(queue: Queue) -> frozenset[str]:
    """The queues that are paused: none where none can be."""
    return queue.paused() if promises(queue.storage, Promise.CONTROLS) else frozenset()
