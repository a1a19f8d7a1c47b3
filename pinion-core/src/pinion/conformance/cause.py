"""The cause of a failure in plain words: what was raised, by which call, and where in the storage's own code."""

import os
import traceback
from types import FrameType, TracebackType

from pinion.conformance.broken import Broken
from pinion.conformance.lines import is_storage

__all__ = ["cause", "place", "place_of"]


def cause(raised: BaseException) -> str:
    """What a storage raised where it shouldn't have, or what a check says itself."""
    if isinstance(raised, Broken):
        return str(raised)
    text = f"{type(raised).__name__}: {raised}" if str(raised) else type(raised).__name__
    return f"{_called(raised.__traceback__)} raised {text:.1000}{place_of(raised)}"


def _called(trace: TracebackType | None) -> str:
    """The name of the storage's method that the check called."""
    for frame, _ in traceback.walk_tb(trace):
        if is_storage(frame.f_code.co_filename):
            return f"{frame.f_code.co_name}()"
    return "the kit"


def place_of(raised: BaseException) -> str:
    """Where in the storage's own code it was raised; "" if it comes from elsewhere."""
    trace = raised.__traceback__
    places = [_at(frame, line) for frame, line in traceback.walk_tb(trace) if is_storage(frame.f_code.co_filename)]
    return places[-1] if places else ""


def place(frame: FrameType | None) -> str:
    """Where in the storage's own code a thread is that doesn't come back."""
    while frame is not None and not is_storage(frame.f_code.co_filename):
        frame = frame.f_back
    return _at(frame, frame.f_lineno) if frame else ""


def _at(frame: FrameType, line: int) -> str:
    file = os.path.relpath(frame.f_code.co_filename)
    return f" (at {frame.f_code.co_filename if file.startswith('..') else file}:{line}, {frame.f_code.co_name})"
