"""An example of a storage for Pinion: an append-only file, replayed into memory. Copy it to write your own.

Read `log.py` (the file), `record.py` (a job in it, and the rules of its life), `state.py` (all jobs, and where each
waits) and `storage.py` (the six methods), in this order.
"""

from pinion_example_file.storage import FileStorage, UnsyncedFileStorage, open_storage

__all__ = ["FileStorage", "UnsyncedFileStorage", "open_storage"]
