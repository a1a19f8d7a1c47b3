"""A child that was forked gets a copy of every shelf, whole and unlocked."""

import os
import threading
import weakref

from pinion_memory.shelf import Shelf

__all__ = ["survives_fork"]

_shelves: weakref.WeakSet[Shelf] = weakref.WeakSet()
_registering = threading.Lock()
_held_for_fork: list[Shelf] = []


def survives_fork(shelf: Shelf) -> None:
    """Let nobody be in the middle of a change when this process forks."""
    with _registering:
        _shelves.add(shelf)


def _before_fork() -> None:
    _registering.acquire()
    _held_for_fork.extend(_shelves)
    for shelf in _held_for_fork:
        shelf.changed.acquire()


def _after_fork_in_parent() -> None:
    for shelf in _held_for_fork:
        shelf.changed.release()
    _held_for_fork.clear()
    _registering.release()


def _after_fork_in_child() -> None:
    for shelf in _held_for_fork:
        shelf.renew_lock()
    _held_for_fork.clear()
    _registering.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
