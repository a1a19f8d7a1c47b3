"""Jobs changed from the command line, in real processes: by their ids, and in bulk."""

import contextlib
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from command import Folder, clean
from pinion import Job, Queue, open_storage
from pinion.job import JobError
from pinion.storage import Claim, ClaimRequest, ClaimStorage, Done, Failed, Settlement
from processes import worker

# --- by ids ---------------------------------------------------------------------------------------


def put(folder: Folder, *jobs: Job) -> None:
    """Store jobs as they are given, in this process."""
    with Queue(folder.url) as queue:
        queue.submit_many(jobs)


def statuses(folder: Folder) -> dict[str, str]:
    return {job["id"]: job["status"] for job in folder.pinion("list", folder.URL, "--json").json()}


def settle(folder: Folder, outcome: Done | Failed | None, queue: str = "default") -> str:
    """Claim the next job and settle it in this process, or leave it running; its id."""
    storage = open_storage(folder.url)
    assert isinstance(storage, ClaimStorage)
    with contextlib.closing(storage):
        [job] = storage.exchange(claim=ClaimRequest("w1", queues=(queue,), lease=3600)).jobs
        if outcome is not None:
            storage.exchange([Settlement(Claim(job.id, str(job.token)), outcome)])
    return job.id


FAILURE = Failed(JobError("ValueError", "no luck"))


def test_a_failed_job_is_retried_by_its_id_with_all_its_tries(folder: Folder) -> None:
    job = folder.enqueue("fail", "--args", '["x"]')
    folder.burst()

    done = folder.pinion("retry", folder.URL, job)
    waiting = folder.show(job)
    folder.burst()
    after = folder.show(job)

    assert (done.status, done.out, done.err) == (0, "retried 1 job\n", "")
    assert (waiting["status"], waiting["failures"], waiting["error"]) == ("PENDING", 0, None)
    assert (after["status"], after["attempts"], after["failures"]) == ("FAILED", 2, 1)


def test_what_was_not_changed_is_named_with_the_reason(folder: Folder) -> None:
    failed, waiting = folder.enqueue("fail", "--args", '["x"]'), folder.enqueue("add", "--delay", "3600")
    settle(folder, FAILURE)

    done = folder.pinion("retry", folder.URL, failed, waiting, "nobody", "--json")

    assert done.status == 1
    assert json.loads(done.out) == [failed]
    assert f"add[{waiting}] is PENDING; only jobs that are FAILED, CANCELLED or SUCCESS can be retried" in done.err
    assert "'nobody'" in done.err
    assert done.err.startswith("pinion: error: ") and done.err.count("\n") == 1
    assert statuses(folder) == {failed: "PENDING", waiting: "PENDING"}


def test_a_job_that_succeeded_runs_again_by_its_id_but_not_by_a_wide_filter(folder: Folder) -> None:
    job = folder.enqueue("add", "--args", "[1, 2]")
    settle(folder, Done(3))

    by_filter = folder.pinion("retry", folder.URL, "--all")
    before = statuses(folder)
    by_id = folder.pinion("retry", folder.URL, job)

    assert (by_filter.status, by_filter.out) == (1, "retried 0 jobs\n")
    assert before == {job: "SUCCESS"}
    assert (by_id.status, statuses(folder)) == (0, {job: "PENDING"})


def test_a_waiting_job_is_cancelled_and_a_finished_one_is_not(folder: Folder) -> None:
    finished = folder.enqueue("add")
    settle(folder, Done(3))
    waiting = folder.enqueue("add")

    done = folder.pinion("cancel", folder.URL, waiting, finished)

    assert (done.status, done.out) == (1, "cancelled 1 job\n")
    assert f"add[{finished}] is SUCCESS; only jobs that are PENDING or RUNNING can be cancelled" in done.err
    assert statuses(folder) == {finished: "SUCCESS", waiting: "CANCELLED"}


def test_a_running_job_is_asked_to_stop_and_that_is_said(folder: Folder) -> None:
    job = folder.enqueue("add")
    settle(folder, None)

    first = folder.pinion("cancel", folder.URL, job)
    second = folder.pinion("cancel", folder.URL, job)

    assert (first.status, first.out) == (0, "cancelled 1 job; 1 of them still running, asked to stop\n")
    assert second.status == 1
    assert "was asked to stop already" in second.err


