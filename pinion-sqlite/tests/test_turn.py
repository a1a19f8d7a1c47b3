"""Whose turn it is: many waiters, and one job."""

import sys
import threading
from pathlib import Path

import pytest

from pinion.job import Job
from pinion.storage import ClaimRequest
from pinion_sqlite import SqliteStorage
from pinion_sqlite.turn import Turn
from processes import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def test_of_many_waiters_one_runs_for_a_job_and_the_others_go_on_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinion_sqlite.storage.BEHIND", 1.0)  # on a busy machine a claim may take longer than usual
    with SqliteStorage(path) as storage:
        claims: list[int] = []

        def consume() -> None:
            storage.wait(None, 30)
            claims.append(len(storage.exchange(claim=ClaimRequest("w")).jobs))

        threads = [threading.Thread(target=consume) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(storage._watches) == 3)
        for number in range(3):
            storage.insert([Job("a")])
            until(lambda number=number: len(claims) > number)
            until(lambda: _one_goes_next(storage) and not any(_looks_once_more(thread) for thread in threads))
    assert claims == [1, 1, 1], "whoever claims nothing has run in vain"


def _one_goes_next(storage: SqliteStorage) -> bool:
    """Whether the waiters, if there are any, have found out whose turn it is."""
    waits = list(storage._watches._used)
    return not waits or sum(watch.turn._mine for watch in waits) == 1


def _looks_once_more(thread: threading.Thread) -> bool:
    """Whether it saw a job before that was claimed, and waits for its second look."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code is not SqliteStorage._is_left_over.__code__:
        frame = frame.f_back
    return frame is not None


def test_waiters_go_on_though_the_one_whose_turn_it_is_has_been_frozen(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("a")])
        frozen = Turn(storage._connections.log.path)
        assert frozen.take()
        storage.exchange(claim=ClaimRequest("w"))
        waiter = threading.Thread(target=storage.wait, args=(None, 30))
        waiter.start()
        until(lambda: storage._watches)

        storage.insert([Job("b")])

        waiter.join(5)
        assert not waiter.is_alive()
        frozen.close()
