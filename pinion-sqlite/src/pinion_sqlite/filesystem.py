"""Where a database file may live: refuses network filesystems, and says what is wrong with a path."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pinion.errors import InvalidURL, StorageError

__all__ = ["check_place", "network_filesystem"]

NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "ncpfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
        "beegfs",
    ]
)
"""Filesystems on which SQLite's log can't work: its index is memory shared between processes of one machine."""


def check_place(path: Path, create: bool) -> None:
    """Raise InvalidURL or StorageError, saying what to do, if no database can be kept at the path."""
    folder = path.parent
    if path.is_dir():
        raise InvalidURL(f"{path} is a folder; name a file in it, such as {path / 'jobs.db'}")
    if not path.exists() and not create:
        raise StorageError(f"no such file: {path}; the first enqueue or worker creates it")
    if not folder.is_dir():
        raise StorageError(f"the folder {folder} does not exist; create it, or name another file")
    if kind := network_filesystem(folder.resolve(), _mounts()):
        raise StorageError(
            f"{path} is on a network filesystem ({kind}), where SQLite's locks and log are not safe; "
            "use a local disk, or a server such as PostgreSQL to share a queue between machines"
        )


def _mounts() -> list[str]:
    """The lines of /proc/self/mountinfo, see proc(5); none where the system has no such file."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def network_filesystem(folder: Path, mounts: Iterable[str]) -> str | None:
    """The type of the filesystem that holds the folder if it is a network one; None if it isn't, or can't be seen.

    mounts: lines as in /proc/self/mountinfo.
    """
    best, kind = "", ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        inside = point == "/" or str(folder) == point or str(folder).startswith(point + os.sep)
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind if kind in NETWORK else None
