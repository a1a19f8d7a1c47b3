"""Names: job ids that sort by creation time, claim tokens that are never given twice, and this machine's own."""

import os
import threading
import time

__all__ = ["host_name", "new_id", "new_token"]

_lock = threading.Lock()  # guards these
_millisecond, _prefix, _number = 0, "", 0  # of the last id, what its text begins with, and which it was in it
_tails: list[str] = []  # the random ends of ids to come, fetched from the system for many at once

VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}
"""A random digit, with its two upper bits as RFC 9562 wants them."""


def new_id() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7) whose text sorts after every id made earlier in this process.

    The 48 bits of milliseconds are followed by 12 bits that count the ids of one (method 1 of section 6.2), which
    goes on when the clock stands still or goes back; 62 bits are random.
    """
    global _millisecond, _prefix, _number
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _millisecond or _number == 0xFFF:
            _millisecond, _number = max(now, _millisecond + 1), 0
            _prefix = f"{_millisecond >> 16:08x}-{_millisecond & 0xFFFF:04x}-7"
        else:
            _number += 1
        if not _tails:
            _tails.extend(_random_tails(256))
        return f"{_prefix}{_number:03x}{_tails.pop()}"


def _random_tails(number: int) -> list[str]:
    digits = os.urandom(8 * number).hex()
    return [
        f"-{VARIANT[digits[at]]}{digits[at + 1 : at + 4]}-{digits[at + 4 : at + 16]}"
        for at in range(0, 16 * number, 16)
    ]


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
    _tails.clear()  # the parent goes on with these


os.register_at_fork(after_in_child=_after_fork)
