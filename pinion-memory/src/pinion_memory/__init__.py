"""The storage in memory: the queue of one process, for quick starts and for tests."""

from pinion_memory.storage import InMemoryStorage, open_storage

__all__ = ["InMemoryStorage", "open_storage"]
