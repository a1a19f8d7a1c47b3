"""Bad input: each is one line on stderr that says what to do, and a status; nothing that was stored is lost."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from command import Done, Folder
from pinion import Queue, Status
from pinion.errors import PayloadTooLarge
from pinion.storage import Query

STORAGE = "class Shelf:\n  def __init__(self, url): ...\n"
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder whose queue holds one job."""
    with Queue(f"sqlite:///{tmp_path}/jobs.db") as queue:
        queue.enqueue("add", 1, 2)
    return Folder(tmp_path)


def refused(done: Done, status: int, *, saying: tuple[str, ...]) -> None:
    error = done.only_error()
    assert done.status == status, error
    assert [part for part in saying if part not in error] == [], error


def nothing_lost(folder: Folder) -> None:
    """The job from before is there, nobody has tried to run it, and there is no other."""
    with Queue(f"sqlite:///{folder.path}/jobs.db") as queue:
        [job] = queue.find(Query())
    assert (job.status, job.args, job.attempts) == (Status.PENDING, (1, 2), 0)


# --- the URL --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "saying"),
    [
        ("sqlit:///jobs.db", ("did you mean 'sqlite'?", "installed:")),
        ("redis://ann:hunter2@localhost", ("pip install pinion-redis",)),
        ("://jobs.db", ("sqlite:///jobs.db",)),
        ("sqlite://jobs.db", ("sqlite:///jobs.db",)),
        ("sqlite://ann:hunter2@jobs.db", ("sqlite:///jobs.db", "***")),
        ("memory:///", ("memory://",)),
        ("sqlite:///jobs.db?nope=1", ("nope",)),
    ],
)
@pytest.mark.parametrize("command", ["stats", "enqueue", "worker"])
def test_a_url_that_cannot_be_meant(command: str, url: str, saying: tuple[str, ...], folder: Folder) -> None:
    words = {"stats": [], "enqueue": ["add"], "worker": ["--import", "some_tasks", "--burst"]}[command]

    done = folder.pinion(command, url, *words)

    refused(done, 2, saying=saying)
    assert "hunter2" not in done.err
    nothing_lost(folder)


@pytest.mark.parametrize("words", [("stats",), ("enqueue", "add"), ("show", "some-id"), ("stats", "jobs.db")])
def test_no_url(words: tuple[str, ...], folder: Folder) -> None:
    refused(folder.pinion(*words), 2, saying=("sqlite:///jobs.db", "PINION_URL"))


@pytest.mark.parametrize(
    "words", [("stats", "sqlite:///jobs.db", "x"), ("show", "sqlite:///jobs.db"), ("stats", "-x"), ("nothing",)]
)
def test_words_that_a_command_does_not_take(words: tuple[str, ...], folder: Folder) -> None:
    done = folder.pinion(*words)

    assert done.status == 2
    assert done.only_error()


def test_the_arguments_of_a_task_that_follow_its_name(folder: Folder) -> None:
    refused(folder.pinion("enqueue", "sqlite:///jobs.db", "add", "1", "2"), 2, saying=("'1'", "--args '[1, 2]'"))
    nothing_lost(folder)


# --- plugins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import not_there_at_all", "not_there_at_all"),
        ("raise SystemExit('bye')", "bye"),
        ("raise ValueError('two\\nlines')", "two lines"),
        ("", "Shelf"),
        ("Shelf = 42", "can't be called"),
        ("def Shelf(url): raise KeyError('inside')", "KeyError"),
        ("def Shelf(url): return 42", "lacks the methods"),
        (STORAGE + "  spi_version = 99\n", "upgrade pinion-core"),
    ],
)
def test_a_broken_plugin(code: str, reason: str, folder: Folder) -> None:
    found = folder.install("pinion-shelf", "pinion.storages", "shelf = plug_shelf:Shelf", code, "2.3")

    refused(folder.pinion("stats", "shelf://x", env=found), 3, saying=("pinion-shelf 2.3", reason))
    assert folder.pinion("stats", folder.URL, env=found).status == 0
    nothing_lost(folder)


