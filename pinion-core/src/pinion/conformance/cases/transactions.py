"""TRANSACTIONS: `insert` and `exchange` may run in the caller's own transaction, given its connection."""

from typing import Any

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import Level, chapter
from pinion.conformance.trial import WORKER, Trial, claim_of, names
from pinion.errors import Unsupported
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import ClaimRequest, Inserted, KeyHeld, Promise, Settlement

__all__ = ["cases", "connection_of"]

cases = chapter(Promise.TRANSACTIONS)


@cases("transactions.connect", level=Level.PROVISIONAL)
def connect(trial: Trial) -> None:
    """The storage's own `connect()` opens a connection (PEP 249) that insert and exchange take."""
    connection = connection_of(trial)
    connection.close()


@cases("transactions.insert", level=Level.PROVISIONAL)
def insert(trial: Trial) -> None:
    """A job inserted with the caller's connection is there if and only if the caller commits."""
    connection = connection_of(trial)
    try:
        trial.claims.insert([Job("rolled back")], connection=connection)
        connection.rollback()
        trial.expect_none("the caller rolled its transaction back")
        trial.claims.insert([Job("committed")], connection=connection)
        expect(trial.claims.size() == 0, "the caller's transaction isn't committed yet, but others see its job")
        connection.commit()
    finally:
        connection.close()
    came = names(trial.take(10))
    expect(came == "committed", f"one insert was rolled back and one committed; a claim got {came}")


@cases("transactions.settle", level=Level.PROVISIONAL)
def settle(trial: Trial) -> None:
    """A settlement with the caller's connection counts if and only if the caller commits."""
    trial.put("task")
    job = trial.take_one()
    connection = connection_of(trial)
    try:
        trial.claims.exchange([Settlement(claim_of(job), Done())], connection=connection)
        connection.rollback()
        trial.expire()
        job = trial.take_one()
        trial.claims.exchange([Settlement(claim_of(job), Done())], connection=connection)
        connection.commit()
    finally:
        connection.close()
    trial.expire()
    trial.expect_none("the job was settled, in a transaction that the caller committed")


@cases("transactions.unique", besides=(Promise.UNIQUE,), level=Level.PROVISIONAL)
def unique(trial: Trial) -> None:
    """A key taken in the caller's transaction is held there at once, and elsewhere if and only if the caller commits."""
    connection = connection_of(trial)
    one, two = Job("one", unique_key="key"), Job("two", unique_key="key")
    try:
        trial.claims.insert([Job("rolled back", unique_key="key")], connection=connection)
        connection.rollback()
        got = trial.claims.insert([one, two], connection=connection)
        expect(got == [Inserted.NEW, KeyHeld(one.id)], f"two jobs of one key, in one transaction, were answered {got}")
        connection.commit()
    finally:
        connection.close()
    got = trial.claims.insert([Job("other", unique_key="key")])
    expect(
        got == [KeyHeld(one.id)], f"a job took the key in a transaction that was committed; another was answered {got}"
    )


def connection_of(trial: Trial) -> Any:
    """One of the caller's own, by the storage's `connect()`."""
    open_one = getattr(trial.storage, "connect", None)
    if open_one is None:
        raise Broken(f"{trial.facts.kind} has no method connect() by which the kit could get a connection")
    return open_one()


@cases("transactions.refused", unless=True)
def refused(trial: Trial) -> None:
    """Without the promise, a connection is refused with Unsupported, and nothing is changed."""
    for call in (
        lambda: trial.claims.insert([Job("task")], connection=object()),
        lambda: trial.claims.exchange(claim=ClaimRequest(WORKER), connection=object()),
    ):
        trial.put("there")
        try:
            got = call()
        except Unsupported:
            came = names(trial.take(10))
            expect(came == "there", f"a connection was refused with Unsupported; then a claim got {came}")
        else:
            raise Broken(
                f"{trial.facts.kind} doesn't promise TRANSACTIONS, so connection= must raise Unsupported, but it answered {got}"
            )
