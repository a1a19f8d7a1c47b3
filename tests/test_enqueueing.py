"""Enqueueing by the task: its options, those of one job, many at once, the caller's transaction, the default queue."""

import asyncio
import inspect
import pickle
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from default import default
from five_methods import ListStorage
from pinion import Job, Queue, Registry, Status, Worker, default_queue, set_default_queue, task
from pinion.clock import as_datetime
from pinion.errors import DuplicateJob, InvalidArguments, InvalidJob, InvalidURL, Unserializable, Unsupported
from pinion.hooks import Hooks
from pinion.storage import Promise, Query
from pinion.task import Task
from pinion.testing import ManualClock
from pinion_memory import InMemoryStorage
from pinion_sqlite import SqliteStorage

registry = Registry()


@task(registry=registry)
def add(a: int, b: int = 1) -> int:
    """The sum."""
    return a + b


@task("greetings", queue="mail", priority=5, timeout=timedelta(minutes=1), keep=60, registry=registry)
def greet(name: str) -> str:
    return f"hello {name}"


@task(registry=registry)
async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


@pytest.fixture
def queue(url: str) -> Iterator[Queue]:
    with default(url, registry) as opened:
        yield opened


def work(queue: Queue) -> None:
    Worker(queue.storage, registry=registry, burst=True).run_forever()


# --- by the task ----------------------------------------------------------------------------------


def test_a_task_is_called_as_before_and_enqueued_with_the_same_arguments(queue: Queue) -> None:
    handle = add.enqueue(2, b=3)
    work(queue)

    assert add(2, b=3) == handle.result(0) == 5


def test_an_async_task_is_enqueued_and_its_result_is_what_it_returns(queue: Queue) -> None:
    handle = double.enqueue(4)
    work(queue)

    assert handle.result(0) == 8
    assert asyncio.run(double(4)) == 8


def test_a_task_keeps_name_docstring_and_signature_of_its_function() -> None:
    assert add.__name__ == "add"
    assert add.__doc__ == "The sum."
    assert str(inspect.signature(add)) == "(a: int, b: int = 1) -> int"
    assert inspect.iscoroutinefunction(double)
    assert not inspect.iscoroutinefunction(add)


def test_options_of_the_task_go_with_each_of_its_jobs(queue: Queue) -> None:
    job = greet.enqueue("ann").job()

    assert (job.func_name, job.queue, job.priority, job.timeout, job.keep) == ("greetings", "mail", 5, 60.0, 60)


def test_they_go_with_it_also_if_the_task_is_given_by_name(queue: Queue) -> None:
    job = queue.enqueue("greetings", "ann").job()

    assert (job.queue, job.priority) == ("mail", 5)


def test_options_of_one_job_stand_apart_from_its_arguments(queue: Queue) -> None:
    urgent = greet.using(priority=9, timeout=None, headers={"from": "a test"})

    job = urgent.using(queue="now").enqueue("ann").job()

    assert (job.queue, job.priority, job.timeout, job.keep) == ("now", 9, None, 60)
    assert (job.args, job.headers) == (("ann",), {"from": "a test"})
    assert greet.enqueue("ann").job().priority == 5


def test_a_delay_is_counted_by_the_clock_of_the_storage() -> None:
    clock = ManualClock()
    queue = Queue(InMemoryStorage(clock=clock), registry=registry)
    clock.advance(1e6)

    job = add.using(delay=timedelta(hours=1), on=queue).enqueue(1).job()

    assert job.run_at == as_datetime(clock.now()) + timedelta(hours=1)


