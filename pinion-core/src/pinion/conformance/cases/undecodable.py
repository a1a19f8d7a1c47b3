"""CLAIMS: jobs that can't be decoded, where a storage takes a codec."""

from typing import Any

from pinion.codec import JsonCodec
from pinion.conformance.broken import expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.trial import Trial, names
from pinion.errors import UndecodableJob
from pinion.job import Status
from pinion.outcome import Done
from pinion.storage import Inspects, Query

__all__ = ["cases"]

cases = chapter(CLAIMS)


@cases("claim.undecodable", codec=True)
def undecodable(trial: Trial) -> None:
    """A stored job that can't be decoded is settled FAILED, alone; the others are claimed."""
    storage = trial.open(trial.elsewhere(), codec=_Forgetful())
    [_, poison, _] = trial.put("one", "poison", "two", into=storage, args=("text",))
    jobs = trial.take(10, of=storage) + trial.take(10, of=storage)
    expect(names(jobs) == "one, two", f"the second of three jobs can't be decoded; two claims got {names(jobs)}")
    trial.expire()
    for job in jobs:
        trial.settle(job, Done(), of=storage)
    trial.expect_none("two jobs are done, and one can't be decoded", of=storage)
    if isinstance(storage, Inspects):
        shown = storage.get(poison.id)
        expect(shown.status is Status.FAILED, f"a job that can't be decoded must be FAILED, but is {shown.status}")
        kind = shown.error.type if shown.error else None
        expect(kind == "pinion.errors.UndecodableJob", f"it must have the error UndecodableJob, but has {kind}")
        listed = [job.id for job in storage.find(Query())]
        expect(poison.id in listed, "find must list a job that can't be decoded")


class _Forgetful(JsonCodec):
    """Knows no more what every second call was."""

    name = "forgetful"

    def __init__(self) -> None:
        super().__init__()
        self._calls = 0

    def encode_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        self._calls += 1
        return super().encode_call(("gone", *args), kwargs) if self._calls == 2 else super().encode_call(args, kwargs)

    def decode_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = super().decode_call(text)
        if args[:1] == ("gone",):
            raise UndecodableJob("the second call can't be decoded")
        return args, kwargs