def test_two_plugins_with_one_scheme(folder: Folder) -> None:
    folder.install("pinion-shelf", "pinion.storages", "shelf = plug_one:Shelf", STORAGE, "1.0")
    found = folder.install("other-shelf", "pinion.storages", "SHELF = plug_two:Shelf", STORAGE, "2.0")

    done = folder.pinion("stats", "shelf://x", env=found)

    refused(done, 3, saying=("pinion-shelf 1.0", "other-shelf 2.0", "uninstall"))


def test_a_storage_that_cannot_be_inspected(folder: Folder) -> None:
    methods = "".join(f"  def {name}(self, *_): ...\n" for name in ("enqueue", "dequeue", "mark_done", "mark_failed"))
    code = STORAGE + methods + "  def size(self): return 0\n"
    found = folder.install("pinion-shelf", "pinion.storages", "shelf = plug_shelf:Shelf", code)

    for words in (("stats", "shelf://"), ("list", "shelf://"), ("show", "shelf://", "some-id")):
        refused(folder.pinion(*words, env=found), 3, saying=("Shelf", "INSPECTS"))


# --- the file -------------------------------------------------------------------------------------


def _every_command(folder: Folder, url: str, before: Sequence[str] = ()) -> list[Done]:
    commands = (
        ("stats", url),
        ("list", url),
        ("show", url, "some-id"),
        ("enqueue", url, "add"),
        ("worker", url, "--import", "some_tasks", "--burst"),
    )
    return [folder.pinion(*words, before=before) for words in commands]


def test_a_file_that_is_no_database(folder: Folder) -> None:
    for content in (b"no database, and long enough to have a header" * 100, b"short"):
        (folder.path / "other.db").write_bytes(content)

        for done in _every_command(folder, "sqlite:///other.db"):
            refused(done, 3, saying=("other.db",))
        assert (folder.path / "other.db").read_bytes() == content


