"""The file is deleted, or another is put in its place, while it is in use: its users go on with what is there."""

import contextlib
import logging
import os
import shutil
import threading
from pathlib import Path

import pytest

from pinion.errors import StorageCorrupt, StorageError, StorageUnavailable
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Settled, Settlement, Signal
from pinion_sqlite import SqliteStorage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def names(storage: SqliteStorage) -> list[str]:
    return [job.func_name for job in storage.exchange(claim=ClaimRequest("w", 10)).jobs]


def delete(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def test_what_is_inserted_after_the_file_was_deleted_is_in_the_new_one(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("old")])
        delete(path)
        storage.insert([Job("new")])

        with SqliteStorage(path, create=False) as another:
            assert names(another) == ["new"]


def test_a_file_deleted_without_its_log_leaves_nothing_of_it(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("old")])
        path.unlink()
        storage.insert([Job("new")])

        with SqliteStorage(path, create=False) as another:
            assert names(another) == ["new"]


def test_a_wait_finds_a_job_in_the_new_file_and_says_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SqliteStorage(path) as storage, caplog.at_level(logging.WARNING, "pinion.sqlite"):
        found: list[str] = []
        waiting = threading.Thread(target=lambda: found.extend(_wait_for_one(storage)))
        waiting.start()
        delete(path)
        with SqliteStorage(path) as another:
            another.insert([Job("new")])
            waiting.join(60)

    assert found == ["new"]
    assert caplog.records and all(f"{path} was deleted or replaced" in each.getMessage() for each in caplog.records)


def _wait_for_one(storage: SqliteStorage) -> list[str]:
    while True:
        with contextlib.suppress(StorageUnavailable):  # between two files there may be none
            if found := names(storage):
                return found
            storage.wait(None, 60.0)


def test_a_claim_of_the_old_file_is_lost(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("old")])
        [job] = storage.exchange(claim=ClaimRequest("w")).jobs
        claim = Claim(job.id, job.token or "")
        delete(path)

        assert storage.extend([claim], 30.0) == [Signal.LOST]
        assert storage.exchange([Settlement(claim, Done())]).settled == [Settled.LOST]


def test_a_worker_that_is_never_idle_goes_on_with_the_new_file(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("old"), Job("old, too")])
        [job] = storage.exchange(claim=ClaimRequest("w")).jobs
        delete(path)
        with SqliteStorage(path) as another:
            another.insert([Job("new")])

        settled, jobs = storage.exchange([Settlement(Claim(job.id, job.token or ""), Done())], ClaimRequest("w", 10))

        assert settled == [Settled.LOST]
        assert [job.func_name for job in jobs] == ["new"]


def test_another_file_put_in_its_place_is_used_and_kept_whole(path: Path, tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "other.db") as other:
        other.insert([Job("other")])
    with SqliteStorage(path) as storage:
        storage.insert([Job("old")])
        delete(path)
        os.replace(tmp_path / "other.db", path)
        storage.wait(None, 0.0)

        assert names(storage) == ["other"]
        assert storage._read_one("PRAGMA integrity_check") == ("ok",)


def test_the_log_of_the_new_file_outlives_those_who_held_the_old_one(path: Path) -> None:
    with SqliteStorage(path) as old:
        old.insert([Job("old")])
        delete(path)
        new = SqliteStorage(path)
        new.insert([Job("new")])
    with new:
        assert names(new) == ["new"]


def test_something_else_in_its_place_is_refused_and_a_database_later_is_not(path: Path) -> None:
    with SqliteStorage(path) as storage:
        delete(path)
        path.write_text("no database" * 1000)

        with pytest.raises(StorageCorrupt):
            storage.insert([Job("lost")])

        path.unlink()
        storage.insert([Job("new")])
        assert names(storage) == ["new"]


def test_a_folder_that_is_gone_is_said_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    folder.mkdir()
    with SqliteStorage(folder / "jobs.db") as storage:
        shutil.rmtree(folder)

        with pytest.raises(StorageError, match="does not exist"):
            storage.insert([Job("lost")])

        folder.mkdir()
        storage.insert([Job("new")])
        assert names(storage) == ["new"]