def test_a_job_is_deleted_by_its_id_even_while_it_runs(folder: Folder) -> None:
    running, waiting = folder.enqueue("add"), folder.enqueue("add")
    settle(folder, None)

    wide = folder.pinion("delete", folder.URL, "--all", "--json")
    by_id = folder.pinion("delete", folder.URL, running)
    again = folder.pinion("delete", folder.URL, running)

    assert wide.json() == [waiting]
    assert (by_id.status, by_id.out) == (0, "deleted 1 job\n")
    assert again.status == 1 and running in again.err
    assert folder.total() == {}


def test_an_id_that_is_given_twice_counts_once(folder: Folder) -> None:
    job = folder.enqueue("add")

    done = folder.pinion("cancel", folder.URL, job, job)

    assert (done.status, done.out, done.err) == (0, "cancelled 1 job\n", "")


# --- in bulk --------------------------------------------------------------------------------------


def test_a_filter_chooses_by_queue_task_and_status(folder: Folder) -> None:
    put(folder, Job("add", id="a"), Job("add", id="b", queue="mail"), Job("greet", id="c", queue="mail"))

    done = folder.pinion("cancel", folder.URL, "--queue", "mail", "--task", "ADD", "--status", "pending", "--json")

    assert done.json() == ["b"]
    assert statuses(folder) == {"a": "PENDING", "b": "CANCELLED", "c": "PENDING"}


def test_a_dry_run_says_what_would_change_and_changes_nothing(folder: Folder) -> None:
    put(folder, *(Job("add", id=f"job-{number:04}") for number in range(1100)))

    text = folder.pinion("delete", folder.URL, "--all", "--dry-run")
    as_json = folder.pinion("delete", folder.URL, "--all", "--dry-run", "--json").json()

    assert (text.status, text.out) == (0, "would delete 1,100 jobs\n")
    assert as_json == [f"job-{number:04}" for number in range(1100)]
    assert folder.total() == {"PENDING": 1100}


def test_more_jobs_than_one_transaction_takes_are_changed_up_to_the_limit(folder: Folder) -> None:
    put(folder, *(Job("add", id=f"job-{number:04}") for number in range(2500)))

    some = folder.pinion("cancel", folder.URL, "--all", "--limit", "2100")
    rest = folder.pinion("cancel", folder.URL, "--all")

    assert (some.out, rest.out) == ("cancelled 2,100 jobs\n", "cancelled 400 jobs\n")
    assert folder.total() == {"CANCELLED": 2500}


def test_a_filter_that_finds_nothing_is_no(folder: Folder) -> None:
    folder.enqueue("add")

    done = folder.pinion("retry", folder.URL, "--status", "FAILED")

    assert (done.status, done.out, done.err) == (1, "retried 0 jobs\n", "")


def test_jobs_are_chosen_by_age(folder: Folder) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=8)
    put(folder, Job("add", id="old", created_at=long_ago), Job("add", id="new"))

    by_age = folder.pinion("cancel", folder.URL, "--older-than", "1w", "--dry-run", "--json").json()
    by_time = folder.pinion("cancel", folder.URL, "--before", long_ago.isoformat(), "--dry-run", "--json")

    assert by_age == ["old"]
    assert (by_time.status, json.loads(by_time.out)) == (1, [])


def test_what_finished_long_ago_is_purged_and_nothing_else(folder: Folder) -> None:
    put(folder, Job("add", id="done"), Job("add", id="bad"), Job("add", id="waiting"))
    assert [settle(folder, Done(3)), settle(folder, FAILURE)] == ["done", "bad"]

    young = folder.pinion("purge", folder.URL, "--older-than", "1d")
    dry = folder.pinion("purge", folder.URL, "--older-than", "0s", "--status", "failed", "--dry-run", "--json")
    first = folder.pinion("purge", folder.URL, "--older-than", "0s", "--status", "success")
    second = folder.pinion("purge", folder.URL, "--older-than", "0s", "--queue", "mail")

    assert (young.status, young.out) == (0, "deleted 0 jobs\n")
    assert dry.json() == ["bad"]
    assert (first.out, second.out) == ("deleted 1 job\n", "deleted 0 jobs\n")
    assert statuses(folder) == {"bad": "FAILED", "waiting": "PENDING"}


