"""Names: job ids that sort by creation time, claim tokens that are never given twice, and this machine's own."""

import os
import struct
import threading
import time

__all__ = ["host_name", "new_id", "new_token"]

_lock = threading.Lock()  # guards the two below
_last = 0
_random: list[int] = []  # numbers of 64 random bits, fetched from the system for many ids at once
_fetch = struct.Struct("=256Q").unpack


def new_id() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7) whose text sorts after every id made earlier in this process.

    The 48 bits of milliseconds are followed by 12 bits of a millisecond's fraction (method 3 of section
    6.2), which is stepped when the clock stands still or goes back; 62 bits are random.
    """
    global _last
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    moment = milliseconds << 12 | nanoseconds * 4096 // 1_000_000
    with _lock:
        _last = moment = moment if moment > _last else _last + 1
        if not _random:
            _random.extend(_fetch(os.urandom(2048)))
        random = _random.pop()
    return (
        f"{moment >> 28:08x}-{moment >> 12 & 0xFFFF:04x}-7{moment & 0xFFF:03x}"
        f"-{random >> 48 & 0x3FFF | 0x8000:04x}-{random & 0xFFFFFFFFFFFF:012x}"
    )


def new_token() -> str:
    """128 random bits as text: nobody guesses it, and no two claims share it by accident."""
    return os.urandom(16).hex()


def host_name() -> str:
    """The name of this machine, for people."""
    import socket  # costs milliseconds that `import pinion` need not take

    return socket.gethostname()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _random.clear()  # the parent goes on with these


os.register_at_fork(after_in_child=_after_fork)
