"""The groups of a storage, for those who want one: handed out where it is promised, refused where it isn't."""

from typing import cast

from pinion.errors import Unsupported
from pinion.storage import Controls, Inspects, Promise, Schedules, Steps, Workers

__all__ = ["controls", "inspects", "promises", "require", "schedules", "steps", "workers"]

_GROUPS: dict[Promise, type] = {
    Promise.INSPECTS: Inspects,
    Promise.CONTROLS: Controls,
    Promise.SCHEDULES: Schedules,
    Promise.STEPS: Steps,
    Promise.WORKERS: Workers,
}

_SO = {
    Promise.INSPECTS: "its jobs can't be read or counted",
    Promise.CONTROLS: "its jobs can't be changed, nor its queues paused",
    Promise.SCHEDULES: "nothing can recur in it",
    Promise.STEPS: "what its tasks log isn't kept",
    Promise.WORKERS: "it doesn't know who is alive",
    Promise.RESULTS: "what its tasks return isn't kept",
}


def promises(storage: object, promise: Promise) -> bool:
    """Whether the storage promises it."""
    return promise in getattr(storage, "promises", ())


def require(storage: object, promise: Promise) -> None:
    """Raise Unsupported unless the storage promises it."""
    if not promises(storage, promise) or not isinstance(storage, _GROUPS.get(promise, object)):
        raise Unsupported(f"{type(storage).__name__} doesn't promise {promise}: {_SO.get(promise, 'leave it out')}")


class _Group[G]:
    """Hands a storage out as one that has the group."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise

    def __call__(self, storage: object) -> G:
        """The storage itself. Raises Unsupported unless it promises the group."""
        require(storage, self._promise)
        return cast(G, storage)


inspects = _Group[Inspects](Promise.INSPECTS)
controls = _Group[Controls](Promise.CONTROLS)
schedules = _Group[Schedules](Promise.SCHEDULES)
steps = _Group[Steps](Promise.STEPS)
workers = _Group[Workers](Promise.WORKERS)
