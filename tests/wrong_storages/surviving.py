"""Wrong storages on a file that is to survive its processes: DURABLE."""

import fcntl
import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pinion import Job, Status
from pinion.clock import SECOND
from pinion.errors import PinionError
from pinion.outcome import Outcome, Retry
from pinion.storage import Claim, ClaimRequest, Exchange, Inserted, KeyHeld, Promise, Settled, Settlement, Signal
from right_storages.row import Around, Row
from right_storages.shelf import ShelfClaims
from wrong_storages.catalogue import refused_by


class Lonely(ShelfClaims):
    """Right, and of one process that may die."""

    promises = frozenset({Promise.DURABLE})


@refused_by("durable.reopened")
class ForgetsWhoHolds(Lonely):
    """Opening it takes every job from its holder."""

    def __init__(self, directory: str, **options: Any) -> None:
        super().__init__(directory, **options)
        with self.locked():
            for row in self.rows.values():
                if row.job.status is Status.RUNNING:
                    row.job.status, row.job.token = Status.PENDING, None


@refused_by("durable.killed")
class WritesLater(Lonely):
    """What was accepted is written when it is closed, or when somebody claims."""

    late = False

    def save(self) -> None:
        self.late = True

    def load(self) -> None:
        if not self.late:
            super().load()

    def claim(self, request: ClaimRequest) -> list[Job]:
        jobs = super().claim(request)
        super().save()
        return jobs

    def close(self) -> None:
        if self.late and not self.closed:
            super().save()
        super().close()


@refused_by("durable.kill_insert", like="https://github.com/treeverse/dvc-task/issues/73")
class WritesInPlace(Lonely):
    """The old content is gone before the new one is there."""

    def save(self) -> None:
        content = pickle.dumps((self.rows, self.numbers, self.around))
        with open(self.file, "wb") as file:
            file.flush()
            file.write(content)


@refused_by("durable.kill_insert_batch")
class StoresOneByOne(Lonely):
    """A batch is many transactions."""

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        if len(jobs) > 10:
            return super().insert(jobs, connection=connection)
        self.accept(jobs, connection)
        rows = [self.row_of(job) for job in jobs]
        answers = []
        for row in rows:
            with self.locked(connection):
                answers.append(self.put(row))
        return answers


@refused_by("durable.kill_claim", like="https://github.com/celery/celery/issues/4354")
class TakesThenNotesWho(Lonely):
    """A job is taken out, and put among the running ones in another step."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        if settle or claim is None or claim.limit != 1:
            return super().exchange(settle, claim, connection=connection)
        self.accept((), connection)
        with self.locked():
            jobs = self.claim(claim)
            taken = [self.rows.pop(job.id) for job in jobs]
        with self.locked():
            for row in taken:
                self.rows[row.job.id] = row
        return Exchange([], jobs)


@refused_by("durable.kill_settle")
class BringsItLater(Lonely):
    """A job is done in one step, and what it brings is stored in another."""

    def exchange(
        self, settle: Sequence[Settlement] = (), claim: ClaimRequest | None = None, *, connection: Any = None
    ) -> Exchange:
        self.accept([job for each in settle for job in each.then], connection)
        then = [self.row_of(job) for each in settle for job in each.then]
        answer = super().exchange([each._replace(then=()) for each in settle], claim)
        if Settled.SETTLED in answer.settled and then:
            with self.locked():
                for row in then:
                    self.put(row)
        return answer


@refused_by("durable.kill_retry", like="https://github.com/coleifer/huey/issues/915")
class RetriesInTwoSteps(Lonely):
    """A retry deletes the job, and stores it again."""

    def apply(self, row: Row, outcome: Outcome) -> None:
        super().apply(row, outcome)
        if isinstance(outcome, Retry):
            del self.rows[row.job.id]
            self.save()
            self.rows[row.job.id] = row


@refused_by("durable.kill_extend")
class ExtendsInTwoSteps(Lonely):
    """An extension deletes the claim, and stores it again."""

    def extend_one(self, claim: Claim, lease: float) -> Signal:
        signal = super().extend_one(claim, lease)
        if signal is Signal.HELD:
            row = self.rows.pop(claim.id)
            self.save()
            self.rows[claim.id] = row
            row.lease_ends = self.now() + round(lease * SECOND)
        return signal


@refused_by("durable.kill_open")
class BeginsWithAHeader(Lonely):
    """A new file has a header before it has anything else."""

    def load(self) -> None:
        if not self.file.exists():
            self.file.write_bytes(pickle.dumps(())[:1])
            self.save()
        super().load()


@refused_by("durable.kill_close")
class RewritesWhenItCloses(Lonely):
    """close makes the file smaller, in place."""

    def close(self) -> None:
        if not self.closed:
            with self.changed, self.alone():  # nobody but who is killed may notice
                content = self.file.read_bytes()
                with open(self.file, "wb") as file:
                    file.flush()
                    file.write(content)
        super().close()


@refused_by("durable.kill_insert", "durable.kill_open")
class LeavesItsLock(Lonely):
    """A file is the lock, and whoever is killed leaves it behind."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        descriptor = -1
        while True:
            try:
                descriptor = os.open(f"{self.side}.held", os.O_CREAT | os.O_EXCL)
                break
            except FileExistsError:
                threading.Event().wait(0.001)
        try:
            yield
        finally:
            os.close(descriptor)
            os.unlink(f"{self.side}.held")


@refused_by("durable.no_place")
class LetsTheSystemsErrorOut(Lonely):
    """A folder that isn't one is an error of the operating system's."""

    @contextmanager
    def alone(self) -> Iterator[None]:
        with open(self.side, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@refused_by("durable.garbage")
class LetsPicklesErrorOut(Lonely):
    """A damaged file raises whatever reading it raises."""

    def read(self, content: bytes) -> tuple[dict[str, Row], int, Around]:
        rows, numbers, around = pickle.loads(content)
        return rows, numbers, around


@refused_by("durable.torn_end", like="https://github.com/celery/kombu/pull/398")
class BeginsAnew(Lonely):
    """A file that ends oddly is taken for none."""

    def read(self, content: bytes) -> tuple[dict[str, Row], int, Around]:
        return super().read(content) if content.endswith(b".") else ({}, 0, Around())


@refused_by("durable.full_disk")
class SaysNothingOfAFullDisk(Lonely):
    """What couldn't be written is accepted."""

    def save(self) -> None:
        try:
            super().save()
        except PinionError:
            return
