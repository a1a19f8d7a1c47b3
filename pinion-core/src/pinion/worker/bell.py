"""Bell: how the other threads, and signal handlers, wake the one that keeps watch."""

from queue import Empty, SimpleQueue

__all__ = ["Bell"]


class Bell:
    """One thread listens; anybody rings, with a word. A ring is never missed, also one from a signal handler.

    dozing: for how long the one who listens sleeps, unless somebody rings; 0 while it is awake.
    """

    def __init__(self) -> None:
        self._rung: SimpleQueue[str] = SimpleQueue()  # its `put` may be called by a signal handler
        self.dozing = 0.0

    def ring(self, word: str) -> None:
        self._rung.put(word)

    def ring_if_dozing(self, longer_than: float) -> None:
        """Ring for what is worth it only if nobody would look for so long."""
        if self.dozing > longer_than:
            self._rung.put("look")

    def listen(self, timeout: float) -> str | None:
        """Sleep until somebody rings; the word. None after the timeout.

        Whoever sets `dozing` before it looks for work, and then calls this, misses nothing that happens meanwhile.
        """
        self.dozing = max(0.0, timeout)
        try:
            return self._rung.get(timeout=self.dozing)
        except Empty:
            return None
        finally:
            self.dozing = 0.0
