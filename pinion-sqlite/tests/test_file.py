"""The file: created, refused, migrated, backed up, filled up, and used by several at once."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pinion.errors import InvalidURL, StorageClosed, StorageCorrupt, StorageError, StorageUnavailable
from pinion.job import Job, Status
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Inserted, Settlement
from pinion_sqlite import SqliteStorage, open_storage
from pinion_sqlite.filesystem import check_place, network_filesystem
from pinion_sqlite.schema import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def test_a_relative_url_is_a_file_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with open_storage("sqlite:///jobs.db") as storage:
        assert storage.path == tmp_path / "jobs.db"


def test_four_slashes_name_an_absolute_file(path: Path) -> None:
    with open_storage(f"sqlite:///{path}") as storage:
        assert storage.path == path


@pytest.mark.parametrize(
    "url", ["sqlite:", "sqlite://", "sqlite:///", "sqlite://host/jobs.db", "sqlite:///a.db?nope=1"]
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL):
        open_storage(url)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database, though long enough to look at" * 100)
    before = path.read_bytes()

    with pytest.raises(StorageCorrupt, match="not an SQLite database"):
        SqliteStorage(path)

    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    SqliteStorage(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE pinion_schema SET version = 99, compatible = 99")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StorageCorrupt, match="newer pinion-sqlite"):
        SqliteStorage(path)

    assert path.read_bytes() == before


def test_an_older_worker_goes_on_with_a_newer_file_that_says_it_may(path: Path) -> None:
    with SqliteStorage(path) as older:
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE pinion_jobs ADD COLUMN added_later TEXT")
            connection.execute("UPDATE pinion_schema SET version = ?", (VERSION + 1,))
        connection.close()
        older.insert([Job("a")])
        with SqliteStorage(path) as reopened:
            [job] = reopened.exchange(claim=ClaimRequest("w")).jobs

    assert job.func_name == "a"


def test_a_file_is_opened_while_somebody_holds_its_write_lock(path: Path) -> None:
    SqliteStorage(path).close()
    holder = sqlite3.connect(path)
    holder.execute("BEGIN IMMEDIATE")

    with SqliteStorage(path) as storage:  # it would wait for 30 s, if it wanted the lock, and then fail
        storage.insert([Job("a")], connection=holder)
        holder.commit()
        assert storage.size() == 1

    holder.close()


def test_a_damaged_file_is_reported_as_such(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("a", ("x" * 2000,)) for _ in range(200)])
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)

    def use() -> None:
        with SqliteStorage(path) as storage:
            storage.counts()
            storage.exchange(claim=ClaimRequest("w", 500))

    with pytest.raises(StorageCorrupt):
        use()


def test_a_missing_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        SqliteStorage(tmp_path / "none" / "jobs.db")
    with pytest.raises(InvalidURL, match="is a folder"):
        SqliteStorage(tmp_path)


def test_a_reader_does_not_create_a_file(path: Path) -> None:
    with pytest.raises(StorageError, match="no such file"):
        SqliteStorage(path, create=False)

    assert not path.exists()


def test_the_local_disk_is_no_network_filesystem(tmp_path: Path) -> None:
    check_place(tmp_path / "jobs.db", create=True)


def test_a_closed_storage_says_so(path: Path) -> None:
    storage = SqliteStorage(path)
    storage.close()
    storage.close()

    with pytest.raises(StorageClosed):
        storage.insert([Job("a")])


def test_a_full_disk_loses_nothing_and_ends(path: Path) -> None:
    with SqliteStorage(path) as storage:
        first = Job("kept")
        storage.insert([first])
        pages = storage._connections.write(lambda writer: writer.execute("PRAGMA page_count").fetchone()[0])
        storage._connections._writer.execute(f"PRAGMA max_page_count = {pages + 4}")  # type: ignore[union-attr]

        with pytest.raises(StorageUnavailable, match="disk is full"):
            storage.insert([Job("too much", ("x" * 100_000,))])

        assert storage.size() == 1
        storage._connections._writer.execute("PRAGMA max_page_count = 1000000")  # type: ignore[union-attr]
        assert storage.insert([Job("fits again", ("x" * 100_000,))]) == [Inserted.NEW]
        assert storage.get(first.id).status is Status.PENDING


def test_a_backup_taken_while_jobs_run_is_whole(path: Path, tmp_path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("a", (n,)) for n in range(500)])
        [job] = storage.exchange(claim=ClaimRequest("w")).jobs

        storage.backup(tmp_path / "copy.db")

        storage.exchange([Settlement(Claim(job.id, job.token or ""), Done())])
    with SqliteStorage(tmp_path / "copy.db") as copy:
        assert copy.counts() == {"default": {Status.PENDING: 499, Status.RUNNING: 1}}


def test_a_job_inserted_on_the_callers_connection_is_there_if_and_only_if_it_commits(path: Path) -> None:
    with SqliteStorage(path) as storage:
        mine = sqlite3.connect(path, isolation_level=None)
        mine.execute("BEGIN IMMEDIATE")
        storage.insert([Job("rolled back")], connection=mine)
        mine.execute("ROLLBACK")
        mine.execute("BEGIN IMMEDIATE")
        storage.insert([Job("committed")], connection=mine)
        unseen = storage.size()
        mine.execute("COMMIT")
        mine.close()

        assert (unseen, storage.size()) == (0, 1)


def test_another_connections_lock_is_waited_for(path: Path) -> None:
    with SqliteStorage(path) as storage:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(1.5, lambda: other.execute("COMMIT"))
        timer.start()

        inserted = storage.insert([Job("a")])

        timer.join()
        other.close()
    assert inserted == [Inserted.NEW]


def test_threads_that_insert_at_once_share_commits(path: Path) -> None:
    with SqliteStorage(path) as storage:
        start = threading.Barrier(16)

        def produce() -> None:
            start.wait()
            for _ in range(50):
                storage.insert([Job("a")])

        threads = [threading.Thread(target=produce) for _ in range(16)]
        before = storage._connections._writes
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert storage.size() == 800
        assert storage._connections._writes - before < 800


def test_the_log_does_not_grow_without_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pinion_sqlite.connection.LOG_LIMIT", 200_000)
    with SqliteStorage(path) as storage:
        for _ in range(200):
            storage.insert([Job("a", ("x" * 500,)) for _ in range(20)])

        assert storage._connections.log.path.stat().st_size < 2_000_000


def test_a_forked_child_uses_the_queue_and_leaves_the_parent_alone(path: Path) -> None:
    script = """
