"""What a worker and the child process of one of its threads send each other: pickles, through a pipe of their own.

Nothing of it comes from a queue but arguments, which are plain values by then. A result or an exception travels as
bytes within its message, since a class of the task's may refuse to be put together again.
"""

import pickle
from dataclasses import dataclass, replace
from typing import Any

from pinion.job import Job
from pinion.outcome import Done, Failed, Outcome, Retry
from pinion.reference import Main, Reference
from pinion.retry import RetryPolicy
from pinion.storage import Line

__all__ = ["Answer", "Note", "Record", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """To the child: run this job.

    policy: as bytes, since its exceptions may be defined in the main script, which the child imports first.
    """

    job: Job
    reference: Reference
    main: Main
    policy: bytes

    @classmethod
    def to_run(cls, job: Job, reference: Reference, policy: RetryPolicy) -> "Request":
        return cls(job, reference, Main.here(), pickle.dumps(policy))

    def find(self) -> tuple[Any, RetryPolicy]:
        """The task, or its function, and the policy, imported from where they are. May raise anything."""
        if self.reference.module == "__main__" or b"__main__" in self.policy:
            self.main.run()
        return self.reference.find(), pickle.loads(self.policy)


@dataclass(frozen=True, slots=True)
class Note:
    """From the child: what its task has reported and logged."""

    progress: Any
    has_progress: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """From the child: a record for the log."""

    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """From the child: what the attempt came to.

    payload: the result, or the exception behind the error, as bytes; none if it can't be sent.
    """

    outcome: Outcome
    payload: bytes | None
    dropped: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "Answer":
        match outcome:
            case Done(None):
                return cls(outcome, None)
            case Done(result):
                try:
                    return cls(Done(), pickle.dumps(result))
                except Exception as refused:  # whatever its class does
                    return cls(Done(), None, str(refused))
            case Failed(error) | Retry(_, error):
                return cls(replace(outcome, error=replace(error, cause=None)), _bytes_of(error.cause))
        return cls(outcome, None)

    def unpacked(self) -> tuple[Outcome, str | None]:
        """The outcome, and why its result was dropped, if it was."""
        if self.payload is None:
            return self.outcome, self.dropped
        try:
            content = pickle.loads(self.payload)
        except Exception as refused:  # loading runs what its class likes
            return self.outcome, str(refused) if isinstance(self.outcome, Done) else None
        match self.outcome:
            case Failed(error) | Retry(_, error):
                return replace(self.outcome, error=replace(error, cause=content)), None
        return Done(content), None


def _bytes_of(raised: BaseException | None) -> bytes | None:
    try:
        return None if raised is None else pickle.dumps(raised)
    except Exception:  # whatever its class does
        return None