def test_a_job_may_wait_for_a_moment(queue: Queue) -> None:
    moment = datetime(2100, 1, 1, tzinfo=UTC)

    assert add.using(at=moment).enqueue(1).job().run_at == moment


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delay": 1, "at": datetime(2100, 1, 1, tzinfo=UTC)}, "delay= or at="),
        ({"delay": -1}, "at least 0, got -1"),
        ({"priority": 1.5}, "priority must be a whole number"),
        ({"queue": ""}, "queue must be printable text"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0"),
        ({"unique_for": 5}, "give unique= too"),
        ({"unique": 5}, "unique must be True, a text"),
        ({"headers": {"pinion.secret": "0"}}, "Pinion's own"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_when_it_is_given(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidJob, match=said):
        add.using(**options)  # type: ignore[arg-type]


def test_an_option_of_the_task_that_makes_no_sense_is_refused_at_its_declaration() -> None:
    with pytest.raises(InvalidJob, match="job 'wrong': priority"):
        task("wrong", priority=2**40, registry=Registry())(lambda: None)


def test_an_unknown_way_out_of_a_conflict_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidJob, match="on_conflict must be one of existing, raise, replace, got 'ignore'"):
        add.using(on_conflict="ignore").enqueue(1)


def test_arguments_that_do_not_fit_are_refused_and_nothing_is_stored(queue: Queue) -> None:
    with pytest.raises(InvalidArguments):
        add.enqueue()  # type: ignore[call-arg]
    with pytest.raises(InvalidArguments):
        add.using(priority=1).enqueue(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(Unserializable):
        add.enqueue(threading.Lock())  # type: ignore[arg-type]

    assert queue.find(Query()) == []


def test_five_methods_are_given_no_delay_whatever_they_say() -> None:
    class Boasts(ListStorage):
        promises = frozenset({Promise.DELAY})

    storage = Boasts()

    with pytest.raises(Unsupported, match="DELAY"):
        add.using(delay=5, on=Queue(storage, registry=registry)).enqueue(1)
    assert storage.size() == 0


def test_what_the_storage_does_not_promise_is_refused() -> None:
    five = Queue(ListStorage(), registry=registry)

    with pytest.raises(Unsupported, match="DELAY"):
        add.using(delay=5, on=five).enqueue(1)
    with pytest.raises(Unsupported, match="TRANSACTIONS"):
        add.using(connection=object(), on=five).enqueue(1)
    with pytest.raises(Unsupported, match="CONTROLS"):
        add.using(unique=True, on_conflict="replace", on=five).enqueue(1)


# --- many, and ready-made jobs --------------------------------------------------------------------


def test_many_jobs_are_stored_at_once_each_with_its_handle(queue: Queue) -> None:
    handles = queue.enqueue_many([add.job(1), greet.job("ann"), add.using(priority=3).job(5)])
    work(queue)

    assert [handle.result(0) for handle in handles] == [2, "hello ann", 6]
    assert handles[2].job().priority == 3


def test_one_job_that_cannot_be_stored_keeps_the_others_out(queue: Queue) -> None:
    with pytest.raises(Unserializable):
        queue.enqueue_many([add.job(1), Job("add", (object(),))])
    with pytest.raises(InvalidArguments):
        queue.enqueue_many([add.job(1), Job("add", (1, 2, 3))])

    assert queue.find(Query()) == []


def test_a_call_whose_reply_was_lost_may_be_repeated(queue: Queue) -> None:
    jobs = [add.job(1), add.job(2)]
    first = queue.enqueue_many(jobs[:1])

    both = queue.enqueue_many(jobs)

    assert both[0] == first[0]
    assert [handle.created for handle in both] == [False, True]
    with pytest.raises(DuplicateJob):
        queue.submit(jobs[0])


def test_plugins_hear_of_every_job_that_is_stored() -> None:
    heard: list[str] = []
    hooks = Hooks([("job_enqueued", lambda job: heard.append(job.id))])
    queue = Queue(InMemoryStorage(), registry=registry, hooks=hooks)

    stored = [add.using(on=queue).enqueue(1), *queue.enqueue_many([add.job(2), add.job(3)])]

    assert heard == [handle.id for handle in stored]


def test_storages_of_five_methods_are_enqueued_to() -> None:
    queue = Queue(ListStorage(), registry=registry)

    handle = add.using(on=queue).enqueue(1)

    assert queue.storage.size() == 1
    with pytest.raises(Unsupported, match="INSPECTS"):
        handle.status()
    with pytest.raises(Unsupported, match="RESULTS"):
        handle.result()


# --- in an event loop -----------------------------------------------------------------------------


def test_an_event_loop_enqueues_without_being_blocked(queue: Queue) -> None:
    async def enqueue() -> list[int]:
        one = await add.aenqueue(1)
        two = await queue.aenqueue(add, 2)
        three, four = await queue.aenqueue_many([add.job(3), add.using(priority=1).job(4)])
        five = await add.using(priority=2).aenqueue(5)
        await asyncio.to_thread(work, queue)
        return [await each for each in (one, two, three, four, five)]

    assert asyncio.run(enqueue()) == [2, 3, 4, 5, 6]


def test_a_storage_that_is_slow_does_not_stop_the_loop() -> None:
    class Slow(InMemoryStorage):
        go_on = threading.Event()

        def insert(self, jobs, *, connection=None):  # type: ignore[no-untyped-def]
            assert self.go_on.wait(30)
            return super().insert(jobs, connection=connection)

    queue = Queue(Slow(), registry=registry)

    async def enqueue() -> Status:
        enqueueing = asyncio.create_task(add.using(on=queue).aenqueue(1))
        await asyncio.sleep(0)
        Slow.go_on.set()  # the loop gets here, or nobody does
        return (await enqueueing).status()

    assert asyncio.run(asyncio.wait_for(enqueue(), 30)) is Status.PENDING


# --- the caller's own transaction -----------------------------------------------------------------


def test_a_job_is_there_if_and_only_if_the_callers_transaction_commits(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "jobs.db") as storage, Queue(storage, registry=registry) as queue:
        connection = storage.connect()
        mine = add.using(connection=connection, on=queue)

        with connection:
            kept = mine.enqueue(1)
            queue.enqueue_many([add.job(2)], connection=connection)
        lost = mine.enqueue(3)
        connection.rollback()
        connection.close()

        assert kept.status() is Status.PENDING
        assert lost.id not in [job.id for job in queue.find(Query())]
        assert storage.size() == 2


def test_an_event_loop_uses_the_callers_connection_in_its_own_thread(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "jobs.db") as storage, Queue(storage, registry=registry) as queue:
        connection = storage.connect()

        async def enqueue() -> None:
            with connection:
                await add.using(connection=connection, on=queue).aenqueue(1)
                await queue.aenqueue_many([add.job(2)], connection=connection)

        asyncio.run(enqueue())
        connection.close()

        assert storage.size() == 2


# --- the default queue ----------------------------------------------------------------------------


@pytest.fixture
def no_default() -> Iterator[None]:
    before = set_default_queue(None)
    yield
    set_default_queue(before)


@pytest.mark.usefixtures("no_default")
def test_tasks_enqueue_where_pinion_url_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PINION_URL", f"sqlite:///{tmp_path}/jobs.db")

    handle = add.enqueue(1)

    assert handle.queue is default_queue()
    default_queue().close()
    with Queue(f"sqlite:///{tmp_path}/jobs.db") as queue:
        assert queue.get(handle.id).func_name == "add"


@pytest.mark.usefixtures("no_default")
def test_without_a_default_queue_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PINION_URL", raising=False)

    with pytest.raises(InvalidURL, match=r"set PINION_URL.*set_default_queue.*using\(on=queue\)"):
        add.enqueue(1)


@pytest.mark.usefixtures("no_default")
def test_many_threads_open_one_default_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINION_URL", "memory://")
    found: list[Queue] = []
    threads = [threading.Thread(target=lambda: found.append(default_queue())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len({id(queue) for queue in found}) == 1


# --- pickling -------------------------------------------------------------------------------------


def plain(number: int) -> int:
    return number


renamed = task("another name", priority=3, secret=("number",), registry=registry)(plain)


def test_a_task_is_pickled_by_reference() -> None:
    assert pickle.loads(pickle.dumps(add)) is add


def test_a_task_that_stands_under_another_name_is_remade_of_its_function() -> None:
    again = pickle.loads(pickle.dumps(renamed))

    assert isinstance(again, Task)
    assert again.function is plain
    assert (again.name, again.options, again.secret) == ("another name", renamed.options, ("number",))


def test_the_module_asyncio_is_not_imported_by_pinion() -> None:
    import subprocess

    code = "import sys, pinion; sys.exit('asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