import os, sys
from pinion_sqlite import SqliteStorage
from pinion.job import Job
from pinion.storage import ClaimRequest
storage = SqliteStorage(sys.argv[1])
storage.insert([Job("from the parent")])
child = os.fork()
if child == 0:
    storage.insert([Job("from the child")])
    storage.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
storage.insert([Job("from the parent again")])
print(len(storage.exchange(claim=ClaimRequest("w", 10)).jobs))
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(path)], capture_output=True, text=True, timeout=60
    )

    assert (run.stdout.strip(), run.stderr) == ("3", "")
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


def test_processes_that_create_one_file_at_once_all_succeed(path: Path) -> None:
    script = "import sys\nfrom pinion_sqlite import SqliteStorage\nSqliteStorage(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", script, str(path)], stderr=subprocess.PIPE) for _ in range(6)]

    errors = [process.communicate(timeout=60)[1] for process in processes]

    assert errors == [b""] * 6


def test_a_network_filesystem_is_seen_in_the_list_of_mounts() -> None:
    mounts = [
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
        "40 22 0:40 / /mnt/share rw shared:9 - nfs4 server:/export rw",
        "41 40 0:41 / /mnt/share/local\\040disk rw shared:9 - ext4 /dev/sdb1 rw",
    ]

    found = [
        network_filesystem(Path(place), mounts)
        for place in ("/mnt/share/jobs", "/mnt/share/local disk", "/mnt", "/mnt/shared")
    ]

    assert found == ["nfs4", None, None, None]


def test_a_checkpoint_that_cannot_be_made_does_not_fail_what_was_committed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LOG_LIMIT": 1, "CHECK_EVERY": 1, "BUSY_SECONDS": 0.05}.items():
        monkeypatch.setattr(f"pinion_sqlite.connection.{name}", value)
    with SqliteStorage(path) as storage:
        storage.insert([Job("a"), Job("b")])
        rival, begun = storage.connect(), []

        def take_the_lock_before_the_checkpoint(statement: str) -> None:
            if statement == "BEGIN IMMEDIATE":
                begun.append(statement)
                if len(begun) == 2:
                    rival.execute(statement)

        assert storage._connections._writer
        storage._connections._writer.set_trace_callback(take_the_lock_before_the_checkpoint)

        jobs = storage.exchange(claim=ClaimRequest("w", limit=2)).jobs

        assert rival.in_transaction
        rival.close()
    assert [job.func_name for job in jobs] == ["a", "b"]


def test_a_job_that_cannot_be_decoded_is_settled_in_the_transaction_that_claimed_it(path: Path) -> None:
    with SqliteStorage(path) as storage:
        storage.insert([Job("damaged"), Job("whole")])
        mine = storage.connect()
        mine.execute("UPDATE pinion_jobs SET call = '{' WHERE func_name = 'damaged'")

        jobs = storage.exchange(claim=ClaimRequest("w", limit=2), connection=mine).jobs
        mine.commit()
        mine.close()

        assert [job.func_name for job in jobs] == ["whole"]
        assert storage.counts() == {"default": {Status.RUNNING: 1, Status.FAILED: 1}}


FORKED_AND_LEFT_ALONE = """
import os, sys, time
from pinion import Job, SqliteStorage
storage = SqliteStorage(sys.argv[1])
storage.enqueue(Job("parent"))
closed, told = os.pipe()
if os.fork() == 0:
    storage.enqueue(Job("child"))
    os.close(told)
    os.read(closed, 1)
    storage.enqueue(Job("child"))
    print("accepted", flush=True)
    time.sleep(30)
    os._exit(0)
while storage.size() < 2:
    time.sleep(0.005)
storage.close()
"""


def test_what_a_forked_child_enqueues_after_its_parent_has_closed_is_kept(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", FORKED_AND_LEFT_ALONE, path], stdout=subprocess.PIPE
    )
    assert child.stdout
    try:
        assert child.stdout.readline() == b"accepted\n"

        with SqliteStorage(path) as storage:
            assert storage.size() == 3
    finally:
        child.stdout.close()
        child.wait(10)


FORKED_AMONG_WRITERS = """
import os, signal, sys, threading
from pinion import Job, SqliteStorage
storage, ended = SqliteStorage(sys.argv[1], synchronous="off"), threading.Event()
def write():
    while not ended.is_set():
        storage.enqueue(Job("parent"))
threads = [threading.Thread(target=write) for _ in range(3)]
for thread in threads:
    thread.start()
statuses = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        storage.enqueue(Job("child"))
        os._exit(0)
    statuses.append(os.waitpid(child, 0)[1])
ended.set()
for thread in threads:
    thread.join()
print(statuses.count(0))
"""


def test_a_child_that_was_forked_while_other_threads_wrote_can_write(path: Path) -> None:
    program = [sys.executable, "-W", "ignore", "-c", FORKED_AMONG_WRITERS, path]

    assert subprocess.run(program, capture_output=True, timeout=120, check=True).stdout == b"20\n"
