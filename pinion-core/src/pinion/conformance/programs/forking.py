"""A program that forks with an open storage, as a pre-forking server does."""

import os

from pinion.conformance.cause import cause
from pinion.conformance.speaker import Say
from pinion.conformance.target import Address
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Settlement

__all__ = ["use_after_fork"]

ROUNDS = 5


def use_after_fork(say: Say, address: Address) -> None:
    """Use a storage, fork, and use it in both processes at once; says which jobs either got."""
    storage: ClaimStorage = address.open()
    _work(storage, "before")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, _in_child(storage).encode())
        os._exit(0)
    os.close(writing)
    ours = [name for number in range(ROUNDS) for name in _work(storage, f"parent-{number}")]
    with os.fdopen(reading, encoding="utf-8") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    say({"parent": ours, "child": said, "status": status, "after": _work(storage, "after")})


def _in_child(storage: ClaimStorage) -> str:
    try:
        names = [name for number in range(ROUNDS) for name in _work(storage, f"child-{number}")]
    except BaseException as raised:  # nothing may escape into what the parent was doing
        return f"error: {cause(raised)}"
    return " ".join(names)


def _work(storage: ClaimStorage, name: str) -> list[str]:
    """Insert a job, claim one, settle it; the names of those that were got."""
    storage.enqueue(Job(name))
    jobs = storage.exchange(claim=ClaimRequest(f"process-{os.getpid()}")).jobs
    for job in jobs:
        storage.exchange([Settlement(Claim(job.id, job.token or ""), Done())])
    return [job.func_name for job in jobs]
