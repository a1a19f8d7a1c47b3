"""Opening: what a URL names, what is refused and how, and what a class promises."""

from pathlib import Path

import pytest

from pinion.errors import InvalidURL, StorageClosed, StorageError, StorageUnavailable
from pinion.job import Job
from pinion.storage import Promise
from pinion_example_file import FileStorage, UnsyncedFileStorage, open_storage


def test_three_slashes_name_a_file_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with open_storage("file:///jobs.log") as storage:
        assert storage.path == tmp_path / "jobs.log"


def test_four_slashes_name_an_absolute_file(tmp_path: Path) -> None:
    with open_storage(f"file:///{tmp_path}/my%20jobs.log") as storage:
        assert storage.path == tmp_path / "my jobs.log"


@pytest.mark.parametrize("url", ["file:", "file:///", "file://jobs.log", "file:///jobs.log?fsync=maybe", "file:///a?b"])
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"write file:///jobs\.log or file:////var/lib/jobs\.log"):
        open_storage(url)


def test_an_option_of_the_url_takes_back_the_promise_about_power_cuts(tmp_path: Path) -> None:
    with open_storage(f"file:///{tmp_path}/jobs.log?fsync=never") as storage:
        assert type(storage) is UnsyncedFileStorage
        assert Promise.POWER_SAFE not in storage.promises
        assert Promise.POWER_SAFE in FileStorage.promises


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"there is no folder {tmp_path / 'nowhere'}; create it first") as refused:
        FileStorage(tmp_path / "nowhere" / "jobs.log")

    assert not isinstance(refused.value, StorageUnavailable)


def test_whoever_only_reads_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the first enqueue or worker makes it"):
        open_storage(f"file:///{tmp_path}/jobs.log", create=False)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be a log: name another file"):
        FileStorage(tmp_path)


def test_a_storage_keeps_to_its_file_when_the_process_changes_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with FileStorage("jobs.log") as storage:
        storage.insert([Job("one")])
        monkeypatch.chdir("/")

        storage.insert([Job("two")])

        assert storage.size() == 2


def test_a_link_stays_a_link_when_the_log_is_created(tmp_path: Path) -> None:
    link = tmp_path / "link.log"
    link.symlink_to(tmp_path / "jobs.log")

    FileStorage(link).close()

    assert link.is_symlink()
    assert (tmp_path / "jobs.log").exists()


def test_a_storage_can_be_closed_when_its_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    storage = FileStorage(folder / "jobs.log")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()

    storage.close()

    with pytest.raises(StorageError):
        storage.size()


def test_a_closed_storage_says_so(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "jobs.log")
    storage.close()
    storage.close()

    with pytest.raises(StorageClosed, match="was closed here: open it again"):
        storage.size()
