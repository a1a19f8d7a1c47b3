"""Process tasks: each thread has a child process for them, which can die, and can be killed, without harm to others."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import process_tasks
from pinion import Job, Queue, Registry, RetryPolicy, Status, Worker, task
from pinion.errors import InvalidJob
from pinion.storage import Change, Filter
from pinion_memory import InMemoryStorage
from pinion_sqlite import SqliteStorage
from processes import until, worker
from threads import running

REGISTRY = process_tasks.REGISTRY


@pytest.fixture
def storage() -> InMemoryStorage:
    return InMemoryStorage()


def run(*jobs: Job, storage: InMemoryStorage | SqliteStorage | None = None, **options: Any) -> list[Job]:
    kept = storage or InMemoryStorage()
    kept.insert(jobs)
    Worker(kept, registry=REGISTRY, burst=True, **options).run_forever()
    return [kept.get(job.id) for job in jobs]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def hanging(folder: Path) -> list[int]:
    """The processes of the task that hangs, once it does."""
    until((folder / "hanging").exists)
    return [int(pid) for pid in (folder / "hanging").read_text().split()]


def test_a_process_task_runs_in_a_child_that_is_kept_for_the_next() -> None:
    one, two, here = run(Job("who"), Job("who"), Job("in_thread"))

    assert here.result == os.getpid()
    assert one.result["pid"] == two.result["pid"] != os.getpid()
    assert not is_alive(one.result["pid"])  # now that the worker has ended


def test_every_thread_has_a_child_of_its_own(storage: InMemoryStorage, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    storage.insert(jobs := [Job("until_file", (str(folder),)) for folder in folders])
    with running(Worker(storage, registry=REGISTRY, threads=2)) as worker:
        for folder in folders:
            until((folder / "begun").exists)
        assert len({(folder / "pid").read_text() for folder in folders}) == 2
        for folder in folders:
            (folder / "go").touch()
        until(lambda: worker.summary.succeeded == 2)

    assert [storage.get(job.id).result for job in jobs] == ["finished"] * 2


def test_an_async_task_may_run_in_a_process_and_its_arguments_are_rebuilt_there() -> None:
    [job] = run(Job("asynchronous", ("/tmp",)))

    kind, pid = job.result.split()
    assert (kind, int(pid) != os.getpid()) == ("PosixPath", True)


def test_an_exception_comes_back_with_its_traceback_and_the_policy_decides() -> None:
    plain, picky, covered = run(Job("fail", ("plain",)), Job("fail", ("picky",)), Job("fail_once_covered"))

    assert [(job.status, job.failures) for job in (plain, picky, covered)] == [(Status.FAILED, 2)] * 3
    assert plain.error is not None and picky.error is not None
    assert (plain.error.type, plain.error.message) == ("ValueError", "kaboom")
    assert plain.error.traceback.splitlines()[1].strip().endswith("in fail")
    assert (picky.error.type, picky.error.message) == ("process_tasks.Picky", "1 and 2")


def test_a_process_task_may_snooze() -> None:
    [job] = run(Job("later"))

    assert (job.result, job.failures) == (2, 0)


@pytest.mark.parametrize(
    ("how", "said"),
    [("exit", "status 7"), ("killed", "SIGKILL"), ("segfault", "SIGSEGV")],
)
def test_a_child_that_dies_fails_its_own_job_and_the_next_has_another(how: str, said: str) -> None:
    before, died, after = run(Job("who"), Job("die", (how,)), Job("who"))

    assert died.status is Status.FAILED
    assert died.error is not None and died.error.type.endswith("ProcessDied") and said in died.error.message
    assert (before.status, after.status) == (Status.SUCCESS, Status.SUCCESS)
    assert before.result["pid"] != after.result["pid"]


def test_leaving_by_an_exception_does_not_end_the_child() -> None:
    before, left, after = run(Job("who"), Job("die", ("politely",)), Job("who"))

    assert left.error is not None and left.error.type == "SystemExit"
    assert before.result["pid"] == after.result["pid"]


def test_a_timeout_kills_the_child_and_all_that_it_started(tmp_path: Path) -> None:
    job, after = run(Job("hang", (str(tmp_path),), timeout=2.0), Job("who"), retry=RetryPolicy(0))

    assert job.error is not None and job.error.type.endswith("TaskTimeout")
    assert after.status is Status.SUCCESS
    pids = hanging(tmp_path)
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_cancel_kills_the_child_and_all_that_it_started(storage: InMemoryStorage, tmp_path: Path) -> None:
    storage.insert([job := Job("hang", (str(tmp_path),)), after := Job("who")])
    with running(Worker(storage, registry=REGISTRY)) as worker:
        pids = hanging(tmp_path)
        storage.change(Change.CANCEL, Filter(ids=(job.id,)))
        until(lambda: worker.summary.finished == 2)
        until(lambda: not any(is_alive(pid) for pid in pids))

    assert (storage.get(job.id).status, storage.get(after.id).status) == (Status.CANCELLED, Status.SUCCESS)


def test_what_outlasts_the_grace_period_is_killed_and_handed_back(storage: InMemoryStorage, tmp_path: Path) -> None:
    storage.enqueue(job := Job("hang", (str(tmp_path),)))
    with running(Worker(storage, registry=REGISTRY, grace=0.1)) as worker:
        pids = hanging(tmp_path)

    left = storage.get(job.id)
    assert (left.status, left.failures, worker.summary.abandoned) == (Status.PENDING, 0, 0)
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_child_inherits_no_file_of_the_storage(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "jobs.db") as storage:
        [job] = run(Job("who"), storage=storage)

    assert [path for path in job.result["files"] if str(tmp_path) in path] == []


def test_a_child_leads_a_group_of_its_own_and_stays_when_it_is_told_to_end(
    storage: InMemoryStorage, tmp_path: Path
) -> None:
    storage.enqueue(job := Job("until_file", (str(tmp_path),)))
    with running(Worker(storage, registry=REGISTRY)) as worker:
        until((tmp_path / "begun").exists)
        pid = int((tmp_path / "pid").read_text())
        assert os.getpgid(pid) == pid
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        (tmp_path / "go").touch()
        until(lambda: worker.summary.finished == 1)

    assert storage.get(job.id).result == "finished"


def test_progress_lines_and_log_records_come_from_the_child(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    storage = InMemoryStorage()
    [job] = run(Job("talk"), storage=storage)

    assert (job.status, job.progress) == (Status.SUCCESS, {"done": 1})
    assert [line.text for line in storage.lines(job.id)] == ["a line"]
    said = {(record.name, record.getMessage()) for record in caplog.records}
    assert ("app", "a record of mine") in said
    assert any(name == "pinion.task" and text.endswith("a line") for name, text in said)


def test_the_last_report_of_many_is_kept() -> None:
    [job] = run(Job("chatty"))

    assert job.progress == 19_999


def test_a_process_task_cannot_complete_its_job_in_a_transaction() -> None:
    [job] = run(Job("complete"))

    assert job.error is not None and job.error.type.endswith("Unsupported")


def test_a_result_that_cannot_be_sent_is_dropped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    [job] = run(Job("odd_result"))

    assert (job.status, job.result) == (Status.SUCCESS, None)
    assert "not this one" in caplog.text


def test_what_no_other_process_could_import_is_refused_when_it_is_declared() -> None:
    with pytest.raises(InvalidJob, match="top of a module"):

        @task(registry=Registry(), process=True)
        def inside() -> None: ...

    with pytest.raises(InvalidJob, match="top of a module"):
        task("anonymous", registry=Registry(), process=True)(lambda: None)


def test_a_process_task_under_another_name_is_refused_when_the_worker_begins(storage: InMemoryStorage) -> None:
    hidden = Registry()

    @task(registry=Registry())
    def elsewhere() -> None: ...

    elsewhere.function.__qualname__ = "elsewhere"
    task(registry=hidden, process=True)(elsewhere.function)

    with pytest.raises(InvalidJob, match="something else"):
        Worker(storage, registry=hidden, burst=True).run_forever()


def test_a_policy_that_cannot_be_sent_is_refused_when_the_worker_begins(storage: InMemoryStorage) -> None:
    class Local(Exception): ...

    with pytest.raises(InvalidJob, match="policy can't be sent"):
        Worker(storage, RetryPolicy(on=Local), registry=REGISTRY, burst=True).run_forever()


# --- real workers -----------------------------------------------------------------------------------

TASKS = """
import os, pathlib, time
from pinion import task

