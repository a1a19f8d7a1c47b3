"""Unique keys: what they are made of, and what becomes of a job whose key another one holds."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from default import default
from pinion import Queue, Registry, Status, Worker, task
from pinion.errors import InvalidArguments, InvalidJob, JobNotFound, UniqueKeyHeld, Unserializable
from pinion.hooks import Hooks
from pinion.storage import ClaimRequest, Inserted, KeyHeld, Query
from pinion_memory import InMemoryStorage

registry = Registry()


@task(unique=True, registry=registry)
def count(table: str, deep: bool = False, **how: Any) -> None: ...


@task(unique="mail-{address}", unique_while="pending", registry=registry)
def mail(address: str, text: str = "") -> None: ...


@task(unique=lambda number: f"even-{number}" if number % 2 == 0 else None, registry=registry)
def even(number: int) -> None: ...


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    with default(url, registry) as opened:
        yield opened


def work(queue: Queue) -> None:
    Worker(queue.storage, registry=registry, burst=True).run_forever()


# --- what a key is made of ------------------------------------------------------------------------


def test_a_job_is_the_same_however_its_arguments_are_given(queue: Queue) -> None:
    handles = [count.enqueue("a"), count.enqueue(table="a"), count.enqueue("a", deep=False)]

    assert len({handle.id for handle in handles}) == 1
    assert [handle.created for handle in handles] == [True, False, False]


def test_other_arguments_make_another_key(queue: Queue) -> None:
    handles = [count.enqueue("a"), count.enqueue("b"), count.enqueue("a", True), count.enqueue("a", how=["x"])]

    assert all(handle.created for handle in handles)


def test_a_text_is_filled_in_with_the_arguments_it_names(queue: Queue) -> None:
    first, second = mail.enqueue("ann", "one"), mail.enqueue(text="two", address="ann")

    assert second == first
    assert first.job().unique_key == "mail-ann"


def test_a_function_makes_the_key_and_may_make_none(queue: Queue) -> None:
    assert [even.enqueue(2).created, even.enqueue(2).created] == [True, False]
    assert [even.enqueue(3).created, even.enqueue(3).created] == [True, True]


def test_one_job_may_have_another_key_or_none(queue: Queue) -> None:
    mail.enqueue("ann")

    assert mail.using(unique=None).enqueue("ann").job().unique_key is None
    assert mail.using(unique="{address}/{text}").enqueue("ann", "x").job().unique_key == "ann/x"


@pytest.mark.parametrize(
    ("unique", "secret", "said"),
    [
        ("mail-{adress}", (), "names 'adress', which is none of its parameters: address, password"),
        ("mail-{0}", (), "names '0'"),
        ("mail-{address", (), "isn't a text that can be filled in"),
        ("{password}", ("password",), "would show 'password', which is secret"),
        (True, ("password",), "unique=True would put a digest of what is secret into the key"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_at_the_declaration(
    unique: Any, secret: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InvalidJob, match=said):

        @task(unique=unique, secret=secret, registry=Registry())
        def register(address: str, password: str) -> None: ...


def test_a_key_that_cannot_be_made_of_these_arguments_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidArguments, match="can't be filled in"):
        mail.using(unique="{address.host}").enqueue("ann")
    with pytest.raises(InvalidJob, match="unique_key must be printable text of 1 to 255"):
        mail.enqueue("ann" * 100)
    with pytest.raises(Unserializable):
        count.enqueue(object())  # type: ignore[arg-type]


# --- as long as it is held ------------------------------------------------------------------------


def test_a_key_is_free_when_its_job_is_finished(queue: Queue) -> None:
    first = count.enqueue("a")
    work(queue)

    assert count.enqueue("a").created
    assert first.status() is Status.SUCCESS


def test_a_key_may_be_held_by_waiting_jobs_only(queue: Queue) -> None:
    first = mail.enqueue("ann")
    [running] = queue.storage.exchange(claim=ClaimRequest("test")).jobs  # type: ignore[union-attr]

    assert running.id == first.id
    assert mail.enqueue("ann").created


def test_a_key_may_be_held_for_a_time_whatever_becomes_of_the_job(queue: Queue) -> None:
    first = count.using(unique_for=3600).enqueue("a")
    work(queue)

    assert count.enqueue("a") == first


# --- on conflict ----------------------------------------------------------------------------------


def test_a_conflict_is_an_error_if_asked_for(queue: Queue) -> None:
    first = mail.enqueue("ann")

    with pytest.raises(UniqueKeyHeld, match="'mail-ann' is held by") as caught:
        mail.using(on_conflict="raise").enqueue("ann")

    assert caught.value.holder == first.id


def test_a_waiting_holder_is_replaced(queue: Queue) -> None:
    first = mail.enqueue("ann", "old")

    second = mail.using(on_conflict="replace", delay=60).enqueue("ann", "new")

    assert second.created
    assert second.job().args == ("ann", "new")
    with pytest.raises(JobNotFound):
        first.status()


def test_a_running_holder_is_not_replaced(queue: Queue) -> None:
    first = count.enqueue("a")
    queue.storage.exchange(claim=ClaimRequest("test"))  # type: ignore[union-attr]

    with pytest.raises(UniqueKeyHeld, match="doesn't wait any more"):
        count.using(on_conflict="replace").enqueue("a")

    assert first.status() is Status.RUNNING


def test_a_finished_holder_is_not_replaced_nor_its_result_lost(queue: Queue) -> None:
    first = count.using(unique_for=3600).enqueue("a")
    work(queue)

    with pytest.raises(UniqueKeyHeld):
        count.using(on_conflict="replace").enqueue("a")

    assert first.status() is Status.SUCCESS


def test_a_job_that_cannot_be_stored_replaces_nothing(queue: Queue) -> None:
    first = mail.enqueue("ann")

    with pytest.raises(Unserializable):
        mail.using(on_conflict="replace").enqueue("ann", object())  # type: ignore[arg-type]

    assert first.status() is Status.PENDING


@pytest.mark.parametrize("committed", [True, False])
def test_a_job_is_replaced_in_the_callers_transaction_if_that_commits(tmp_path: Path, committed: bool) -> None:
    with Queue(f"sqlite:///{tmp_path}/jobs.db", registry=registry) as queue:
        replacing = mail.using(on=queue, on_conflict="replace")
        replacing.enqueue("ann", "old")
        connection = queue.storage.connect()  # type: ignore[union-attr]

        replacing.using(connection=connection).enqueue("ann", "new")
        (connection.commit if committed else connection.rollback)()
        connection.close()

        assert [job.args[1] for job in queue.find(Query())] == ["new" if committed else "old"]


def test_hooks_are_told_of_a_job_that_replaces_another() -> None:
    told: list[str] = []

    hooks = Hooks([("job_enqueued", lambda job: told.append(job.args[1]))])
    queue = Queue(InMemoryStorage(), registry=registry, hooks=hooks)
    for text in ("old", "new"):
        mail.using(on=queue, on_conflict="replace").enqueue("ann", text)

    assert told == ["old", "new"]


def test_of_many_jobs_those_whose_key_is_held_are_answered_each(queue: Queue) -> None:
    first = mail.enqueue("ann")

    handles = queue.enqueue_many([mail.job("ann"), mail.job("bob"), mail.job("bob")])
    replaced = queue.enqueue_many([mail.job("ann", "new")], on_conflict="replace")

    assert handles[0] == first
    assert handles[1] == handles[2]
    assert [handle.created for handle in (*handles, *replaced)] == [False, True, False, True]
    with pytest.raises(UniqueKeyHeld):
        queue.enqueue_many([mail.job("bob")], on_conflict="raise")


def test_many_that_replace_at_once_leave_exactly_one(queue: Queue) -> None:
    begin = threading.Barrier(8)
    raised: list[Exception] = []

    def replace(number: int) -> None:
        begin.wait(30)
        try:
            for turn in range(10):
                mail.using(on_conflict="replace").enqueue("ann", f"{number}.{turn}")
        except Exception as wrong:
            raised.append(wrong)

    threads = [threading.Thread(target=replace, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert raised == []
    assert [job.status for job in queue.find(Query())] == [Status.PENDING]


def test_a_holder_that_lets_go_meanwhile_is_no_conflict() -> None:
    class Finishing(InMemoryStorage):
        """The holder of a key is claimed and finished just before it is to be replaced."""

        def replace(self, *args: Any, **kwargs: Any) -> Inserted | KeyHeld:
            job = self.dequeue(0)
            assert job is not None
            self.mark_done(job)
            return super().replace(*args, **kwargs)

    queue = Queue(Finishing(), registry=registry)
    first = count.using(on=queue).enqueue("a")

    second = count.using(on=queue, on_conflict="replace").enqueue("a")

    assert second.created
    assert first.status() is Status.SUCCESS
