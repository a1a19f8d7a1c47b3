"""Hash every file of a folder tree: one job per file, any number of workers.

python checksums.py enqueue sqlite:///checksums.db /usr/lib/python3
pinion worker sqlite:///checksums.db --import checksums --threads 4 --burst
python checksums.py report sqlite:///checksums.db
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from pinion import Job, Queue, Status, task
from pinion.storage import Query


@task()
def checksum(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def enqueue(queue: Queue, folder: str, leave_out: str = ".git") -> int:
    """One job per file below the folder, but for folders of one name; all of them are stored when this returns."""
    found = (path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
    files = sorted(path for path in found if leave_out not in path.parts)
    queue.submit_many([Job("checksum", (str(path),)) for path in files])
    return len(files)


def finished(queue: Queue) -> Iterator[tuple[str, str]]:
    """Path and checksum of every file that has been hashed."""
    query = Query(status=Status.SUCCESS, limit=1000)
    while jobs := queue.find(query):
        yield from ((job.args[0], job.result) for job in jobs)
        query = Query(status=Status.SUCCESS, limit=1000, after=jobs[-1].id)


def main(command: str, url: str, folder: str = ".") -> None:
    with Queue(url) as queue:
        if command == "enqueue":
            print(f"{enqueue(queue, folder)} files to hash")
        else:
            for path, digest in finished(queue):
                print(f"{digest}  {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
