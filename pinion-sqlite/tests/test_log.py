"""The log: what is synced to disk, when, and what others see meanwhile."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pinion.errors import StorageUnavailable
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Inserted, KeyHeld, Settlement
from pinion_sqlite import SqliteStorage, log
from pinion_sqlite.log import Log


class Disk:
    """Notes what is synced, and does it. before: what is called first."""

    def __init__(self) -> None:
        self.synced: list[bytes] = []
        self.before: Callable[[], object] = lambda: None
        self._sync = log._sync

    def sync(self, descriptor: int) -> None:
        self.before()
        self._sync(descriptor)
        self.synced.append(os.pread(descriptor, 10_000_000, 0))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    noting = Disk()
    monkeypatch.setattr(log, "_sync", noting.sync)
    return noting


@pytest.fixture
def storage(tmp_path: Path, disk: Disk) -> Iterator[SqliteStorage]:
    with SqliteStorage(tmp_path / "jobs.db") as opened:
        disk.synced.clear()
        yield opened


def test_a_job_is_on_the_disk_when_its_insert_returns(storage: SqliteStorage, disk: Disk) -> None:
    storage.insert([Job("task", ("what is to be kept",))])

    assert len(disk.synced) == 1
    assert b"what is to be kept" in disk.synced[0]


def test_a_claim_and_a_settlement_do_not_wait_for_the_disk(storage: SqliteStorage, disk: Disk) -> None:
    storage.insert([Job("task")])
    [job] = storage.exchange(claim=ClaimRequest("w")).jobs
    storage.exchange([Settlement(Claim(job.id, job.token or ""), Done())])

    assert len(disk.synced) == 1


@pytest.mark.parametrize("synchronous", ["normal", "off"])
def test_nothing_waits_for_the_disk_where_that_was_not_wanted(tmp_path: Path, disk: Disk, synchronous: str) -> None:
    with SqliteStorage(tmp_path / "jobs.db", synchronous=synchronous) as storage:
        storage.insert([Job("task")])

    assert disk.synced == []


def test_a_job_can_be_run_and_others_can_write_while_its_producer_waits_for_the_disk(
    storage: SqliteStorage, disk: Disk
) -> None:
    ran: list[str] = []

    def work() -> None:
        disk.before = lambda: None
        with SqliteStorage(storage.path, synchronous="normal") as other:
            [job] = other.exchange(claim=ClaimRequest("w")).jobs
            other.exchange([Settlement(Claim(job.id, job.token or ""), Done())])
            other.insert([Job("another")])
            ran.append(job.func_name)

    disk.before = work
    storage.insert([Job("task")])

    assert ran == ["task"]
    assert storage.size() == 1


def test_another_thread_writes_while_a_producer_waits_for_the_disk(storage: SqliteStorage, disk: Disk) -> None:
    waits, goes_on = threading.Event(), threading.Event()

    def wait() -> None:
        waits.set()
        goes_on.wait(30)

    disk.before = wait
    producer = threading.Thread(target=storage.insert, args=([Job("task")],))
    producer.start()
    waits.wait(30)
    [job] = storage.exchange(claim=ClaimRequest("w")).jobs
    still_waits = not disk.synced
    goes_on.set()
    producer.join()

    assert (job.func_name, still_waits) == ("task", True)


def test_an_answer_that_rests_on_another_job_waits_until_that_is_on_the_disk(
    storage: SqliteStorage, disk: Disk
) -> None:
    """The other's producer may be waiting still: a power cut must not undo what this one was told."""
    with SqliteStorage(storage.path, synchronous="normal") as other:
        holder = Job("holder", unique_key="key")
        other.insert([holder])

    assert storage.insert([Job("late", unique_key="key")]) == [KeyHeld(holder.id)]
    assert storage.insert([holder]) == [Inserted.SAME_ID]
    assert [b"holder" in content for content in disk.synced] == [True, True]


def test_the_log_that_is_there_now_is_synced(storage: SqliteStorage, disk: Disk) -> None:
    storage.insert([Job("task", ("in the old log",))])
    storage._connections.let_go()  # the last connection moves the log into the database, and deletes it
    assert not storage._connections.log.path.exists()
    storage.insert([Job("task", ("in the new log",))])

    assert b"in the new log" in disk.synced[-1]


def test_a_log_that_was_synced_while_no_connection_had_it_open_is_not_taken_for_the_next(
    storage: SqliteStorage, disk: Disk
) -> None:
    with SqliteStorage(storage.path, synchronous="normal") as other:
        other.insert([Job("task")])
        storage._connections.let_go()  # as another thread may, between a commit and its sync
        storage._connections.log.sync()
    assert not storage._connections.log.path.exists()
    storage.insert([Job("task", ("in the new log",))])

    assert b"in the new log" in disk.synced[-1]


def test_a_disk_that_fails_is_an_outage_and_the_call_may_be_repeated(storage: SqliteStorage, disk: Disk) -> None:
    def fail() -> None:
        disk.before = lambda: None
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk.before, job = fail, Job("task")
    with pytest.raises(StorageUnavailable, match=r"could not be synced to disk.*repeat the call"):
        storage.insert([job])

    assert storage.insert([job]) == [Inserted.SAME_ID]
    assert len(disk.synced) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_storage_that_is_closed_before_it_syncs_does_so_and_leaves_the_log_alone(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, sync = SqliteStorage(tmp_path / "jobs.db"), Log.sync

    def close_and_sync(wal: Log) -> None:
        storage.close()
        sync(wal)

    monkeypatch.setattr(Log, "sync", close_and_sync)
    with SqliteStorage(storage.path, synchronous="normal") as other:  # lest the log be deleted
        assert other.size() == 0
        storage.insert([Job("task", ("what is to be kept",))])
        opened = [os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]

        assert b"what is to be kept" in disk.synced[-1]
        assert len([name for name in opened if name.endswith("-wal")]) == _logs_of(other)


def _logs_of(storage: SqliteStorage) -> int:
    """How many of its connections have the log open."""
    return sum(each is not None for each in (storage._connections._reader, storage._connections._writer))
