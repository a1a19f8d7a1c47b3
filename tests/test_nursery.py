"""The programs of the kit, started by copying a process instead of by starting Python: real processes all the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pinion.conformance import suite
from pinion.conformance.cases import ALL
from pinion.conformance.nursery import Nursery
from pinion.conformance.process import environment
from pinion.conformance.sitting import NO_TRACES, Sitting

pytestmark = pytest.mark.skipif(not Nursery.is_possible(), reason="needs Linux")

STORAGE = """
import atexit, os
from right_storages.shelf import ShelfClaims

def note(name):
    with open(name, "a") as file:
        file.write(f"{os.getpid()}\\n")

note("imported")
atexit.register(note, "ended")

class Shelf(ShelfClaims):
    pass
"""
BEGIN = """
import json, sys
from pathlib import Path
from pinion.conformance.nursery import Nursery
from pinion.conformance.target import Target

nursery = Nursery.copied()
address = Target.of("shelf:Shelf").fresh(Path("place"), "name")

def start(program, **arguments):
    return nursery.start([program, json.dumps(address.written()), json.dumps(arguments)])
"""


def _tell(folder: Path, script: str) -> Any:
    """What the script prints, in a process that has no threads."""
    (folder / "shelf.py").write_text(STORAGE)
    (folder / "place").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_program_is_told_and_says_what_it_would_if_python_had_been_started(tmp_path: Path) -> None:
    said = _tell(
        tmp_path,
        """
child = start("insert_when_told")
lines = [json.loads(child.stdout.readline()) for _ in range(2)]
child.stdin.write("go on\\n")
child.stdin.flush()
lines.append(json.loads(child.stdout.readline())["inserted"])
child.stdin.close()
lines.append(child.stdout.read())
child.wait()
print(json.dumps([lines, address.open().size(), child.pid]))
""",
    )

    assert said[:2] == [["started", "ready", "NEW", ""], 1]
    assert str(said[2]) in (tmp_path / "ended").read_text().split()


def test_each_program_is_a_process_of_its_own_that_imports_the_storage_itself(tmp_path: Path) -> None:
    pids = _tell(
        tmp_path,
        """
children = [start("insert_when_told") for _ in range(3)]
for child in children:
    child.stdin.close()
    child.wait()
print(json.dumps([child.pid for child in children]))
""",
    )

    importing = [int(line) for line in (tmp_path / "imported").read_text().split()]
    assert len(set(pids)) == 3
    assert set(pids) < set(importing)


def test_a_program_that_is_killed_is_gone_once_it_was_waited_for(tmp_path: Path) -> None:
    said = _tell(
        tmp_path,
        """
import os
from pinion.job import Job
address.open().enqueue(Job("task"))
child = start("hold", lease=60.0)
child.stdout.readline()
held = "id" in json.loads(child.stdout.readline())
child.kill()
child.wait()
child.kill()
print(json.dumps([held, Path(f"/proc/{child.pid}").exists(), child.stdout.read()]))
""",
    )

    assert said == [True, False, ""]


def test_a_nursery_that_was_started_gives_its_programs_the_folder_and_the_environment_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf.py").write_text(STORAGE)
    monkeypatch.chdir(tmp_path)
    nursery = Nursery.started({**environment(), "PYTHONPATH": f"{tmp_path}:{environment()['PYTHONPATH']}"})
    monkeypatch.chdir("/")
    address = {"target": "shelf:Shelf", "directory": str(tmp_path), "name": "name"}

    child = nursery.start(["hold", json.dumps(address), json.dumps({"lease": 60.0})])
    assert child.stdin is not None and child.stdout is not None
    with child.stdin, child.stdout:
        said = [json.loads(line) for line in child.stdout]
    child.wait()
    nursery.close()

    assert said[0] == "started" and "IndexError" in said[1]["broken"]  # it had no job to hold
    assert str(child.pid) in (tmp_path / "imported").read_text().split()


def test_a_suite_has_one_nursery_until_the_folder_or_the_environment_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = suite._nursery()
    again = suite._nursery()
    monkeypatch.setenv("PGHOST", "elsewhere")
    changed = suite._nursery()
    monkeypatch.chdir(tmp_path)
    moved = suite._nursery()

    assert first is again
    assert len({id(first), id(changed), id(moved)}) == 3


ENDING = """
import os
from right_storages.condition import ConditionStorage

class Ending(ConditionStorage):
    def mark_done(self, job):
        os._exit(3)
"""


def test_a_judge_that_was_copied_says_what_one_that_was_started_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending.py").write_text(ENDING)
    monkeypatch.syspath_prepend(tmp_path)
    nursery = Nursery.started({**environment(), **NO_TRACES})

    copied, started = (_judged(each) for each in (nursery, None))
    nursery.close()

    assert copied == started
    assert any("ended the whole process, with status 3" in message for _, _, message in copied)


def _judged(nursery: Nursery | None) -> list[tuple[str, str, str]]:
    with Sitting("ending:Ending", 1, nursery) as sitting:
        return [(each.case.id, each.outcome, each.message) for each in sitting.results(ALL[:12])]
