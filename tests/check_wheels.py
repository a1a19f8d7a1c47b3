"""Build every distribution and try the wheels as a stranger would: alone, in an empty environment.

Run by `tox -e wheels`; needs `build` and `hatchling`. Each backend is installed with core and nothing else of
ours.
"""

import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path
from typing import Any

from repository import DISTRIBUTIONS, ROOT, project

DEMO = {"pinion-memory", "pinion-sqlite"}
"""With one of these beside core, `pinion` alone runs a job."""

TARGETS = {
    "pinion-memory": "memory://",
    "pinion-sqlite": "sqlite:///{tmp}/jobs.db",
    "plugins-example": "file:///{tmp}/jobs.log",
}
"""What the conformance kit, installed from the wheel, judges."""

ROUNDS = 31
STANDARD = "import dataclasses, datetime, inspect, threading, typing"
DECLARING = "from pinion import task\n@task\ndef greet(name: str) -> str: return name"
STARTS = (
    ("import pinion", "import pinion", "pass", 60),
    ("declare a task", DECLARING, STANDARD, 40),
)
"""What is timed: a name, a program, one to compare it with, and how many milliseconds more the first may take.

`import pinion` alone loads hardly anything, so a program that uses some of it is timed as well, and compared with what
it loads of the standard library, which makes most of it.
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        wheels = {folder: build(folder, place / folder) for folder in DISTRIBUTIONS}
        first, *others = DISTRIBUTIONS
        check_installed(first, wheels, place)  # alone, since it measures
        with ThreadPoolExecutor() as pool:  # the kit mostly waits
            list(pool.map(lambda folder: check_installed(folder, wheels, place), others))
    print(f"ok: {len(DISTRIBUTIONS)} distributions")


def build(folder: str, out: Path) -> Path:
    """Build the sdist, and from it the wheel; check both and return the wheel."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT / folder)
    [wheel] = out.glob("*.whl")
    [sdist] = out.glob("*.tar.gz")
    check_wheel(wheel, DISTRIBUTIONS[folder], project(folder))
    check_sdist(sdist, DISTRIBUTIONS[folder])
    return wheel


def check_wheel(wheel: Path, package: str, declared: dict[str, Any]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata_name] = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(metadata_name).decode())
    info = metadata_name.removesuffix("/METADATA")
    expect(metadata["Name"] == declared["name"], wheel, "its name")
    expect(metadata["Version"] == declared["version"], wheel, "its version")
    expect(metadata["Requires-Python"] == ">=3.12", wheel, "Requires-Python")
    expect(metadata["License-Expression"] == "MIT", wheel, "License-Expression")
    expect(bool(metadata.get_payload()), wheel, "its README")
    expect(f"{info}/licenses/LICENSE" in names, wheel, "LICENSE")
    expect(f"{info}/entry_points.txt" in names, wheel, "entry points")
    expect(f"{package}/py.typed" in names, wheel, "py.typed")
    expect({name.split("/")[0] for name in names} == {package, info}, wheel, "one package only")
    missing = {f"{package}/{name}" for name in package_files(wheel, package)} - set(names)
    expect(not missing, wheel, f"every file of the package: {sorted(missing)}")


def package_files(wheel: Path, package: str) -> list[str]:
    """The files of the package in the repository, as the wheel should hold them."""
    root = ROOT / wheel.parent.name / "src" / package
    files = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path.relative_to(root).as_posix() for path in files]


def check_sdist(sdist: Path, package: str) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml", f"src/{package}/py.typed"}
    expect(needed <= names, sdist, f"{sorted(needed - names)}")


def check_installed(folder: str, wheels: dict[str, Path], place: Path) -> None:
    """Install one distribution, and core, from wheels into an empty environment, and use it."""
    home = place / f"venv-{folder}"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    needed = dict.fromkeys([wheels["pinion-core"], wheels[folder]])
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needed)
    run(python, "-m", "pip", "check")
    run(python, "-I", "-c", f"import {DISTRIBUTIONS[folder]}", cwd=place)
    run(home / "bin" / "pinion", *([] if folder in DEMO else ["--help"]), cwd=place)
    if folder == "pinion-core":
        check_import_time(python, place)
    else:
        check_conformance(home, wheels["pinion-core"], TARGETS[folder], place)


def check_conformance(home: Path, core: Path, target: str, place: Path) -> None:
    """The kit, run from an installed wheel in another folder, finds the storage conformant."""
    run(home / "bin" / "python", "-m", "pip", "install", "--quiet", f"{core}[conformance]")
    run(home / "bin" / "pinion", "conformance", target, cwd=place)
    print(f"conformant from its wheel: {target}")


def check_import_time(python: Path, place: Path) -> None:
    """Programs start within their limits.

    Processor time, since a busy machine makes everything take longer; in turns, and the least of many rounds, since
    what disturbs only ever adds.
    """
    least = {code: float("inf") for _, *pair, _ in STARTS for code in pair}
    for _ in range(ROUNDS):
        for code in least:
            least[code] = min(least[code], processor_ms(python, code, place))
    for name, program, other, limit in STARTS:
        more = least[program] - least[other]
        print(f"{name}: {more:.1f} ms over {least[other]:.1f} ms; {limit} ms is the limit")
        expect(more < limit, python, f"a start within {limit} ms: {name}")


def processor_ms(python: Path, code: str, place: Path) -> float:
    """Milliseconds of processor time, the system's included, that a process takes for the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-I", "-c", code], cwd=place, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command in a clean environment; what it printed is shown if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PINION"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        words = " ".join(map(str, command))
        sys.exit(f"check_wheels: exit status {done.returncode} of: {words}\n{done.stdout}{done.stderr}")


def expect(holds: bool, where: Path, what: str) -> None:
    if not holds:
        sys.exit(f"check_wheels: {where.name} lacks {what}")


if __name__ == "__main__":
    main()
