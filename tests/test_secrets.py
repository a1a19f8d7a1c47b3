"""Arguments that are secret are stored, given to the task, and shown by nobody."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command import Folder
from pinion import Job, Queue, Registry, Worker, task
from pinion.cli.output import job_as_dict, job_as_text
from pinion.errors import InvalidJob
from pinion.secrecy import SECRET, redacted
from pinion_memory import InMemoryStorage


@dataclass
class Login:
    name: str
    password: str


def declared(function: Any, *secret: str) -> Any:
    return task("t", secret=secret, registry=Registry())(function)


def shown(job: Job) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return redacted(job.headers, job.args, job.kwargs)


def test_a_secret_argument_is_redacted_however_it_is_given() -> None:
    sign_up = declared(lambda name, password: None, "password")

    assert shown(sign_up.job("ann", "p4ss")) == (("ann", "[secret]"), {})
    assert shown(sign_up.job("ann", password="p4ss")) == (("ann",), {"password": "[secret]"})
    assert shown(sign_up.using(priority=1, headers={"a": "b"}).job("ann", "p4ss"))[0] == ("ann", "[secret]")


def test_several_and_each_kind_of_parameter_can_be_secret() -> None:
    def function(a: int, /, b: int, *rest: int, c: int, **more: int) -> None: ...

    job_of = [declared(function, name).job(1, 2, 3, 4, c=5, d=6) for name in ("a", "b", "rest", "c", "more", "d")]

    assert [shown(job) for job in job_of] == [
        (("[secret]", 2, 3, 4), {"c": 5, "d": 6}),
        ((1, "[secret]", 3, 4), {"c": 5, "d": 6}),
        ((1, 2, "[secret]", "[secret]"), {"c": 5, "d": 6}),
        ((1, 2, 3, 4), {"c": "[secret]", "d": 6}),
        ((1, 2, 3, 4), {"c": "[secret]", "d": "[secret]"}),
        ((1, 2, 3, 4), {"c": 5, "d": "[secret]"}),
    ]
    assert shown(declared(function, "a", "c").job(1, 2, c=3)) == (("[secret]", 2), {"c": "[secret]"})


def test_a_secret_that_the_task_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidJob, match="secret='pasword' is none of its parameters: password"):
        declared(lambda password: None, "pasword")
    with pytest.raises(InvalidJob, match=r"as in secret=\('password',\)"):
        task(secret="password")(lambda password: None)


def test_a_job_does_not_show_it_when_it_is_printed() -> None:
    job = declared(lambda name, password: None, "password").job("ann", "p4ss")

    for text in (repr(job), str(job), job_as_text(job), json.dumps(job_as_dict(job))):
        assert "p4ss" not in text
    assert "'ann', '[secret]'" in repr(job)
    assert job_as_dict(job)["args"] == ["ann", "[secret]"]


def test_the_task_is_given_it() -> None:
    given: list[str] = []
    registry = Registry()

    @task(secret=("password",), registry=registry)
    def sign_up(password: str) -> None:
        given.append(password)

    storage = InMemoryStorage()
    sign_up.using(on=Queue(storage)).enqueue("p4ss")
    Worker(storage, registry=registry, burst=True).run_forever()

    assert given == ["p4ss"]


def test_an_argument_that_does_not_fit_its_annotation_is_not_shown_in_the_error() -> None:
    registry = Registry()

    @task(secret=("login",), registry=registry)
    def sign_in(login: Login) -> None: ...

    storage = InMemoryStorage()
    job = sign_in.job({"name": "ann", "pasword": "p4ss"})  # type: ignore[arg-type]
    handle = Queue(storage).submit(job)
    Worker(storage, registry=registry, burst=True).run_forever()

    error = handle.job().error
    assert error is not None
    assert "argument 'login', which is secret, doesn't fit its annotation" in error.message
    assert "p4ss" not in error.traceback


USERS = """
from pinion import task

@task(secret=("password",), queue="users")
def sign_up(name: str, password: str) -> None: ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "users.py").write_text(USERS)
    return Folder(tmp_path)


def test_the_command_line_shows_it_nowhere(folder: Folder) -> None:
    url = folder.URL
    job_id = folder.enqueue("sign_up", "--args", '["ann", "p4ss"]', "--import", "users")

    printed = [
        folder.pinion("show", url, job_id).out,
        folder.pinion("show", url, job_id, "--json").out,
        folder.pinion("list", url, "--json").out,
        folder.pinion("worker", url, "--import", "users", "--burst", "--log-format", "json").err,
    ]

    assert all("p4ss" not in text for text in printed)
    assert json.loads(printed[1])["args"] == ["ann", "[secret]"]
    assert json.loads(printed[1])["queue"] == "users"
    with Queue(folder.url) as queue:
        assert queue.get(job_id).args == ("ann", "p4ss")
        assert queue.get(job_id).headers == {SECRET: "1,password"}
        assert "p4ss" not in repr(queue.get(job_id))
