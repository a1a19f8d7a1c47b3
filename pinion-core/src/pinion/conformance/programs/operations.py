"""Operations in which a process is killed: what is there before, what is done, and what may be there afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pinion.clock import SYSTEM, sleep
from pinion.conformance.target import Address
from pinion.job import Job, JobError
from pinion.outcome import Done, Retry
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Settlement
from pinion.testing import ManualClock

__all__ = ["OPERATIONS", "Operation"]


class Operation:
    """One operation.

    clock: whether the storage takes one, so that leases needn't be waited for.
    before: the jobs that are there. after: the jobs that may be left, one of these sets.
    """

    before: ClassVar[tuple[str, ...]] = ("old",)
    after: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"old"}),)

    def __init__(self, clock: bool) -> None:
        self.clock = clock
        self.lease = 60.0 if clock else 0.2

    def open(self, place: Address) -> Any:
        """A storage in which all is ready."""
        storage: ClaimStorage = place.open(clock=ManualClock() if self.clock else None)
        storage.insert([Job(name, (name,)) for name in self.before])
        self.prepare(storage)
        return storage

    def prepare(self, storage: ClaimStorage) -> None:
        """What else is done before the operation."""

    def run(self, storage: ClaimStorage, place: Address) -> None:
        """The operation itself."""
        raise NotImplementedError

    def look(self, place: Address) -> str:
        """What is wrong with what was left, when every lease has run out; "" if nothing is."""
        if not self.clock:
            sleep(self.lease)
        clock = ManualClock(SYSTEM.now() + 3_600_000_000) if self.clock else None
        storage: ClaimStorage = place.open(clock=clock)
        wrong = self._judge(_drained(storage)) or self._usable(storage)
        storage.close()
        return wrong

    def _judge(self, jobs: list[Job]) -> str:
        names = [job.func_name for job in jobs]
        if len(names) != len(set(names)):
            return f"a job came twice: {names}"
        if torn := [job for job in jobs if job.args != (job.func_name,)]:
            return f"a job came with other arguments: {torn[0]!r:.150}"
        if frozenset(names) not in self.after:
            allowed = " or ".join(", ".join(sorted(each)) or "nothing" for each in self.after)
            return f"these jobs were left: {', '.join(sorted(names)) or 'none'}; it must be {allowed}"
        return ""

    def _usable(self, storage: ClaimStorage) -> str:
        storage.enqueue(Job("afterwards"))
        jobs = storage.exchange(claim=ClaimRequest("kit")).jobs
        return "" if [job.func_name for job in jobs] == ["afterwards"] else "a new job could not be claimed"


def _drained(storage: ClaimStorage) -> list[Job]:
    jobs: list[Job] = []
    while len(jobs) < 100 and (claimed := storage.exchange(claim=ClaimRequest("kit", 10)).jobs):
        jobs += claimed
    return jobs


def _claim(job: Job) -> Claim:
    return Claim(job.id, job.token or "")


class Insert(Operation):
    after = (frozenset({"old"}), frozenset({"old", "new"}))

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.insert([Job("new", ("new",))])


class InsertBatch(Operation):
    after = (frozenset({"old"}), frozenset({"old", "one", "two", "three"}))

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.insert([Job(name, (name,)) for name in ("one", "two", "three")])


class ClaimJob(Operation):
    before = ("old", "other")
    after = (frozenset({"old", "other"}),)

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.exchange(claim=ClaimRequest("victim", 1, self.lease))


class Settle(Operation):
    after: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"old"}), frozenset({"next"}))

    def prepare(self, storage: ClaimStorage) -> None:
        [self.job] = storage.exchange(claim=ClaimRequest("victim", 1, self.lease)).jobs

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.exchange([Settlement(_claim(self.job), Done(), [Job("next", ("next",))])])


class RetryJob(Settle):
    after = (frozenset({"old"}),)

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.exchange([Settlement(_claim(self.job), Retry(0.0, JobError("ValueError")))])


class Extend(Settle):
    after = (frozenset({"old"}),)

    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.extend([_claim(self.job)], self.lease)


class Replace(Operation):
    before = ()
    after = (frozenset({"old"}), frozenset({"new"}))

    def prepare(self, storage: ClaimStorage) -> None:
        storage.insert([Job("old", ("old",), unique_key="key")])

    def run(self, storage: Any, place: Address) -> None:
        storage.replace(Job("new", ("new",), unique_key="key"))


class Close(Operation):
    def run(self, storage: ClaimStorage, place: Address) -> None:
        storage.close()


class Open(Operation):
    before = ()
    after = (frozenset(),)

    def open(self, place: Address) -> Any:
        """One elsewhere: that of the place is what is to be opened."""
        elsewhere = Path(place.directory, "elsewhere")
        elsewhere.mkdir()
        return place.target.fresh(elsewhere, f"{place.name}elsewhere").open()

    def run(self, storage: ClaimStorage, place: Address) -> None:
        place.open()


OPERATIONS: dict[str, Callable[[bool], Operation]] = {
    "insert": Insert,
    "insert_batch": InsertBatch,
    "claim": ClaimJob,
    "settle": Settle,
    "retry": RetryJob,
    "extend": Extend,
    "replace": Replace,
    "close": Close,
    "open": Open,
}