# --- pausing and draining -------------------------------------------------------------------------


def test_a_paused_queue_is_left_alone_until_it_is_resumed(folder: Folder) -> None:
    job = folder.enqueue("add", "--args", "[1, 2]", "--queue", "mail")

    paused = folder.pinion("pause", folder.URL, "mail")
    stats = folder.pinion("stats", folder.URL)
    as_json = folder.pinion("stats", folder.URL, "--json").json()
    drained = folder.pinion("drain", folder.URL, "--timeout", "30")
    resumed = folder.pinion("resume", folder.URL, "mail")
    folder.burst()

    assert (paused.status, paused.out, paused.err) == (0, "mail is paused\n", "")
    assert re.search(r"^mail +1 .* paused$", stats.out, re.MULTILINE)
    assert as_json["paused"] == ["mail"]
    assert (drained.status, drained.err) == (0, "")
    assert (resumed.status, resumed.out) == (0, "mail is resumed\n")
    assert folder.show(job)["status"] == "SUCCESS"
    assert "paused" not in folder.pinion("stats", folder.URL, "--json").json()


def test_a_name_that_is_probably_misspelt_is_noticed(folder: Folder) -> None:
    folder.enqueue("add", "--queue", "mail")

    paused = folder.pinion("pause", folder.URL, "mial")
    resumed = folder.pinion("resume", folder.URL, "mail")

    assert (paused.status, paused.out) == (0, "mial is paused\n")
    assert paused.err.startswith("pinion: warning: ") and "'mial'" in paused.err
    assert resumed.status == 1
    assert resumed.only_error() == "not paused: 'mail'; paused: 'mial'"


def test_pausing_twice_is_said_and_fine(folder: Folder) -> None:
    folder.enqueue("add", "--queue", "mail")
    folder.pinion("pause", folder.URL, "mail")

    again = folder.pinion("pause", folder.URL, "mail")

    assert (again.status, again.out) == (0, "mail was paused already\n")


def test_drain_ends_when_nothing_waits_or_runs(folder: Folder) -> None:
    folder.enqueue("add", "--args", "[1, 2]")
    with worker(folder.URL, folder.path, "--import", "some_tasks"):
        done = folder.pinion("drain", folder.URL)

    assert (done.status, done.err) == (0, "")
    assert folder.total() == {"SUCCESS": 1}


def test_drain_gives_up_after_its_timeout_and_says_what_is_left(folder: Folder) -> None:
    running, _ = folder.enqueue("add"), folder.enqueue("add", "--queue", "mail", "--delay", "3600")
    settle(folder, None)

    both = folder.pinion("drain", folder.URL, "--timeout", "0.1")
    one = folder.pinion("drain", folder.URL, "--timeout", "0.1", "--queue", "default")
    other = folder.pinion("drain", folder.URL, "--timeout", "0.1", "--queue", "nobody")

    assert folder.show(running)["status"] == "RUNNING"
    assert (both.status, one.status, other.status) == (1, 1, 0)
    assert both.only_error() == "1 waiting and 1 running after 0.1 s; they go on"
    assert one.only_error() == "0 waiting and 1 running after 0.1 s; they go on"


# --- what a job tells of itself -------------------------------------------------------------------

TALK = """
from pinion import RetryPolicy, current_job, task

@task(retry=RetryPolicy(max_retries=1, base_delay=0))
def talk():
    job = current_job()
    job.log(f"attempt {job.attempt}\\x1b")
    job.report({"done": job.attempt})
    if job.attempt == 1:
        raise ValueError("once more")
"""


def talk(folder: Folder) -> str:
    (folder.path / "talk.py").write_text(TALK)
    job = folder.enqueue("talk")
    folder.burst("--import", "talk", "--name", "w1")
    return job


