"""The groups of a storage, for those who want one: handed out where it is promised, refused where it isn't."""

from typing import Any

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


def _group(storage: Any, promise: Promise) -> Any:
    require(storage, promise)
    return storage


def inspects(storage: object) -> Inspects:
    """Raises Unsupported; as all of these do."""
    group: Inspects = _group(storage, Promise.INSPECTS)
    return group


def controls(storage: object) -> Controls:
    group: Controls = _group(storage, Promise.CONTROLS)
    return group


def schedules(storage: object) -> Schedules:
    group: Schedules = _group(storage, Promise.SCHEDULES)
    return group


def steps(storage: object) -> Steps:
    group: Steps = _group(storage, Promise.STEPS)
    return group


def workers(storage: object) -> Workers:
    group: Workers = _group(storage, Promise.WORKERS)
    return group
