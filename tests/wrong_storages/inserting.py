"""Wrong ClaimStorages: inserting."""

import json
from collections.abc import Sequence
from typing import Any

from pinion import Job, Status
from pinion.errors import DuplicateJob, InvalidJob
from pinion.storage import Inserted, KeyHeld
from right_storages.plain import PlainStorage, Row
from wrong_storages.catalogue import refused_by


@refused_by("insert.answers")
class AnswersNewForKnown(PlainStorage):
    """Doesn't tell what was there."""

    def put(self, row: Row) -> Inserted | KeyHeld:
        answer = super().put(row)
        return Inserted.NEW if answer is Inserted.SAME_ID else answer


@refused_by("insert.twice_in_one")
class ForgetsTheBatch(PlainStorage):
    """What is known is asked before the batch, and not within it."""

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        with self.locked():
            known = set(self.rows)
        answers = super().insert(jobs, connection=connection)
        return [
            Inserted.NEW if answer is Inserted.SAME_ID and job.id not in known else answer
            for job, answer in zip(jobs, answers, strict=True)
        ]


@refused_by("insert.pending_again")
class ReplacesWhatIsThere(PlainStorage):
    """INSERT OR REPLACE."""

    def put(self, row: Row) -> Inserted | KeyHeld:
        answer = super().put(row)
        if answer is Inserted.SAME_ID:
            self.rows[row.job.id].call = row.call
        return answer


@refused_by("insert.running_again")
class TakesARunningJobFromItsHolder(PlainStorage):
    """Whoever inserts a running job again gets it."""

    def comes_back(self, known: Job, brought: Job) -> bool:
        return known.status is Status.RUNNING or super().comes_back(known, brought)


@refused_by("insert.running_again", "settle.inserted_again")
class KeepsARunningJob(PlainStorage):
    """Its holder can't give it back by enqueueing it."""

    def comes_back(self, known: Job, brought: Job) -> bool:
        return known.status is not Status.RUNNING and super().comes_back(known, brought)


@refused_by("insert.failed_again")
class RetriesWhateverFailed(PlainStorage):
    """A repeated enqueue of long ago makes a failed job run again."""

    def comes_back(self, known: Job, brought: Job) -> bool:
        return known.status is Status.FAILED or super().comes_back(known, brought)


@refused_by("insert.finished_again")
class RunsWhatIsDoneAgain(PlainStorage):
    """A repeated enqueue makes a job that is done run again."""

    def comes_back(self, known: Job, brought: Job) -> bool:
        done = known.status in (Status.SUCCESS, Status.CANCELLED) and known.attempts == brought.attempts
        return done or super().comes_back(known, brought)


@refused_by("insert.all_or_nothing", "priority.refused")
class StoresUpToTheBadOne(PlainStorage):
    """Half a batch."""

    promises = frozenset()

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        return [answer for job in jobs for answer in super(StoresUpToTheBadOne, self).insert([job])]


@refused_by("insert.all_or_nothing")
class ChecksNothing(PlainStorage):
    """Accepts a job without a name."""

    def accept(self, jobs: Any, connection: Any = None) -> None:
        return None


@refused_by("insert.unserializable")
class LetsTheCodecsErrorOut(PlainStorage):
    """What json raises is not one of Pinion's errors."""

    def row_of(self, job: Job) -> Row:
        json.dumps([job.args, job.kwargs])
        return super().row_of(job)


@refused_by("insert.unserializable", like="https://github.com/Zipstack/unstract/pull/2217")
class FindsOutWhenItClaims(PlainStorage):
    """Accepts anything, and can't hand it out."""

    def row_of(self, job: Job) -> Row:
        try:
            return super().row_of(job)
        except InvalidJob:
            row = super().row_of(Job(job.func_name, id=job.id))
            row.call = "unknown"
            return row


@refused_by("insert.keeps", "settle.gives_back")
class DropsHeaders(PlainStorage):
    """Has no column for them."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        row.job.headers = {}
        return row


@refused_by("insert.keeps", like="https://github.com/apalis-dev/apalis/issues/553")
class MixesItsColumnsUp(PlainStorage):
    """Failures and attempts changed places."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        if job.failures > 1:
            row.job.failures, row.job.attempts = job.attempts, job.failures
        return row


@refused_by("insert.pending")
class BelievesTheStatus(PlainStorage):
    """A job that says it is done is stored as done."""

    def row_of(self, job: Job) -> Row:
        row = super().row_of(job)
        if job.status in (Status.SUCCESS, Status.CANCELLED):
            row.job.status = job.status
        return row


@refused_by("insert.caller_keeps")
class WritesIntoTheCallersJob(PlainStorage):
    """Leaves a note in its headers."""

    def row_of(self, job: Job) -> Row:
        if job.headers:
            job.headers["stored"] = "yes"
        return super().row_of(job)


@refused_by("insert.duplicate")
class SwallowsDuplicates(PlainStorage):
    """enqueue says nothing if nothing was stored."""

    def enqueue(self, job: Job) -> None:
        try:
            super().enqueue(job)
        except DuplicateJob:
            return


@refused_by("insert.many")
class HasTooFewVariables(PlainStorage):
    """A statement takes 999 values, and what is beyond is cut off."""

    def insert(self, jobs: Sequence[Job], *, connection: Any = None) -> list[Inserted | KeyHeld]:
        return super().insert(jobs[:999], connection=connection)