def test_a_database_with_a_broken_page(folder: Folder) -> None:
    _settle_log(folder.path / "jobs.db")
    shutil.copy(folder.path / "jobs.db", folder.path / "broken.db")
    with (folder.path / "broken.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 20)

    for done in _every_command(folder, "sqlite:///broken.db"):
        refused(done, 3, saying=("broken.db", "damaged"))
    nothing_lost(folder)


def _settle_log(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def test_a_file_of_a_newer_version(folder: Folder) -> None:
    connection = sqlite3.connect(folder.path / "jobs.db")
    connection.execute("UPDATE pinion_schema SET version = 999, compatible = 999")
    connection.commit()
    connection.close()

    for done in _every_command(folder, folder.URL):
        refused(done, 3, saying=("newer pinion-sqlite", "upgrade"))


def test_somebody_elses_database_is_left_alone(folder: Folder) -> None:
    connection = sqlite3.connect(folder.path / "theirs.db")
    connection.executescript("CREATE TABLE pinion_schema (theirs TEXT); INSERT INTO pinion_schema VALUES ('x');")
    connection.close()

    for done in _every_command(folder, "sqlite:///theirs.db"):
        refused(done, 3, saying=("theirs.db",))


@pytest.mark.parametrize("command", ["stats", "list", "show"])
def test_a_file_that_is_not_there_is_not_made_by_looking(command: str, folder: Folder) -> None:
    words = ["some-id"] if command == "show" else []

    done = folder.pinion(command, "sqlite:///typo.db", *words)

    refused(done, 3, saying=("no such file", "typo.db", "enqueue"))
    assert not (folder.path / "typo.db").exists()


@pytest.mark.parametrize("place", ["no_folder/jobs.db", "some_tasks.py/jobs.db"])
def test_a_place_where_no_file_can_be(place: str, folder: Folder) -> None:
    for done in _every_command(folder, f"sqlite:///{place}"):
        refused(done, 3, saying=(place.partition("/")[0],))


def test_a_folder_instead_of_a_file(folder: Folder) -> None:
    for done in _every_command(folder, "sqlite:///."):
        refused(done, 2, saying=("is a folder", "such as"))


def test_a_read_only_folder(folder: Folder) -> None:
    before = _read_only(folder.path)

    for done in _every_command(folder, folder.URL, before=before):
        refused(done, 3, saying=("jobs.db", "be written"))
    folder.path.chmod(0o755)
    nothing_lost(folder)


def _read_only(path: Path) -> tuple[str, ...]:
    """Take away the right to write. Root has every right: for it, a command in whose eyes the folder is read-only."""
    if os.geteuid() != 0:
        path.chmod(0o555)
        return ()
    mount = f'mount --bind "{path}" "{path}" && mount -o remount,ro,bind "{path}" && cd "{path}" && exec "$@"'
    return _in_own_mounts(mount)


def test_a_full_disk(folder: Folder) -> None:
    disk = folder.path / "disk"
    disk.mkdir()
    fill = 'for i in 1 2 3 4 5 6; do "$@" >>../ids || echo $? >>../statuses; done; cp jobs.db* ..'
    before = _in_own_mounts(f'mount -t tmpfs -o size=160k none "{disk}" && cd "{disk}" && {fill}')
    (folder.path / "jobs.db").unlink()

    done = folder.pinion("enqueue", folder.URL, "add", "--args", f'["{"x" * 30000}"]', before=before)

    accepted = (folder.path / "ids").read_text().split()
    statuses = (folder.path / "statuses").read_text().split()
    assert accepted and set(statuses) == {"3"} and len(accepted) + len(statuses) == 6
    assert all("disk is full; free some space" in line for line in done.err.splitlines())
    assert len(done.err.splitlines()) == len(statuses)
    assert all(folder.show(job)["status"] == "PENDING" for job in accepted)


def _in_own_mounts(script: str) -> tuple[str, ...]:
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody mount a file system of their own, and root's rights can't be taken away")
    return (*UNSHARE, "sh", "-c", script, "sh")


# --- the job --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "saying"),
    [
        (("--args", "[1"), ("--args", "JSON", "[1, 2]")),
        (("--args", '{"a": 1}'), ("--args", "array")),
        (("--kwargs", "[1]"), ("--kwargs", "object")),
        (("--args", "[" * 100_000), ("--args", "JSON")),
        (("--args", "[NaN, 1]"), ("argument 1", "nan")),
        (("--kwargs", '{"a": {"deep": [1e999]}}'), ("argument 'a'", "inf")),
        (("--args", "[1]", "--import", "some_tasks"), ("'add' takes (a: int, b: int)", "'b'")),
        (("--kwargs", '{"c": 1}', "--import", "some_tasks"), ("'add' takes",)),
        (("--delay", "1", "--at", "2030-01-01"), ("--delay or --at",)),
        (("--delay", "-1"), ("--delay", "-1")),
        (("--delay", "nan"), ("--delay",)),
        (("--delay", "1e300"), ("--delay",)),
        (("--delay", "soon"), ("--delay", "soon")),
        (("--at", "tomorrow"), ("--at", "2026-12-24T18:00")),
        (("--priority", "high"), ("--priority", "high")),
        (("--priority", "99999999999"), ("priority",)),
        (("--queue", ""), ("queue",)),
        (("--queue", "two\nlines"), ("queue",)),
        (("--import", "not_there_at_all"), ("not_there_at_all", "installed")),
        (("--import", "some_tasks.py"), ("such as some_tasks",)),
    ],
    ids=lambda value: " ".join(value)[:40].replace("\n", " "),
)
def test_a_job_that_cannot_be_meant(options: tuple[str, ...], saying: tuple[str, ...], folder: Folder) -> None:
    refused(folder.pinion("enqueue", folder.URL, "add", *options), 2, saying=saying)
    nothing_lost(folder)


@pytest.mark.parametrize("option", ["--args", "--kwargs"])
def test_bytes_that_are_no_text(option: str, folder: Folder) -> None:
    word = os.fsdecode(b'["\xff\xfe"]' if option == "--args" else b'{"a": "\xff"}')

    refused(folder.pinion("enqueue", folder.URL, "add", option, word), 2, saying=(option, "UTF-8"))
    nothing_lost(folder)


def test_text_is_text_also_where_the_locale_knows_ascii_alone(tmp_path: Path) -> None:
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = Folder(tmp_path)

    enqueued = folder.pinion("enqueue", folder.URL, "add", "--args", '["grün"]', env=ascii_alone)

    assert folder.show(enqueued.out.strip())["args"] == ["grün"]


def test_a_task_that_the_imported_modules_do_not_define(folder: Folder) -> None:
    done = folder.pinion("enqueue", folder.URL, "ad", "--import", "some_tasks")

    refused(done, 2, saying=("'ad'", "registered: add, fail", "import the module"))
    nothing_lost(folder)


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 300])
def test_a_name_that_no_task_can_have(name: str, folder: Folder) -> None:
    refused(folder.pinion("enqueue", folder.URL, name), 2, saying=("255",))
    nothing_lost(folder)


