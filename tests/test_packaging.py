"""What holds for all distributions together: one version, one license, one test command."""

import subprocess
import sys
from types import ModuleType

import pytest

import pinion
from repository import DISTRIBUTIONS, ROOT, project


def test_all_distributions_have_one_version() -> None:
    assert len({project(folder)["version"] for folder in DISTRIBUTIONS}) == 1


def test_every_folder_with_a_project_is_known_to_the_tests() -> None:
    assert {path.parent.name for path in ROOT.glob("*/pyproject.toml")} == set(DISTRIBUTIONS)


def test_distributions_accept_each_other_within_the_minor_version() -> None:
    major, minor, _ = project("pinion-core")["version"].split(".")
    accepted = f">={major}.{minor},<{major}.{int(minor) + 1}"

    core = project("pinion-core")
    extras = [line for lines in core["optional-dependencies"].values() for line in lines]
    needed = [line for folder in DISTRIBUTIONS for line in project(folder)["dependencies"]] + extras
    ours = [line for line in needed if line.startswith("pinion-") and not line.startswith("pinion-core[")]

    assert ours
    assert [line for line in ours if not line.endswith(accepted)] == []


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_is_licensed_typed_and_described(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (ROOT / folder / "src" / DISTRIBUTIONS[folder] / "py.typed").exists()
    assert (ROOT / folder / "README.md").read_text().startswith(f"# {project(folder)['name']}\n")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    after = (ROOT / "README.md").read_text().partition("<!-- tests -->")[2]
    block = after.split("```")[1].splitlines()[1:]
    [command] = [line for line in block if not line.startswith("#")]

    run = subprocess.run([ROOT / ".ci" / "run", "--print"], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == command
    assert "tox" in command


def test_task_and_schedule_are_functions_whatever_was_imported_before() -> None:
    program = (
        "from pinion import task; from pinion import schedule; assert callable(task) and callable(schedule); "
        "import pinion.schedule, pinion.task; assert callable(pinion.task) and callable(pinion.schedule)"
    )
    swapped = (
        "import pinion.schedule, pinion.task; from pinion import task, schedule; "
        "assert callable(task) and callable(schedule)"
    )

    for each in (program, swapped):
        subprocess.run([sys.executable, "-I", "-c", each], check=True)


def test_each_module_can_be_the_first_that_is_imported() -> None:
    core = ROOT / "pinion-core" / "src"
    modules = [".".join(path.relative_to(core).with_suffix("").parts) for path in (core / "pinion").glob("*.py")]
    program = "import importlib, sys; importlib.import_module(sys.argv[1])"
    for module in sorted(set(modules) - {"pinion.__init__", "pinion.__main__"}):
        subprocess.run([sys.executable, "-I", "-c", program, module], check=True)


def test_every_public_name_is_there() -> None:
    assert set(pinion.__all__) <= set(dir(pinion))
    assert [name for name in pinion.__all__ if isinstance(getattr(pinion, name), ModuleType)] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = pinion.Nothing
