"""Names that are never given twice: job ids that sort by creation time, and claim tokens."""

import os
import threading
import time

__all__ = ["new_id", "new_token"]

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A UUID of version 7 (RFC 9562, section 5.7) whose text sorts after every id made earlier here.

    The 48 bits of milliseconds are followed by 12 bits of a millisecond's fraction (method 3 of section
    6.2), which is stepped when the clock stands still or goes back; 62 bits are random.
    """
    global _last
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    moment = milliseconds << 12 | rest * 4096 // 1_000_000
    with _lock:
        _last = moment = moment if moment > _last else _last + 1
    return _text(moment, int.from_bytes(os.urandom(8)) >> 2)


def _text(moment: int, random: int) -> str:
    head, fraction = moment >> 12, moment & 0xFFF
    digits = f"{head:012x}7{fraction:03x}{random | 1 << 63:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_token() -> str:
    """128 random bits as text: nobody guesses it, and no two claims share it by accident."""
    return os.urandom(16).hex()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
