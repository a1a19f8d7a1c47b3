"""The log: cut off in the middle of a line, damaged, foreign, newer, too large for the disk, replaced."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pinion.errors import StorageCorrupt
from pinion_example_file.log import HEADER, Log, locked, replace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.log"


def filled(path: Path, *transactions: list[object]) -> Path:
    replace(path, transactions)
    return path


def contents(path: Path) -> list[list[object]]:
    log = Log(path, sync=True)
    try:
        return list(log.read_on())
    finally:
        log.close()


def test_what_was_appended_is_read_by_whoever_opens_it(path: Path) -> None:
    writer = Log(path, sync=True)

    writer.append([["one", {"status": "PENDING"}]])
    writer.append([["two", {"text": "ü\n\ud800"}]])
    writer.close()

    assert contents(path) == [[["one", {"status": "PENDING"}]], [["two", {"text": "ü\n\ud800"}]]]


def test_a_reader_sees_only_what_came_since_it_last_looked(path: Path) -> None:
    writer, reader = Log(path, sync=True), Log(path, sync=True)
    writer.append(["first"])
    assert list(reader.read_on()) == [["first"]]

    writer.append(["second"])

    assert list(reader.read_on()) == [["second"]]
    writer.close()
    reader.close()


def test_a_last_line_torn_at_any_byte_is_cut_off_and_the_rest_stays(path: Path) -> None:
    whole = filled(path, ["first"], ["second"]).read_bytes()
    sound = whole[: whole.rindex(b"\n", 0, -1) + 1]

    for length in range(len(sound), len(whole)):
        path.write_bytes(whole[:length])

        assert contents(path) == [["first"]]
        assert path.read_bytes() == sound


def test_a_last_line_whose_bytes_did_not_all_reach_the_disk_is_cut_off(path: Path) -> None:
    whole = filled(path, ["first"], ["second"]).read_bytes()
    path.write_bytes(whole[:-5] + b"\0\0\0\0\n")

    found = contents(path)

    assert found == [["first"]]


def test_after_a_torn_line_was_cut_off_the_next_one_is_sound(path: Path) -> None:
    path.write_bytes(filled(path, ["first"]).read_bytes() + b"0123")
    log = Log(path, sync=True)
    list(log.read_on())

    log.append(["second"])

    log.close()
    assert contents(path) == [["first"], ["second"]]


def test_a_damaged_line_that_is_not_the_last_is_named_and_left_as_it_is(path: Path) -> None:
    damaged = filled(path, ["first"], ["second"], ["third"]).read_bytes().replace(b"second", b"sekond")
    path.write_bytes(damaged)
    offset = damaged.index(b"\n", len(HEADER)) + 1

    with pytest.raises(StorageCorrupt, match=f"{path}: the line at byte {offset} is damaged"):
        contents(path)

    assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"pinion-file 2\n", b"pinion-file 10\n00000000 []\n"])
def test_a_newer_log_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StorageCorrupt, match=r"of a version .* upgrade it"):
        Log(path, sync=True)

    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b"my only diary", b"pinion"])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StorageCorrupt, match="isn't a log of pinion-example-file"):
        Log(path, sync=True)

    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_log(path: Path) -> None:
    path.touch()

    assert contents(path) == []
    assert path.read_bytes() == HEADER


def test_a_log_keeps_its_permissions_when_it_is_replaced(path: Path) -> None:
    filled(path).chmod(0o600)

    filled(path, ["first"])

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_replaced_stays(path: Path) -> None:
    filled(path, ["first"])

    with pytest.raises(TypeError):
        replace(path, [["second"], [object()]])

    assert contents(path) == [["first"]]
    assert sorted(each.name for each in path.parent.iterdir()) == ["jobs.log"]


def test_a_log_that_was_replaced_or_deleted_is_no_longer_current(path: Path) -> None:
    log = Log(path, sync=True)
    assert log.is_current()

    filled(path, ["second"])

    assert not log.is_current()
    path.unlink()
    assert not log.is_current()
    log.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
from pinion_example_file.log import Log

path = Path(sys.argv[1])
log = Log(path, sync=True)
log.append(["first"])
before = path.read_bytes()
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, unlimited[1]))
try:
    log.append(["x" * 1000])
except OSError as failed:
    assert path.read_bytes() == before, path.read_bytes()
else:
    sys.exit("it was written all the same")
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
log.append(["second"])
"""


def test_an_append_for_which_there_is_no_room_leaves_the_log_as_it_was(path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL_DISK, path], check=True, timeout=30)

    assert contents(path) == [["first"], ["second"]]


def test_the_lock_excludes_the_threads_of_one_process_too(path: Path) -> None:
    order: list[str] = []
    began = threading.Event()

    def other() -> None:
        began.set()
        with locked(path):
            order.append("other")

    with locked(path):
        thread = threading.Thread(target=other)
        thread.start()
        began.wait()
        thread.join(0.05)
        order.append("first")
    thread.join()

    assert order == ["first", "other"]
