"""The example on real input: the standard library's own files, two workers, one of them killed half-way."""

import hashlib
import importlib.util
import shutil
import sysconfig
from pathlib import Path
from types import ModuleType

from pinion import Queue, Status
from processes import until, worker

EXAMPLE = Path(__file__).parents[1] / "examples" / "checksums" / "checksums.py"


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checksums", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_file_is_hashed_once_though_a_worker_is_killed_half_way(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path)
    library = Path(sysconfig.get_path("stdlib"))
    expected = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in library.rglob("*")
        if path.is_file() and not path.is_symlink() and "site-packages" not in path.parts
    }
    url, example = f"sqlite:///{tmp_path}/checksums.db", _example()
    options = ("--import", "checksums", "--lease", "2", "--burst")

    with Queue(url) as queue:
        total = example.enqueue(queue, str(library), leave_out="site-packages")
        with worker(url, tmp_path, *options) as first, worker(url, tmp_path, *options) as second:
            until(lambda: queue.counts()["default"].get(Status.SUCCESS, 0) > total / 10)
            first.kill()
            with worker(url, tmp_path, *options) as third:
                assert third.wait(120) == 0
            assert second.wait(120) == 0
        hashed = list(example.finished(queue))

    assert len(hashed) == len(expected)
    assert dict(hashed) == expected