@task(process=True)
def hang():
    place = pathlib.Path("hanging.tmp")
    place.write_text(str(os.getpid()))
    place.rename("hanging")
    while True:
        pass
"""


def test_a_child_dies_with_its_worker_also_when_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "hanging_tasks.py").write_text(TASKS)
    url = f"sqlite:///{tmp_path}/jobs.db"
    with Queue(url) as queue:
        queue.enqueue("hang")
    with worker(url, tmp_path, "--import", "hanging_tasks") as process:
        [pid] = hanging(tmp_path)
        assert is_alive(pid)

        process.kill()

    until(lambda: not is_alive(pid))


SCRIPT = """
import os, sys
from pinion import Job, Worker, task
from pinion_sqlite import SqliteStorage

class Mine(Exception):
    pass

@task(process=True)
def who():
    return os.getpid()

@task(process=True)
def fail():
    raise Mine("kaboom")

def main():
    with SqliteStorage("jobs.db") as storage:
        from pinion import RetryPolicy
        jobs = [Job("who", id="1"), Job("fail", id="2")]
        storage.insert(jobs)
        Worker(storage, RetryPolicy(1, 0.0, on=Mine), burst=True).run_forever()
        done, failed = (storage.get(job.id) for job in jobs)
        if done.error:
            print(done.error.message)
        else:
            print(done.result != os.getpid(), failed.failures, failed.error.message)

