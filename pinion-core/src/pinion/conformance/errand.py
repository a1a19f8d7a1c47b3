"""Errand: something done in a thread of its own, which may never come back."""

import threading
from collections.abc import Callable
from typing import Any

from pinion.conformance.broken import Broken

__all__ = ["Errand"]


class Errand:
    """A call in a daemon thread, begun at once.

    ident: the thread's.
    """

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._call = call
        self._arguments = arguments
        self._result: Any = None
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._call(*self._arguments)
        except BaseException as raised:  # it is raised again where the result is asked for
            self._raised = raised

    @property
    def ident(self) -> int | None:
        """Which thread it is."""
        return self._thread.ident

    @property
    def native_id(self) -> int | None:
        """Which thread it is for the operating system."""
        return self._thread.native_id

    def is_done(self, within: float = 0.0) -> bool:
        """Whether it came back, or does within so many seconds."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def result(self, within: float, doing: str = "it") -> Any:
        """What it returned; raises what it raised, or Broken if it takes longer than so many seconds."""
        if not self.is_done(within):
            raise Broken(f"{doing} should have been over within {within:g} s, and isn't")
        if self._raised is not None:
            raise self._raised
        return self._result
