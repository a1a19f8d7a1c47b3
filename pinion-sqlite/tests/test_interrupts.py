"""Ctrl-C, or the timeout of a task, comes at any moment: what it interrupts holds up nobody else."""

import contextlib
import ctypes
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from alarm import Alarm, Interrupted
from pinion.errors import TaskTimeout
from pinion.job import Job
from pinion_sqlite import SqliteStorage
from pinion_sqlite.commits import GroupCommit
from processes import until


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    with Alarm() as alarm:
        yield alarm


# Python drops an exception that comes inside a callback of its collector, and says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_insert_that_is_interrupted_at_any_moment_keeps_no_lock(tmp_path: Path, alarm: Alarm) -> None:
    with SqliteStorage(tmp_path / "jobs.db", synchronous="off") as storage, SqliteStorage(storage.path) as other:
        for _ in range(300):
            # Twice, since it may come just as the inner block is left.
            with contextlib.suppress(Interrupted), contextlib.suppress(Interrupted):
                alarm.set(random.uniform(0.0001, 0.001))
                _enqueue_until(alarm, storage)

            storage.enqueue(Job("after"))
            other.enqueue(Job("after"))

        assert storage.size() >= 600


def _enqueue_until(alarm: Alarm, storage: SqliteStorage) -> None:
    while not alarm.rang:
        storage.enqueue(Job("interrupted"))


def test_a_caller_whose_turn_comes_as_it_is_interrupted_passes_it_on() -> None:
    began, go, ended = threading.Event(), threading.Event(), []

    def commit(items: Sequence[str]) -> Sequence[str]:
        began.set()
        assert go.wait(10)
        return items

    commits: GroupCommit[str, str] = GroupCommit(commit)

    def submit(item: str) -> None:
        try:
            ended.append(commits.submit(item))
        except TaskTimeout:
            ended.append("interrupted")

    threads = []
    for number, item in enumerate(["first", "second", "third"]):
        threads.append(threading.Thread(target=submit, args=(item,), daemon=True))
        threads[-1].start()
        assert began.wait(10)
        until(lambda number=number: len(commits._gathered) == number)  # type: ignore[misc]
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threads[1].ident or 0), ctypes.py_object(TaskTimeout))
    go.set()

    for thread in threads:
        thread.join(10)
    assert sorted(ended) == ["first", "interrupted", "third"]
    assert commits.submit("fourth") == "fourth"


def test_the_timeout_of_the_task_that_commits_for_others_is_not_theirs() -> None:
    began, go, ended = threading.Event(), threading.Event(), []

    def commit(items: Sequence[str]) -> Sequence[str]:
        if items[0] == "first":
            began.set()
            assert go.wait(10)
        elif items[0] == "second":
            raise TaskTimeout
        return items

    commits: GroupCommit[str, str] = GroupCommit(commit)

    def submit(item: str) -> None:
        try:
            ended.append(commits.submit(item))
        except Exception as raised:
            ended.append(type(raised).__name__)

    threads = []
    for number, item in enumerate(["first", "second", "third"]):
        threads.append(threading.Thread(target=submit, args=(item,), daemon=True))
        threads[-1].start()
        assert began.wait(10)
        until(lambda number=number: len(commits._gathered) == number)  # type: ignore[misc]
    go.set()

    for thread in threads:
        thread.join(10)
    assert sorted(ended) == ["StorageUnavailable", "TaskTimeout", "first"]
