"""What a rehearsal says of what was enqueued: `assert_enqueued` and `assert_not_enqueued`."""

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from pinion import Job, task
from pinion.errors import InvalidArguments
from pinion.testing import Rehearsal
from rehearsed import START, Address, Color, Tasks


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        (("a@b",), {}),
        ((), {"address": "a@b"}),
        ((), {"subject": "hello"}),
        (("a@b", ...), {"copies": 2}),
        ((mock.ANY,), {"copies": 2}),
    ],
)
def test_a_job_is_known_by_the_arguments_that_are_given(
    tasks: Tasks, rehearsal: Rehearsal, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    rehearsal.queue.enqueue(tasks.send, "x@y")
    job = rehearsal.queue.enqueue(tasks.send, "a@b", copies=2)

    assert rehearsal.assert_enqueued(tasks.send, *args, **kwargs).id == job.id
    assert rehearsal.assert_enqueued("send", *args, **kwargs).id == job.id


def test_options_are_known_by_how_they_were_given(tasks: Tasks, rehearsal: Rehearsal) -> None:
    tasks.send.using(delay=60, queue="mail", headers={"a": "b"}).enqueue("a@b")

    rehearsal.assert_enqueued(tasks.send.using(delay=60), "a@b")
    rehearsal.assert_enqueued(tasks.send.using(queue="mail", at=START + timedelta(seconds=60)))
    rehearsal.assert_enqueued(tasks.send.using(headers={"a": "b"}))
    for other in ({"delay": 61}, {"queue": "other"}, {"priority": 1}, {"headers": {"a": "c"}}):
        rehearsal.assert_not_enqueued(tasks.send.using(**other), "a@b")
    with pytest.raises(AssertionError, match=r"no send\(address='a@b'\) with queue='other' was enqueued"):
        rehearsal.assert_enqueued(tasks.send.using(queue="other"), "a@b")


def test_secret_arguments_are_not_shown(tasks: Tasks, rehearsal: Rehearsal) -> None:
    @task(registry=tasks.registry, secret=("password",))
    def log_in(name: str, password: str) -> None: ...

    log_in.enqueue("ada", "swordfish")

    with pytest.raises(AssertionError, match=r"log_in\('ada', '\[secret\]'\)"):
        rehearsal.assert_enqueued(tasks.send)


def test_arguments_are_compared_as_the_task_gets_them(tasks: Tasks, rehearsal: Rehearsal) -> None:
    rehearsal.queue.enqueue(tasks.paint, Color.RED, where=Address("Ulm"))

    rehearsal.assert_enqueued(tasks.paint, Color.RED, Address("Ulm"))
    rehearsal.assert_not_enqueued(tasks.paint, where=Address("Bonn"))


def test_a_message_tells_what_was_enqueued_instead(tasks: Tasks, rehearsal: Rehearsal) -> None:
    with pytest.raises(AssertionError, match="nothing was enqueued"):
        rehearsal.assert_enqueued(tasks.send)
    rehearsal.queue.enqueue(tasks.send, "x@y")
    rehearsal.queue.submit(Job("sign_up", ("z",), run_at=START + timedelta(hours=1), queue="mail"))
    rehearsal.drain()

    with pytest.raises(AssertionError) as caught:
        rehearsal.assert_enqueued(tasks.send, "a@b", copies=...)

    assert str(caught.value).splitlines() == [
        "no send(address='a@b', copies=...) was enqueued; enqueued were:",
        "  send('x@y')  in 'default': SUCCESS",
        "  sign_up('z')  in 'mail': PENDING, due 2030-01-01T01:00:00+00:00",
    ]
    with pytest.raises(AssertionError, match="was enqueued after all"):
        rehearsal.assert_not_enqueued(tasks.send, "x@y")


def test_a_misspelt_argument_is_an_error_and_no_proof_that_nothing_was_enqueued(
    tasks: Tasks, rehearsal: Rehearsal
) -> None:
    with pytest.raises(InvalidArguments, match="adress"):
        rehearsal.assert_not_enqueued(tasks.send, adress="a@b")
