"""Speaker: how a process of the kit says something to the one that started it: lines of JSON on its standard output."""

import json
import os
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Say", "Speaker"]

type Say = Callable[[Any], None]


class Speaker:
    """The standard output, for the kit alone: what the storage prints goes to the standard error."""

    def __init__(self) -> None:
        self._speaking = threading.Lock()
        self._output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, what: Any) -> None:
        """Say it, as a line."""
        with self._speaking:
            try:
                self._output.write(json.dumps(what) + "\n")
                self._output.flush()
            except BrokenPipeError:  # nobody listens any more
                os._exit(1)