@pytest.mark.parametrize(
    ("code", "saying"),
    [
        ("import not_there_at_all", ("ModuleNotFoundError", "not_there_at_all", "bad.py", "line 1")),
        ("\n\nx = = 1", ("SyntaxError", "bad.py", "line 3")),
        ("def f():\n  return 1 / 0\nf()", ("ZeroDivisionError", "bad.py", "line 2")),
        ("import sys\nsys.exit('bye')", ("bye", "bad.py", "line 2")),
        (
            "from pinion import task\n@task('x')\ndef f(): ...\n@task('X')\ndef g(): ...",
            ("'X'", "bad.f", "bad.g", "another"),
        ),
    ],
)
@pytest.mark.parametrize("command", ["enqueue", "worker"])
def test_a_module_that_cannot_be_imported(command: str, code: str, saying: tuple[str, ...], folder: Folder) -> None:
    (folder.path / "bad.py").write_text(code)
    words = ["add"] if command == "enqueue" else []

    refused(folder.pinion(command, folder.URL, *words, "--import", "bad"), 2, saying=("can't import 'bad'", *saying))
    nothing_lost(folder)


def test_a_worker_without_tasks_is_refused_before_it_fails_anybodys_job(folder: Folder) -> None:
    refused(folder.pinion("worker", folder.URL, "--burst"), 2, saying=("--import",))
    nothing_lost(folder)


@pytest.mark.parametrize(
    "options", [("--threads", "0"), ("--processes", "-1"), ("--lease", "0"), ("--grace", "-1"), ("--log-format", "xml")]
)
def test_a_worker_that_cannot_be_meant(options: tuple[str, ...], folder: Folder) -> None:
    done = folder.pinion("worker", folder.URL, "--import", "some_tasks", "--burst", *options)

    refused(done, 2, saying=(options[0].strip("-"),))
    nothing_lost(folder)


def test_an_oversized_payload(folder: Folder) -> None:
    """No command line can hold one, so it comes from Python."""
    with Queue(f"sqlite:///{folder.path}/jobs.db") as queue, pytest.raises(PayloadTooLarge) as caught:
        queue.enqueue("add", "x" * 20_000_000, 1)

    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert "at most 4,194,304" in str(caught.value)
    nothing_lost(folder)


def test_a_job_that_is_not_there_is_no(folder: Folder) -> None:
    refused(folder.pinion("show", folder.URL, "some-id"), 1, saying=("'some-id'",))
