"""Lookout: one thread for all that wait, in whatever event loops, for jobs of one storage to be finished.

It waits for the job that was asked for last as the storage can, without polling, for a short while; then it looks at
all of them. The pause between two such looks grows with their cost and while nothing happens. The thread begins with
the first that waits, and ends soon after the last.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pinion.clock import monotonic, sleep
from pinion.errors import PinionError
from pinion.job import Job
from pinion.storage import Inspects

if TYPE_CHECKING:
    import asyncio  # at run time it is imported by whoever has a loop

__all__ = ["Lookout"]

type Told = Callable[[Job | Exception], None]

FIRST_PAUSE, LAST_PAUSE = 0.005, 0.1
SHARE = 10
"""A pause is at least so many times as long as the look before it."""
IDLE = 1.0
"""Seconds after which the thread ends if nobody waits."""


class Lookout:
    """Tells those who wait, each in its own event loop. Of a forked child's own, as the thread is the parent's."""

    def __init__(self, storage: Inspects) -> None:
        self._storage = storage
        self._changed = threading.Condition()  # guards the two below
        self._waiting: dict[str, list[Told]] = {}
        self._thread: threading.Thread | None = None

    async def finished(self, job_id: str) -> Job:
        """The snapshot of the job, once it is finished. Raises JobNotFound, and what the storage raises."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Job] = loop.create_future()

        def told(news: Job | Exception) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_tell, future, news)

        self._add(job_id, told)
        try:
            return await future
        finally:
            self._remove(job_id, told)

    def _add(self, job_id: str, told: Told) -> None:
        with self._changed:
            self._waiting.setdefault(job_id, []).append(told)
            self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pinion-lookout", daemon=True)
                self._thread.start()

    def _remove(self, job_id: str, told: Told) -> None:
        with self._changed:
            those = self._waiting.get(job_id, [])
            if told in those:
                those.remove(told)
            if not those:
                self._waiting.pop(job_id, None)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while ids := self._ids():
            began = monotonic()
            found = self._look(ids)
            rest = (monotonic() - began) * SHARE
            pause = FIRST_PAUSE if found else min(pause * 1.5, LAST_PAUSE)
            if len(found) < len(ids):
                self._nap(next(job_id for job_id in reversed(ids) if job_id not in found), max(pause, rest), rest)

    def _ids(self) -> list[str]:
        """Those that are waited for; none if it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, IDLE)
            if not self._waiting:
                self._thread = None
            return list(self._waiting)

    def _look(self, ids: Sequence[str]) -> set[str]:
        try:
            found = set(self._storage.finished(ids))
        except Exception as raised:  # whatever a storage raises: those who wait are told, and this thread goes on
            for job_id in ids:
                self._tell(job_id, raised)
            return set(ids)
        for job_id in found:
            self._tell(job_id, self._get(job_id))
        return found

    def _get(self, job_id: str) -> Job | Exception:
        try:
            return self._storage.get(job_id)
        except Exception as raised:  # as above
            return raised

    def _tell(self, job_id: str, news: Job | Exception) -> None:
        with self._changed:
            those = self._waiting.pop(job_id, [])
        for told in those:
            told(news)

    def _nap(self, job_id: str, seconds: float, least: float) -> None:
        """Until that job is finished, at most so long, and at least so long."""
        until = monotonic() + least
        with contextlib.suppress(PinionError):  # JobNotFound, or an outage: the next look tells
            self._storage.wait_finished(job_id, seconds)
        sleep(max(0.0, until - monotonic()))


def _tell(future: "asyncio.Future[Job]", news: Job | Exception) -> None:
    if future.done():  # whoever waited was cancelled
        return
    if isinstance(news, Exception):
        future.set_exception(news)
    else:
        future.set_result(news)
