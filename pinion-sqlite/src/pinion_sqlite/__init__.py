"""A Pinion storage in one SQLite file: `sqlite:///jobs.db`, or `sqlite:////var/lib/jobs.db` for an absolute path."""

from pinion_sqlite.storage import SqliteStorage
from pinion_sqlite.url import open_storage

__all__ = ["SqliteStorage", "open_storage"]
