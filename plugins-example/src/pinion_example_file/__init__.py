"""An example of a storage for Pinion: an append-only file, replayed into memory. Copy it to write your own.

Read, in this order: `storage.py` (the six methods), `journal.py` (what makes each of them a transaction), `log.py`
(the file), `state.py` (all jobs, and where each of them waits), `record.py` (one job, and the rules of its life).
"""

from pinion_example_file.storage import FileStorage, UnsyncedFileStorage, open_storage

__all__ = ["FileStorage", "UnsyncedFileStorage", "open_storage"]
