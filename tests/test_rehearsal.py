"""What an application's author has for tests: `pinion.testing.Rehearsal`."""

import asyncio
import time
import traceback
from datetime import timedelta
from typing import Any

import pytest

from pinion import Job, Queue, Snooze, Status, task
from pinion import Retry as TryAgain
from pinion.context import current_job
from pinion.errors import EndlessJobs, InvalidJob, TaskTimeout, UnknownTask, Unserializable
from pinion.schedule import Schedule, recurrence
from pinion.storage import Change, Filter
from pinion.testing import Rehearsal
from rehearsed import START, Tasks

# --- draining -----------------------------------------------------------------------------------------


def test_nothing_runs_before_it_is_drained_and_then_all_that_is_due_does_in_order(
    tasks: Tasks, rehearsal: Rehearsal
) -> None:
    rehearsal.queue.enqueue(tasks.sign_up, "a@b")
    rehearsal.queue.enqueue(tasks.send, "c@d")
    assert tasks.done == []

    ran = rehearsal.drain()

    assert tasks.done == [(0, "sign_up", "a@b"), (0, "send", "c@d"), (0, "send", "a@b")]
    assert [(job.func_name, job.status, job.result) for job in ran][1:] == [
        ("send", Status.SUCCESS, "sent to c@d"),
        ("send", Status.SUCCESS, "sent to a@b"),
    ]
    assert rehearsal.drain() == []


def test_the_exception_of_a_task_goes_on_with_a_traceback_of_the_task_alone(tasks: Tasks, rehearsal: Rehearsal) -> None:
    rehearsal.queue.enqueue(tasks.fail, "no such user")

    with pytest.raises(ValueError, match="no such user") as caught:
        rehearsal.drain()

    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-1] == "fail"
    assert "attempt" not in frames and "run" not in frames
    assert caught.value.__notes__[0].startswith("raised by task 'fail' in attempt 1 of fail[")
    assert rehearsal.enqueued(tasks.fail)[0].status is Status.PENDING


def test_a_failure_that_is_not_raised_is_kept(tasks: Tasks, rehearsal: Rehearsal) -> None:
    rehearsal.queue.enqueue(tasks.fail, "no")
    rehearsal.queue.enqueue(tasks.send, "a@b")

    rehearsal.drain(raises=False)

    [(job, error)] = rehearsal.failures
    assert (job.func_name, error.message) == ("fail", "no")
    assert "raise ValueError(message)" in error.traceback
    assert tasks.done[-1] == (0, "send", "a@b")


