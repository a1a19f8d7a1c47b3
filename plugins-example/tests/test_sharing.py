"""One file, several processes: they share it, die in the middle, compact it, fork, and fill the disk."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinion.job import Job, Status
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Query, Settled, Settlement
from pinion_example_file import FileStorage, UnsyncedFileStorage, journal
from pinion_example_file.journal import SLACK

MANY = ClaimRequest("worker", limit=1000, lease=600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.log"


def start(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True)


def claim_all(storage: FileStorage) -> list[Claim]:
    return [Claim(job.id, job.token or "") for job in storage.exchange(claim=MANY).jobs]


def compact(storage: FileStorage, held: Claim) -> None:
    """Change one job so often that the log is compacted."""
    storage.extend([held] * 2 * SLACK, 600.0)


# --- two processes ------------------------------------------------------------------------------------

RUN_ALL = """
import sys
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Settled, Settlement
from pinion_example_file import FileStorage

storage = FileStorage(sys.argv[1])
while jobs := storage.exchange(claim=ClaimRequest("worker", limit=3)).jobs:
    answers = storage.exchange([Settlement(Claim(job.id, job.token), Done()) for job in jobs]).settled
    assert answers == [Settled.SETTLED] * len(jobs), answers
    print(*(job.args[0] for job in jobs), sep="\\n", flush=True)
"""


def test_two_processes_run_500_jobs_exactly_once(path: Path) -> None:
    with FileStorage(path) as storage:
        storage.insert([Job("run", (number,)) for number in range(500)])

    processes = [start(RUN_ALL, path) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(int(number) for output in outputs for number in output) == list(range(500))
    with FileStorage(path) as storage:
        assert storage.counts() == {"default": {Status.SUCCESS: 500}}


# --- SIGKILL ------------------------------------------------------------------------------------------

ENDLESS = """
import itertools, sys
from pinion.job import Job
from pinion.outcome import Done
from pinion.storage import Claim, ClaimRequest, Settlement
from pinion_example_file import FileStorage

storage = FileStorage(sys.argv[1])
for number in itertools.count():
    job = Job("run", (number,))
    storage.insert([job])
    print("inserted", job.id, flush=True)
    [held] = storage.exchange(claim=ClaimRequest("worker", limit=1, lease=600.0)).jobs
    storage.exchange([Settlement(Claim(held.id, held.token), Done())])
    print("settled", held.id, flush=True)
"""


def test_whatever_a_killed_process_was_told_is_true(path: Path) -> None:
    told: list[list[str]] = []
    for reads in range(1, 16):
        process = start(ENDLESS, path)
        assert process.stdout is not None
        told += [process.stdout.readline().split() for _ in range(reads)]
        process.kill()
        told += [line.split() for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        process.wait()

    with FileStorage(path) as storage:
        status = {job.id: job.status for job in storage.find(Query(limit=10**6))}
    assert len(told) > 100
    for event, job_id in told:
        assert status[job_id] is Status.SUCCESS if event == "settled" else job_id in status


def killed_before_line(path: Path, number: int) -> bool:
    """Insert in a forked child that SIGKILL hits before its n-th line of our code. False if it got through."""
    child = os.fork()
    if child == 0:
        kill_before_line(number)
        with UnsyncedFileStorage(path) as storage:
            storage.insert([Job("last")])
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill_before_line(number: int) -> None:
    monitoring, tool, lines = sys.monitoring, 4, iter(range(number))

    def line(code: object, _: int) -> object:
        if "pinion_example_file" not in getattr(code, "co_filename", ""):
            return monitoring.DISABLE
        if next(lines, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return None

    monitoring.use_tool_id(tool, "kill")
    monitoring.register_callback(tool, monitoring.events.LINE, line)
    monitoring.set_events(tool, monitoring.events.LINE)


def test_a_process_killed_before_any_line_of_a_compaction_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with UnsyncedFileStorage(path) as storage:
        storage.insert([Job("kept", id="kept")])
        storage.exchange(claim=MANY)
    long, deaths = path.read_bytes(), 0
    monkeypatch.setattr(journal, "SLACK", -100)  # from here on, every change compacts

    while killed_before_line(path, deaths):
        with UnsyncedFileStorage(path) as storage:
            assert storage.get("kept").status is Status.RUNNING
            assert len(storage.find(Query())) in (1, 2)
        path.write_bytes(long)
        deaths += 1

    assert deaths > 100
    with UnsyncedFileStorage(path) as storage:
        assert len(storage.find(Query())) == 2
    assert path.read_bytes().count(b"\n") == 3


# --- compaction ---------------------------------------------------------------------------------------


def test_compaction_shortens_the_log_and_changes_nothing_else(path: Path) -> None:
    with FileStorage(path) as storage:
        storage.insert([Job("run", (number,), queue=f"queue-{number % 3}") for number in range(20)])
        before = storage.find(Query())
        length = path.stat().st_size

        compact(storage, claim_all(storage)[0])

        assert path.stat().st_size < 3 * length
        assert [(job.id, job.args, job.queue) for job in storage.find(Query())] == [
            (job.id, job.args, job.queue) for job in before
        ]
        assert storage.counts() == {f"queue-{n}": {Status.RUNNING: 7 if n < 2 else 6} for n in range(3)}


INSERT_200 = """
import sys
from pinion.job import Job
from pinion_example_file import FileStorage

