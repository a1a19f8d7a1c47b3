"""Interleaving: pause one thread before a line of the storage's code, let another run, and go on.

Trying every line is a search of all schedules with one preemption (after Musuvathi and Qadeer's CHESS): exhaustive and
deterministic for short operations. A second thread that gets stuck waits for a lock of the first, as it may: the first
goes on then.
"""

import contextlib
import linecache
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, Self

from pinion.clock import monotonic
from pinion.conformance.errand import Errand
from pinion.conformance.lines import Lines, roots_of
from pinion.conformance.trial import Trial

__all__ = ["Meeting", "Scene", "Stop", "meetings"]

MOST = 30
"""At so many lines of one operation; where there are more, the seed decides which."""
RESTS = 4
"""So many looks, 2 ms apart, at which a thread sleeps and has executed nothing, and it is taken to wait for a lock."""
STUCK = 0.1
"""Seconds without a line executed after which a thread is so taken where the system doesn't tell what it does."""
LONGEST = 4.0


class Stop(NamedTuple):
    """A line of the storage's code, when it is about to be executed for that time."""

    file: str
    line: int
    time: int = 1

    def __str__(self) -> str:
        source = linecache.getline(self.file, self.line).strip()
        again = f", the {self.time}th time" if self.time > 1 else ""
        return f"before {os.path.basename(self.file)}:{self.line} `{source}`{again}"


class Scene(NamedTuple):
    """A storage in which all is ready, and two calls that are to meet."""

    storage: Any
    first: Callable[[], Any]
    second: Callable[[], Any]


class Meeting(NamedTuple):
    """What came of it: where the first call paused while the second ran, and what they returned."""

    storage: Any
    stop: Stop
    first: Any
    second: Any


def meetings(
    trial: Trial, make: Callable[[], Scene], *, once: bool = False, patience: float = LONGEST
) -> Iterator[Meeting]:
    """Let the calls of a fresh scene meet at every line that the first executes, one line after the other.

    once: at each line's first time only, for a call that goes round and round. patience: seconds that the first call
    may take to come to the line; then the second runs anyway, and there is no pause. Raises what the calls raise, or
    Broken if they don't end.
    """
    for stop in _stops(trial, make(), once):
        trial.progress()
        scene = make()
        yield Meeting(scene.storage, stop, *_meet(trial, stop, scene, patience))


def _stops(trial: Trial, scene: Scene, once: bool) -> list[Stop]:
    """Every line that the first call executes."""
    found = [stop for stop in _executed(scene) if stop.time == 1 or not once]
    if len(found) > MOST:
        found = [found[place] for place in sorted(trial.random.sample(range(len(found)), MOST))]
    return found


def _executed(scene: Scene) -> list[Stop]:
    found: list[Stop] = []
    times: Counter[tuple[str, int]] = Counter()
    me = threading.get_ident()

    def note(file: str, line: int) -> None:
        if threading.get_ident() == me:
            times[file, line] += 1
            found.append(Stop(file, line, times[file, line]))

    with Lines(roots_of(scene.storage), note):
        scene.first()
    return found


def _meet(trial: Trial, stop: Stop, scene: Scene, patience: float) -> tuple[Any, Any]:
    pair = _Pair(stop)
    with Lines(roots_of(scene.storage), pair.before_line):
        one = trial.start(pair.lead, scene.first)
        pair.await_the_stop(patience)
        other = trial.start(pair.follow, scene.second)
        pair.let_it_run(other)
        pair.go.set()
        return (
            one.result(LONGEST, f"what one thread did, after a pause {stop},"),
            other.result(LONGEST, f"what another thread did, while one paused {stop},"),
        )


class _Pair:
    """Two threads, one of which pauses at a line."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self._reached = threading.Event()
        self.go = threading.Event()
        self._leader = self._follower = 0
        self._times = 0
        self._steps = 0

    def await_the_stop(self, patience: float) -> None:
        """Return when the leader is there, or won't be."""
        if not self._reached.wait(patience):
            self.go.set()

    def lead(self, call: Callable[[], Any]) -> Any:
        self._leader = threading.get_ident()
        try:
            return call()
        finally:
            self._reached.set()  # also if it never came there

    def follow(self, call: Callable[[], Any]) -> Any:
        self._follower = threading.get_ident()
        return call()

    def before_line(self, file: str, line: int) -> None:
        thread = threading.get_ident()
        if thread == self._follower:
            self._steps += 1
        elif thread == self._leader and (file, line) == self.stop[:2]:
            self._times += 1
            if self._times == self.stop.time:
                self._reached.set()
                self.go.wait(LONGEST)

    def let_it_run(self, other: Errand) -> None:
        """Return when it is over, or stuck."""
        steps, since, rests = -1, monotonic(), 0
        with _State(other) as state:
            while not other.is_done(0.002):
                if self._steps != steps or not state.sleeps:
                    steps, since, rests = self._steps, monotonic(), 0
                rests += 1
                if rests >= RESTS or monotonic() - since > STUCK:
                    return


class _State:
    """What the system says of a thread."""

    def __init__(self, errand: Errand) -> None:
        self._file: BinaryIO | None = None
        with contextlib.suppress(OSError):  # not Linux, or the thread is over; kept open until __exit__
            self._file = open(f"/proc/self/task/{errand.native_id}/stat", "rb", buffering=0)  # noqa: SIM115

    @property
    def sleeps(self) -> bool:
        """Whether it waits for something; where the system tells nothing, it may."""
        if self._file is None:
            return True
        try:
            self._file.seek(0)
            return self._file.read(1000).rpartition(b")")[2].split()[0] == b"S"
        except OSError:
            return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
