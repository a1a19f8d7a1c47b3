"""What importing Pinion loads, and what it leaves until it is used: every program that uses it pays at its start."""

import subprocess
import sys

import pytest

ALWAYS_DEAR = {
    *("asyncio", "concurrent.futures", "ctypes", "email", "multiprocessing", "pickle", "random", "socket", "ssl"),
    *("unittest", "urllib.request", "uuid", "zoneinfo"),
    *("base64", "cronsim", "decimal", "hypothesis", "pluggy", "pydantic", "pytest", "pinion.conformance"),
}
ENQUEUES = ALWAYS_DEAR | {"click", "importlib_metadata", "logging", "pinion.worker", "pinion.testing"}
DECLARES = ENQUEUES | {
    *("json", "sqlite3"),
    *("pinion.codec", "pinion.plain", "pinion.rebuild", "pinion.plugins", "pinion.queue", "pinion.storage"),
}
DECLARING = """
from pinion import task

@task(queue="mail", timeout=30, unique="mail-{address}")
def greet(address: str) -> str: ...
"""


def loaded_by(program: str) -> set[str]:
    """The modules that a program loads which Python alone doesn't."""
    code = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_pinion_loads_nothing_else_of_it() -> None:
    """`import pinion` is done by pytest, too, wherever Pinion is installed."""
    assert {name for name in loaded_by("import pinion") if name.startswith("pinion")} == {"pinion"}


def test_the_pytest_plugin_loads_nothing_else_before_a_fixture_is_asked_for() -> None:
    loaded = loaded_by("import pytest; before = set(sys.modules); import pinion.testing.plugin")

    assert loaded == {"pinion", "pinion.testing", "pinion.testing.plugin"}


@pytest.mark.parametrize(
    ("program", "dear"),
    [
        pytest.param("import pinion", DECLARES, id="import"),
        pytest.param(DECLARING, DECLARES, id="declare"),
        pytest.param("from pinion import Queue", ENQUEUES | {"sqlite3"}, id="queue"),
        pytest.param("from pinion import SqliteStorage", ENQUEUES - {"ctypes", "random"}, id="sqlite"),
        pytest.param("from pinion import InMemoryStorage", ENQUEUES | {"sqlite3"}, id="memory"),
        pytest.param(
            "from pinion import Worker", ALWAYS_DEAR - {"ctypes", "pickle"} | {"click", "sqlite3"}, id="worker"
        ),
    ],
)
def test_what_is_dear_is_not_loaded_before_it_is_used(program: str, dear: set[str]) -> None:
    assert sorted(loaded_by(program) & dear) == []


def test_a_command_loads_no_worker_unless_it_is_one() -> None:
    assert {"pinion.worker", "pinion.cli.demo", "sqlite3"} & loaded_by("import pinion.cli") == set()


def test_a_value_is_read_whose_module_nobody_has_imported() -> None:
    loaded = loaded_by(
        "from pinion.codec import DEFAULT_CODEC\n"
        'values = DEFAULT_CODEC.decode(\'[{"$":"decimal","v":"1.50"}]\')\n'
        "assert repr(values) == \"[Decimal('1.50')]\", values\n"
    )

    assert {"decimal", "uuid"} & loaded == {"decimal"}