storage = FileStorage(sys.argv[1])
for number in range(200):
    storage.insert([Job("other", id=f"other-{number}")])
print("done")
"""


def test_another_process_appends_while_the_log_is_compacted_and_nothing_is_lost(path: Path) -> None:
    with FileStorage(path) as storage:
        storage.insert([Job("mine")])
        [held] = claim_all(storage)
        seen = {path.stat().st_ino}
        other = start(INSERT_200, path)

        while other.poll() is None:
            compact(storage, held)
            seen.add(path.stat().st_ino)

        assert other.communicate()[0] == "done\n"
        assert len(seen) > 1
        assert {job.id for job in storage.find(Query(limit=1000))} == {held.id, *(f"other-{n}" for n in range(200))}


def test_a_log_that_cannot_be_compacted_stays_long_and_says_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FileStorage(path) as storage:
        storage.insert([Job("run")])
        (path.parent / "jobs.log.new").mkdir()

        with caplog.at_level(logging.WARNING, "pinion.file"):
            compact(storage, claim_all(storage)[0])

        assert caplog.messages[0].startswith(f"{path} stays as long as it is")
        assert storage.counts() == {"default": {Status.RUNNING: 1}}


# --- threads and forks --------------------------------------------------------------------------------


def test_the_threads_of_a_process_share_one_storage(path: Path) -> None:
    claimed: list[str] = []
    with UnsyncedFileStorage(path) as storage:

        def run() -> None:
            while jobs := storage.exchange(claim=ClaimRequest("worker", limit=2)).jobs:
                claimed.extend(job.id for job in jobs)

        jobs = [Job("run") for _ in range(200)]
        storage.insert(jobs)
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(claimed) == sorted(job.id for job in jobs)


def forked(storage: FileStorage) -> int:
    child = os.fork()
    if child == 0:
        storage.insert([Job("child", id=f"child-{os.getpid()}")])
        os._exit(0)
    return child


@pytest.fixture
def busy(path: Path) -> Iterator[FileStorage]:
    """A storage that another thread of this process uses without a pause."""
    over = threading.Event()
    with UnsyncedFileStorage(path) as storage:

        def use() -> None:
            while not over.is_set():
                storage.insert([Job("busy")])

        thread = threading.Thread(target=use)
        thread.start()
        yield storage
        over.set()
        thread.join()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_an_operation_uses_the_storage_like_any_process(busy: FileStorage) -> None:
    children = [forked(busy) for _ in range(20)]

    statuses = [os.waitpid(child, 0)[1] for child in children]

    assert statuses == [0] * 20
    for child in children:
        assert busy.get(f"child-{child}").status is Status.PENDING


# --- a full disk --------------------------------------------------------------------------------------

FULL_DISK = """
import resource, sys
from pathlib import Path
from pinion.errors import StorageUnavailable
from pinion.job import Job
from pinion_example_file import FileStorage

path = Path(sys.argv[1])
storage = FileStorage(path)
storage.insert([Job("before", id="before")])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, unlimited[1]))
try:
    storage.insert([Job("no room", id="no room")])
except StorageUnavailable as refused:
    print(refused)
assert storage.size() == 1
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
storage.insert([Job("after", id="after")])
"""


def test_a_full_disk_refuses_a_job_loses_none_and_is_over_when_there_is_room(path: Path) -> None:
    process = start(FULL_DISK, path)

    said, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert said.startswith(f"{path}: nothing was changed, try again later")
    with FileStorage(path) as storage:
        assert [job.id for job in storage.find(Query())] == ["after", "before"]


def test_a_repeated_settlement_is_known_after_a_compaction(path: Path) -> None:
    with FileStorage(path) as storage:
        storage.insert([Job("run"), Job("other")])
        one, other = claim_all(storage)
        done = Settlement(one, Done(3))
        storage.exchange([done])

        compact(storage, other)

        assert storage.exchange([done]).settled == [Settled.SETTLED]
        assert storage.get(one.id).result == 3


def test_a_waiting_process_sees_what_another_inserted(path: Path) -> None:
    with FileStorage(path) as storage:
        other = start(INSERT_200, path)

        storage.wait(None, 30.0)

        assert storage.size() > 0
        other.communicate(timeout=60)
