"""The command line, in real processes."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from command import Folder, clean
from pinion import Job, Queue
from processes import until, worker

COMMANDS = [
    *("backends", "cancel", "conformance", "delete", "drain", "enqueue", "list", "logs", "pause", "purge", "resume"),
    *("retry", "show", "stats", "worker"),
]
FIELDS = {
    *("id", "func_name", "args", "kwargs", "queue", "priority", "status", "attempts", "failures", "lost"),
    *("created_at", "run_at", "started_at", "finished_at", "worker", "error", "result", "unique_key", "timeout"),
    *("unique_while", "unique_for", "keep", "headers", "progress", "history"),
}


# --- pinion itself --------------------------------------------------------------------------------


def test_pinion_alone_runs_one_job_and_shows_its_result(folder: Folder) -> None:
    done = folder.pinion()

    assert (done.status, done.err) == (0, "")
    assert "add(1, 2)" in done.out and "SUCCESS" in done.out and "result 3" in done.out


def test_the_script_and_the_module_are_the_same(folder: Folder) -> None:
    script = Path(sys.executable).parent / "pinion"

    by_script = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)

    assert by_script.stdout == folder.pinion("--version").out
    assert re.fullmatch(r"pinion, version \d+\.\d+\.\d+\n", by_script.stdout)


def test_help_lists_every_command_with_a_sentence(folder: Folder) -> None:
    done = folder.pinion("--help")

    described = re.findall(r"^  (\w+)  +\S", done.out, re.MULTILINE)
    assert done.status == 0
    assert [name for name in described if name in COMMANDS] == COMMANDS


# --- enqueue, worker, show ------------------------------------------------------------------------


def test_a_job_goes_from_the_command_line_to_its_result(folder: Folder) -> None:
    job = folder.enqueue("add", "--args", "[1]", "--kwargs", '{"b": 2}', "--import", "some_tasks")

    before = folder.show(job)
    folder.burst()
    after = folder.show(job)

    assert (before["status"], before["args"], before["kwargs"]) == ("PENDING", [1], {"b": 2})
    assert (after["status"], after["result"], after["attempts"], after["error"]) == ("SUCCESS", 3, 1, None)


def test_a_job_has_all_its_fields_and_times_with_a_zone(folder: Folder) -> None:
    job = folder.enqueue("fail", "--args", '["no luck"]')
    folder.burst()

    shown = folder.show(job)

    assert set(shown) == FIELDS
    for name in ("created_at", "started_at", "finished_at"):
        assert datetime.fromisoformat(shown[name]).utcoffset() == timedelta(0), name
    assert (shown["status"], shown["failures"]) == ("FAILED", 1)
    assert shown["error"]["type"] == "ValueError"
    assert shown["error"]["message"] == "no luck"
    assert "raise ValueError(text)" in shown["error"]["traceback"]


def test_what_json_lacks_is_shown_in_a_form_that_people_read(folder: Folder) -> None:
    values = (datetime(2026, 1, 2, tzinfo=UTC), date(2026, 1, 2), timedelta(seconds=90), Decimal("1.50"), b"ab\xff")
    values += (UUID(int=1), frozenset({2, 1}), (3, 4), {"k": "v"})  # type: ignore[assignment]
    with Queue(f"sqlite:///{folder.path}/jobs.db") as queue:
        job = queue.enqueue("anything", *values)

    assert folder.show(job.id)["args"] == [
        *("2026-01-02T00:00:00+00:00", "2026-01-02", "0:01:30", "1.50", "ab\\xff"),
        *("00000000-0000-0000-0000-000000000001", [1, 2], [3, 4], {"k": "v"}),
    ]


def test_text_that_the_output_cannot_carry_is_escaped(folder: Folder) -> None:
    text = "\U0001f600 \x1b[31m"
    job = folder.enqueue("fail", "--args", json.dumps([text]))
    folder.burst()

    as_json = folder.pinion("show", folder.URL, job, "--json", env={"PYTHONIOENCODING": "latin-1"})
    as_text = folder.pinion("show", folder.URL, job, env={"PYTHONIOENCODING": "latin-1"})
    as_list = folder.pinion("list", folder.URL, env={"PYTHONIOENCODING": "latin-1"})

    assert as_json.json()["args"] == [text]
    assert (as_text.status, as_list.status) == (0, 0)
    assert r"\U0001f600 \u001b[31m" in as_text.out
    assert "\x1b" not in as_text.out + as_list.out


def test_the_url_may_come_from_the_environment(folder: Folder) -> None:
    enqueued = folder.pinion("enqueue", "add", "--args", "[1, 2]", env={"PINION_URL": folder.URL})
    shown = folder.pinion("show", enqueued.out.strip(), "--json", env={"PINION_URL": folder.URL})
    given = folder.pinion("stats", folder.URL, "--json", env={"PINION_URL": "sqlite:///another.db"})

    assert shown.json()["func_name"] == "add"
    assert given.json()["total"]["PENDING"] == 1


def test_a_time_without_a_zone_is_local(folder: Folder) -> None:
    done = folder.pinion("enqueue", folder.URL, "add", "--at", "2030-06-01T12:00", env={"TZ": "Asia/Tokyo"})
    zoned = folder.enqueue("add", "--at", "2030-06-01T12:00+02:00")

    assert datetime.fromisoformat(folder.show(done.out.strip())["run_at"]) == datetime(2030, 6, 1, 3, tzinfo=UTC)
    assert datetime.fromisoformat(folder.show(zoned)["run_at"]) == datetime(2030, 6, 1, 10, tzinfo=UTC)


def test_a_delay_counts_from_now(folder: Folder) -> None:
    begun = datetime.now(UTC)

    job = folder.enqueue("add", "--delay", "3600", "--queue", "mail", "--priority", "-7")

    shown = folder.show(job)
    assert timedelta(0) <= datetime.fromisoformat(shown["run_at"]) - begun - timedelta(hours=1) < timedelta(seconds=60)
    assert (shown["queue"], shown["priority"]) == ("mail", -7)


def test_an_imported_task_has_its_own_options_and_secrets_where_none_are_given(folder: Folder) -> None:
    (folder.path / "signing.py").write_text(
        "from pinion import task\n@task(queue='auth', priority=3, timeout=9, secret=('password',))\n"
        "def sign_in(user, password): ...\n"
    )
    words = ("sign_in", "--args", '["ann", "hunter2"]', "--import", "signing")

    own, given = folder.enqueue(*words), folder.enqueue(*words, "--queue", "mail", "--priority", "0", "--timeout", "2m")

    first, second = folder.show(own), folder.show(given)
    printed = folder.pinion("show", folder.URL, own).out + folder.pinion("list", folder.URL, "--json").out
    assert (first["queue"], first["priority"], first["timeout"]) == ("auth", 3, 9)
    assert (second["queue"], second["priority"], second["timeout"]) == ("mail", 0, 120)
    assert first["args"] == second["args"] == ["ann", "[secret]"]
    assert "hunter2" not in printed


def test_enqueue_warns_where_the_job_ends_with_the_command(folder: Folder) -> None:
    done = folder.pinion("enqueue", "memory://", "add")

    assert done.status == 0
    assert re.fullmatch(r"[0-9a-f-]{36}\n", done.out)
    assert done.err.startswith("pinion: warning: ") and done.err.count("\n") == 1


# --- stats and list -------------------------------------------------------------------------------


def test_stats_count_every_status_of_every_queue(folder: Folder) -> None:
    folder.enqueue("add", "--args", "[1, 2]")
    folder.enqueue("fail", "--args", '["x"]')
    folder.burst()
    folder.enqueue("add", "--queue", "mail")

    stats = folder.pinion("stats", folder.URL, "--json").json()

    none = {"PENDING": 0, "RUNNING": 0, "SUCCESS": 0, "FAILED": 0, "CANCELLED": 0}
    assert stats == {
        "total": none | {"PENDING": 1, "SUCCESS": 1, "FAILED": 1},
        "queues": {"default": none | {"SUCCESS": 1, "FAILED": 1}, "mail": none | {"PENDING": 1}},
    }


def test_stats_of_an_empty_storage_are_zeros(folder: Folder) -> None:
    stats = folder.pinion("stats", "memory://", "--json").json()

    assert stats["queues"] == {}
    assert set(stats["total"].values()) == {0}


def test_stats_are_a_table_for_people(folder: Folder) -> None:
    folder.enqueue("add", "--queue", "mail")

    lines = folder.pinion("stats", folder.URL).out.splitlines()

    assert [line.split() for line in lines] == [
        ["queue", "PENDING", "RUNNING", "SUCCESS", "FAILED", "CANCELLED"],
        ["mail", "1", "0", "0", "0", "0"],
        ["(all)", "1", "0", "0", "0", "0"],
    ]


def test_list_chooses_by_status_queue_and_task_and_prints_what_show_prints(folder: Folder) -> None:
    failed = folder.enqueue("fail", "--args", '["two\\nlines"]')
    folder.burst()
    mail, other = folder.enqueue("ADD", "--queue", "mail"), folder.enqueue("other")

    def ids(*options: str) -> list[str]:
        return [job["id"] for job in folder.pinion("list", folder.URL, "--json", *options).json()]

    assert ids() == [failed, mail, other]
    assert ids("--limit", "2") == [failed, mail]
    assert ids("--status", "failed") == ids("--status", "FAILED") == [failed]
    assert ids("--queue", "mail") == ids("--task", "add") == [mail]
    assert ids("--queue", "nobody") == []
    assert folder.pinion("list", folder.URL, "--json", "--limit", "1").json() == [folder.show(failed)]
    assert len(folder.pinion("list", folder.URL).out.splitlines()) == 1 + 3


def test_a_reader_that_has_read_enough_ends_the_command_quietly(folder: Folder) -> None:
    with Queue(f"sqlite:///{folder.path}/jobs.db") as queue:
        queue.submit_many([Job("add", ("x" * 1000,)) for _ in range(300)])
    read, write = os.pipe()
    os.close(read)

    try:
        run = subprocess.run(
            [sys.executable, "-m", "pinion", "list", folder.URL, "--limit", "300", "--json"],
            cwd=folder.path,
            env=clean({}),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(write)

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_with_closed_streams_does_what_it_does(folder: Folder, closed: str) -> None:
    job = folder.enqueue("add", "--args", "[1, 2]")
    before = ("sh", "-c", f'exec "$@" {closed}', "sh")

    listed = folder.pinion("list", folder.URL, before=before)
    run = folder.pinion("worker", folder.URL, "--import", "some_tasks", "--burst", before=before)

    assert (listed.status, run.status) == (0, 0), (listed, run)
    assert folder.show(job)["result"] == 3


# --- worker ---------------------------------------------------------------------------------------


def test_options_repeat(folder: Folder) -> None:
    (folder.path / "more_tasks.py").write_text("from pinion import task\n@task()\ndef more(): return 'more'\n")
    first, second = folder.enqueue("add", "--args", "[1, 2]", "--queue", "a"), folder.enqueue("more", "--queue", "b")
    third = folder.enqueue("more", "--queue", "c")

    folder.burst("--import", "more_tasks", "--queue", "a", "--queue", "b")

    assert [folder.show(job)["status"] for job in (first, second, third)] == ["SUCCESS", "SUCCESS", "PENDING"]


def test_a_burst_logs_one_line_per_event_and_ends_with_a_summary(folder: Folder) -> None:
    succeeded = folder.enqueue("add", "--args", "[1, 2]")
    failed = folder.enqueue("fail", "--args", '["two\\nlines"]')

    lines = folder.burst("--name", "w1").err.splitlines()

    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} (INFO|WARNING|ERROR) ", line) for line in lines), lines
    [about_success] = [line for line in lines if succeeded in line]
    [about_failure] = [line for line in lines if failed in line]
    assert "succeeded in" in about_success and "queue default, attempt 1" in about_success
    assert r"ValueError: two\nlines" in about_failure
    assert re.search(r"2 jobs: 1 succeeded, 1 failed, \d+\.\d s, \d+/s$", lines[-1])


def test_the_log_as_json_has_an_object_per_event_with_its_fields(folder: Folder) -> None:
    succeeded = folder.enqueue("add", "--args", "[1, 2]")
    failed = folder.enqueue("fail", "--args", '["no luck"]')

    entries = [json.loads(line) for line in folder.burst("--log-format", "json", "--name", "w1").err.splitlines()]

    by_event = {entry["event"]: entry for entry in entries}
    assert all(datetime.fromisoformat(entry["time"]).utcoffset() == timedelta(0) for entry in entries)
    assert all(entry["level"] and entry["message"] for entry in entries)
    success, failure, summary = (by_event[name] for name in ("job.succeeded", "job.failed", "worker.summary"))
    assert (success["job"], success["task"], success["queue"], success["attempt"], success["worker"]) == (
        succeeded,
        *("add", "default", 1, "w1"),
    )
    assert success["seconds"] >= 0
    assert (failure["job"], failure["error_type"], failure["error"]) == (failed, "ValueError", "no luck")
    assert "raise ValueError(text)" in failure["traceback"]
    assert (summary["succeeded"], summary["failed"], summary["retried"]) == (1, 1, 0)


def test_what_a_task_logs_is_in_the_log(folder: Folder) -> None:
    (folder.path / "talk.py").write_text(
        "import logging\nfrom pinion import task\n@task()\ndef talk():\n"
        "  try: 1 / 0\n  except ZeroDivisionError: logging.getLogger('mine').exception('hello from the task')\n"
    )
    folder.enqueue("talk")

    entries = [json.loads(line) for line in folder.burst("--log-format", "json", "--import", "talk").err.splitlines()]

    [said] = [entry for entry in entries if entry["logger"] == "mine"]
    assert (said["event"], said["message"]) == ("log", "hello from the task")
    assert "ZeroDivisionError" in said["exception"]


def test_a_burst_that_a_signal_ends_before_its_time_says_so_by_its_status(folder: Folder) -> None:
    folder.enqueue("add", "--args", "[1, 2]", "--delay", "3600")
    with worker(folder.URL, folder.path, "--import", "some_tasks", "--burst") as process:
        until(lambda: process.has_said("worker.started"))

        process.signal(signal.SIGTERM)

        assert process.wait() == 3
    assert folder.total() == {"PENDING": 1}


def test_an_interrupt_before_there_is_a_worker_is_130_and_no_traceback(folder: Folder) -> None:
    (folder.path / "slow.py").write_text("import pathlib, signal\npathlib.Path('here').touch()\nsignal.pause()\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pinion", "enqueue", folder.URL, "add", "--import", "slow"],
        cwd=folder.path,
        env=clean({}),
        stderr=subprocess.PIPE,
        text=True,
    )
    until((folder.path / "here").exists)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert (process.returncode, err.strip()) == (130, "")


# --- what an ending says --------------------------------------------------------------------------


def test_a_defect_is_one_line_and_its_traceback_is_there_when_asked_for(folder: Folder) -> None:
    code = "def pinion_commands(group):\n  @group.command()\n  def crash(): {}['gone']\n"
    found = folder.install("pinion-crash", "pinion", "crash = plug_crash", code)

    plain = folder.pinion("crash", env=found)
    debugged = folder.pinion("crash", env=found | {"PINION_DEBUG": "1"})

    assert plain.status == debugged.status == 3
    assert "KeyError" in plain.only_error()
    assert "Traceback" in debugged.err and "plug_crash.py" in debugged.err
