"""A program for which the disk is full: no file may grow beyond a few more bytes."""

import os
import resource
import signal

from pinion.conformance.speaker import Say
from pinion.conformance.target import Address
from pinion.errors import PinionError
from pinion.job import Job
from pinion.storage import ClaimRequest, ClaimStorage

__all__ = ["fill_the_disk"]

MOST = 400
PAYLOAD = "x" * 2000


def fill_the_disk(say: Say, address: Address) -> None:
    """Insert until that fails; says which jobs were accepted, how it failed, and what is there once there is room."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails with EFBIG, as it does with ENOSPC
    storage: ClaimStorage = address.open()
    storage.enqueue(Job("first"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_largest(address) + 30_000, hard))
    accepted, error = _fill(storage)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    storage.enqueue(Job("last"))
    left = [job.func_name for job in storage.exchange(claim=ClaimRequest("kit", 10 * MOST)).jobs]
    say({"accepted": ["first", *accepted, "last"], "error": error, "left": left})


def _largest(address: Address) -> int:
    return max(
        os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(address.directory) for name in names
    )


def _fill(storage: ClaimStorage) -> tuple[list[str], str]:
    accepted: list[str] = []
    for number in range(MOST):
        try:
            storage.enqueue(Job(f"job-{number}", (PAYLOAD,)))
        except PinionError as raised:
            return accepted, type(raised).__name__
        accepted.append(f"job-{number}")
    return accepted, ""