def test_the_lines_that_a_task_logged_are_printed_with_their_attempt(folder: Folder) -> None:
    job = talk(folder)

    as_text = folder.pinion("logs", folder.URL, job)
    as_json = folder.pinion("logs", folder.URL, job, "--json").json()
    last = folder.pinion("logs", folder.URL, job, "--limit", "1")
    followed = folder.pinion("logs", folder.URL, job, "--follow")
    objects = folder.pinion("logs", folder.URL, job, "--follow", "--json").out.splitlines()

    assert re.fullmatch(r"\S+  1  attempt 1\\x1b\n\S+  2  attempt 2\\x1b\n", as_text.out)
    assert [(line["attempt"], line["text"]) for line in as_json] == [(1, "attempt 1\x1b"), (2, "attempt 2\x1b")]
    assert last.out == as_text.out.splitlines(keepends=True)[1]
    assert followed.out == as_text.out
    assert [json.loads(line) for line in objects] == as_json


def test_following_goes_on_until_the_job_is_finished(folder: Folder) -> None:
    (folder.path / "wait.py").write_text(
        "import pathlib, time\nfrom pinion import current_job, task\n@task()\ndef wait():\n"
        "  current_job().log('begun')\n  while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "  current_job().log('ended')\n"
    )
    job = folder.enqueue("wait")
    with (
        worker(folder.URL, folder.path, "--import", "wait"),
        subprocess.Popen(
            [sys.executable, "-m", "pinion", "logs", folder.URL, job, "--follow"],
            cwd=folder.path,
            env=clean({}),
            stdout=subprocess.PIPE,
            text=True,
        ) as following,
    ):
        assert following.stdout is not None
        first = following.stdout.readline()
        (folder.path / "go").touch()
        second, _ = following.communicate(timeout=60)

    assert first.endswith("  1  begun\n")
    assert second.endswith("  1  ended\n") and second.count("\n") == 1
    assert following.returncode == 0


def test_the_log_of_a_job_that_is_not_there_is_no(folder: Folder) -> None:
    folder.enqueue("add")

    done = folder.pinion("logs", folder.URL, "nobody")

    assert done.status == 1
    assert "'nobody'" in done.only_error()


def test_show_tells_of_every_attempt_and_of_the_progress(folder: Folder) -> None:
    job = talk(folder)

    shown = folder.show(job)
    text = folder.pinion("show", folder.URL, job).out

    first, second = shown["history"]
    assert (first["attempt"], first["outcome"], first["worker"]) == (1, "retry", "w1")
    assert (first["error"]["type"], first["error"]["message"]) == ("ValueError", "once more")
    assert "raise ValueError" in first["error"]["traceback"]
    assert (second["attempt"], second["outcome"], second["error"]) == (2, "done", None)
    assert first["started_at"] <= first["ended_at"] <= second["started_at"] <= second["ended_at"]
    assert (shown["attempts"], shown["progress"]) == (2, {"done": 2})
    assert re.search(r"^ +1 .* retry +w1 +ValueError: once more$", text, re.MULTILINE)
    assert re.search(r"^ +2 .* done +w1$", text, re.MULTILINE)
    assert 'progress     {"done": 2}' in text


# --- unique keys ----------------------------------------------------------------------------------


def test_a_key_that_is_held_stores_nothing_and_names_the_holder(folder: Folder) -> None:
    holder = folder.enqueue("add", "--unique-key", "report")

    again = folder.pinion("enqueue", folder.URL, "add", "--unique-key", "report")

    assert again.status == 1
    assert holder in again.only_error()
    assert folder.total() == {"PENDING": 1}


def test_how_long_a_key_is_held_and_what_else_a_job_is_told_goes_with_it(folder: Folder) -> None:
    pending = folder.enqueue("add", "--unique-key", "a", "--unique-while", "pending", "--timeout", "90")
    period = folder.enqueue("add", "--unique-key", "b", "--unique-for", "15m", "--keep", "7d")

    first, second = folder.show(pending), folder.show(period)

    assert (first["unique_while"], first["unique_for"], first["timeout"]) == ("pending", None, 90)
    assert (second["unique_for"], second["keep"]) == (900, 7 * 86400)


def test_a_failed_job_whose_key_is_held_by_now_is_not_retried(folder: Folder) -> None:
    failed = folder.enqueue("add", "--unique-key", "report")
    settle(folder, FAILURE)
    folder.enqueue("add", "--unique-key", "report")

    done = folder.pinion("retry", folder.URL, failed)

    assert (done.status, done.out) == (1, "retried 0 jobs\n")
    assert "another job holds its unique key 'report'" in done.err