GUARD
    main()
"""


@pytest.mark.parametrize("words", [["app.py"], ["-m", "app"]])
def test_process_tasks_may_stand_in_a_script_that_is_guarded(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "app.py").write_text(SCRIPT.replace("GUARD", 'if __name__ == "__main__":'))

    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.stdout == "True 2 kaboom\n", done.stderr


def test_a_script_that_is_not_guarded_starts_no_worker_in_its_child_and_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SCRIPT.replace("GUARD", "if True:"))

    done = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert 'if __name__ == "__main__"' in done.stdout, done.stderr


def test_a_process_task_that_was_typed_in_is_refused(tmp_path: Path) -> None:
    code = "from pinion import task\n@task(process=True)\ndef work(): pass\n"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert "write it to a file" in done.stderr


def test_a_child_that_died_between_two_jobs_is_replaced(storage: InMemoryStorage) -> None:
    storage.enqueue(first := Job("who"))
    with running(Worker(storage, registry=REGISTRY)) as worker:
        until(lambda: worker.summary.succeeded == 1)
        pid = storage.get(first.id).result["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid))
        storage.enqueue(second := Job("who"))
        until(lambda: worker.summary.finished == 2)

    assert storage.get(second.id).status is Status.SUCCESS


def test_a_job_that_is_cancelled_as_it_ends_never_harms_the_next(storage: InMemoryStorage) -> None:
    """Whoever kills the child says so, and the next job looks."""
    from pinion.hooks import Hooks
    from pinion.notes import Notes
    from pinion.worker.process import ChildProcess
    from pinion.worker.report import Report

    child = ChildProcess(Report("me", Hooks()), Notes(storage))
    outcomes = []
    for _ in range(2):
        outcomes.append(child.run(Job("who"), REGISTRY["who"], RetryPolicy(0)))
        threading.Thread(target=child.end, args=(InvalidJob,)).start()
    child.close()

    assert [type(outcome).__name__ for outcome in outcomes] == ["Done", "Done"]