def test_what_a_task_asks_for_by_raising_is_no_failure_of_the_test(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def ask() -> str:
        match current_job().attempt:
            case 1:
                raise TryAgain(after=60)
            case 2:
                raise Snooze(3600)
        return "done"

    job = rehearsal.queue.enqueue(ask)

    assert len(rehearsal.drain()) == 1
    assert len(rehearsal.advance(60)) == 1
    assert len(rehearsal.advance(timedelta(hours=1))) == 1
    assert rehearsal.queue.get(job.id).result == "done"


def test_an_unknown_task_is_a_failure_like_any_other(rehearsal: Rehearsal) -> None:
    rehearsal.queue.enqueue("nobody")

    with pytest.raises(UnknownTask, match="nobody"):
        rehearsal.drain()


def test_a_result_that_cannot_be_stored_is_an_error_of_the_test(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def opaque() -> object:
        return object()

    job = rehearsal.queue.enqueue(opaque)

    with pytest.raises(Unserializable):
        rehearsal.drain()
    assert rehearsal.queue.get(job.id).status is Status.SUCCESS


def test_jobs_that_never_end_are_an_error(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def again() -> None:
        rehearsal.queue.enqueue(again)

    rehearsal.queue.enqueue(again)

    with pytest.raises(EndlessJobs, match="do they end"):
        rehearsal.drain()


def test_a_test_that_is_skipped_or_interrupted_inside_a_task_is_so(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def interrupt() -> None:
        raise KeyboardInterrupt

    rehearsal.queue.enqueue(interrupt)

    with pytest.raises(KeyboardInterrupt):
        rehearsal.drain(raises=False)


def test_tasks_enqueue_in_the_rehearsal_until_it_ends(tasks: Tasks) -> None:
    with Rehearsal(registry=tasks.registry) as outer:
        with Rehearsal(registry=tasks.registry) as tasks.rehearsal:
            tasks.send.enqueue("a@b")
            assert len(tasks.rehearsal.enqueued()) == 1
        tasks.send.enqueue("c@d")

        assert [job.args for job in outer.enqueued()] == [("c@d",)]


# --- inline -------------------------------------------------------------------------------------------


def test_inline_a_job_has_run_when_enqueue_returns_also_one_of_a_task(tasks: Tasks) -> None:
    with Rehearsal(registry=tasks.registry, start=START, inline=True) as tasks.rehearsal:
        job = tasks.rehearsal.queue.enqueue(tasks.sign_up, "a@b")

        assert tasks.rehearsal.queue.get(job.id).status is Status.SUCCESS
        assert tasks.done == [(0, "sign_up", "a@b"), (0, "send", "a@b")]
        with pytest.raises(ValueError, match="no"):
            tasks.rehearsal.queue.enqueue(tasks.fail, "no")
        tasks.rehearsal.assert_enqueued(tasks.send, "a@b")


def test_inline_a_job_with_a_delay_waits_for_its_time(tasks: Tasks) -> None:
    with Rehearsal(registry=tasks.registry, start=START, inline=True) as tasks.rehearsal:
        tasks.rehearsal.queue.submit(Job("send", ("a@b",), run_at=START + timedelta(days=1)))
        assert tasks.done == []

        tasks.rehearsal.advance(timedelta(days=1))

        assert tasks.done == [(86_400, "send", "a@b")]


def test_inline_a_task_that_enqueues_itself_for_ever_is_an_error(tasks: Tasks) -> None:
    with Rehearsal(registry=tasks.registry, inline=True) as tasks.rehearsal:

        @task(registry=tasks.registry)
        def again() -> None:
            tasks.rehearsal.queue.enqueue(again)

        with pytest.raises(EndlessJobs):
            tasks.rehearsal.queue.enqueue(again)


# --- time ---------------------------------------------------------------------------------------------


def test_retries_run_at_their_own_moments_until_the_last_one_fails(tasks: Tasks, rehearsal: Rehearsal) -> None:
    rehearsal.queue.enqueue(tasks.fail, "no")

    with pytest.raises(ValueError, match="no"):
        rehearsal.advance(timedelta(days=1))

    assert tasks.done == [(0, "fail", "no"), (10, "fail", "no"), (30, "fail", "no")]
    assert rehearsal.now == START + timedelta(seconds=30)
    assert [job.status for job in rehearsal.enqueued()] == [Status.FAILED]


def test_a_year_of_cron_and_retries_passes_in_seconds(tasks: Tasks, rehearsal: Rehearsal) -> None:
    tasks.registry.add_schedule(_schedule("nightly", Job("send", ("nightly",)), cron="0 3 * * *", tz="Europe/Berlin"))
    tasks.registry.add_schedule(_schedule("hourly", Job("send", ("hourly",)), every=3600))
    rehearsal.queue.submit(Job("send", ("in a year",), run_at=START + timedelta(days=364)))
    begun = time.process_time()

    ran = rehearsal.advance(timedelta(days=365))

    assert time.process_time() - begun < 60
    assert len(ran) == 365 + 365 * 24 + 1
    nights = [at for at, _, what in tasks.done if what == "nightly"]
    assert nights[0] == 2 * 3600
    assert {night % 86_400 // 3600 for night in nights} == {1, 2}
    assert (364 * 86_400, "send", "in a year") in tasks.done


def _schedule(name: str, job: Job, **when: Any) -> Schedule:
    recurs = recurrence(**when)
    assert recurs is not None
    return Schedule(name, job, recurs)


def test_a_job_that_was_stored_behind_its_back_runs_at_its_moment_all_the_same(
    tasks: Tasks, rehearsal: Rehearsal
) -> None:
    rehearsal.storage.enqueue(Job("send", ("a@b",), run_at=START + timedelta(seconds=7)))

    rehearsal.advance(60)

    assert tasks.done == [(7, "send", "a@b")]


def test_a_task_that_takes_longer_than_its_timeout_gets_the_exception_where_it_is(
    tasks: Tasks, rehearsal: Rehearsal
) -> None:
    rehearsal.queue.submit(Job("slow", (59.0,), timeout=60.0))
    assert rehearsal.drain()[0].result == "in time"

    rehearsal.queue.submit(Job("slow", (60.0,), timeout=60.0))
    with pytest.raises(TaskTimeout) as caught:
        rehearsal.drain()

    assert "slow" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


def test_a_lease_does_not_run_out_while_a_task_lets_a_year_pass(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def long() -> list[str]:
        return [job.func_name for job in rehearsal.advance(timedelta(days=365))]

    rehearsal.queue.enqueue(long)
    rehearsal.queue.enqueue(tasks.send, "a@b")

    [_, job] = sorted(rehearsal.drain() + rehearsal.enqueued(long), key=lambda job: job.func_name)[:2]
    assert (job.attempts, job.lost, job.result) == (1, 0, ["send"])


def test_time_passes_forwards_and_in_numbers(rehearsal: Rehearsal) -> None:
    for nonsense in (-1, True, "1h", float("nan")):
        with pytest.raises(InvalidJob, match="advance needs seconds"):
            rehearsal.advance(nonsense)  # type: ignore[arg-type]
    with pytest.raises(InvalidJob, match="time passes forwards"):
        rehearsal.advance_to(START - timedelta(seconds=1))


def test_waiting_for_a_job_runs_it_and_lets_its_time_come(tasks: Tasks, rehearsal: Rehearsal) -> None:
    now = rehearsal.queue.enqueue(tasks.send, "a@b")
    assert rehearsal.queue.wait(now.id).result == "sent to a@b"
    failing = rehearsal.queue.enqueue(tasks.fail, "no")
    with pytest.raises(TimeoutError, match=r"PENDING after 5 s; it is due 2030-01-01T00:00:10"):
        rehearsal.queue.wait(failing.id, timeout=5)

    assert rehearsal.queue.wait(failing.id).status is Status.FAILED
    assert rehearsal.now == START + timedelta(seconds=30)


def test_a_result_is_there_at_once_also_if_it_is_awaited(tasks: Tasks, rehearsal: Rehearsal) -> None:
    async def test() -> str:
        return await tasks.send.enqueue("c@d")

    assert tasks.send.using(delay=3600).enqueue("a@b").result(timeout=3600) == "sent to a@b"
    assert asyncio.run(test()) == "sent to c@d"


def test_waiting_for_a_job_that_time_will_not_finish_does_not_block(tasks: Tasks, rehearsal: Rehearsal) -> None:
    rehearsal.storage.pause("default")  # type: ignore[attr-defined]
    job = rehearsal.queue.enqueue(tasks.send, "a@b")

    with pytest.raises(TimeoutError, match="no time that passes will finish it"):
        rehearsal.queue.wait(job.id)


# --- what a running task may ask ----------------------------------------------------------------------


def test_a_task_reports_logs_and_learns_of_its_cancellation(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    def work() -> None:
        running = current_job()
        running.report({"rows": 5})
        running.log("half way")
        seen.append(rehearsal.queue.get(running.job.id).progress)
        rehearsal.storage.change(Change.CANCEL, Filter(ids=(running.job.id,)))  # type: ignore[attr-defined]
        running.check()
        seen.append("unreachable")

    seen: list[object] = []
    job = rehearsal.queue.enqueue(work)

    rehearsal.drain()

    assert seen == [{"rows": 5}]
    assert rehearsal.queue.get(job.id).status is Status.CANCELLED
    assert [line.text for line in rehearsal.storage.lines(job.id)] == ["half way"]  # type: ignore[attr-defined]


def test_async_tasks_run_also_in_a_test_that_is_async_itself(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry)
    async def fetch(number: int) -> int:
        await asyncio.sleep(0)
        return number + 1

    async def test() -> None:
        rehearsal.queue.enqueue(fetch, 1)
        assert [job.result for job in rehearsal.drain()] == [2]

    asyncio.run(test())
    rehearsal.queue.enqueue(fetch, 2)
    assert [job.result for job in rehearsal.drain()] == [3]


# --- on a file ----------------------------------------------------------------------------------------


def test_code_that_is_given_a_queue_and_a_url_of_a_file_is_rehearsed_too(tasks: Tasks, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    with Rehearsal(registry=tasks.registry, start=START, url=url) as tasks.rehearsal:
        queue: Queue = tasks.rehearsal.queue
        queue.enqueue(tasks.sign_up, "a@b")

        tasks.rehearsal.advance(1)

        assert tasks.done == [(0, "sign_up", "a@b"), (0, "send", "a@b")]
