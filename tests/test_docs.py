"""Every code block of the documentation is executed, page by page, in a folder of the page's own.

    ```python               a new process
    ```python file=NAME     written to that file instead
    ```bash                 every line, one by one; `export` lasts to the end of the page, also for Python
    ```console              every line that begins with "$ "

A fence may say `exit=N`, the status that the block (its last line, for commands) ends with. An install
command may be preceded, or followed on its line, by `# not executed: reason`. Blocks in other languages, or
none, are not looked at.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from repository import DISTRIBUTIONS, ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / folder / "README.md" for folder in DISTRIBUTIONS),
]
FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SKIP = re.compile(r"# not executed: \S")
INSTALL = re.compile(r"\b(pip install|pipx install|uv (add|pip install|sync)|apt-get install|git clone)\b")
SECONDS = 240


class Block(NamedTuple):
    """A fenced block: its language, the options behind it, its text, and the line it begins on."""

    language: str
    options: dict[str, str]
    body: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for match in FENCE.finditer(text):
        language, *options = shlex.split(match["info"])
        yield Block(
            language,
            dict(option.partition("=")[::2] for option in options),
            match["body"],
            text.count("\n", 0, match.start()) + 1,
        )


def commands(block: Block) -> Iterator[str]:
    """The lines of a block to execute. Raises ValueError for one that is left out and installs nothing."""
    skip = False
    for line in block.body.replace("\\\n", " ").splitlines():
        prompted = line.startswith("$ ")
        if line.startswith("#"):
            skip = skip or SKIP.match(line) is not None
        elif line.strip() and (prompted or block.language == "bash"):
            if not (skip or SKIP.search(line)):
                yield line.removeprefix("$ ")
            elif not INSTALL.search(line):
                raise ValueError(f"only install commands may be left out, not {line!r}")
            skip = False


class Page:
    """One page's folder, and what its blocks have done there so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports: list[str] = []
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.environment = {**os.environ, "PATH": path}
        self.environment.pop("PINION_URL", None)

    def execute(self, block: Block) -> None:
        status = int(block.options.get("exit", 0))
        if "file" in block.options:
            (self.folder / block.options["file"]).write_text(block.body)
        elif block.language == "python":
            (self.folder / f"line_{block.line}.py").write_text(block.body)
            self._shell(f"{shlex.quote(sys.executable)} line_{block.line}.py", status)
        elif block.language in {"bash", "console"}:
            lines = list(commands(block))
            for number, line in enumerate(lines, 1):
                self._shell(line, status if number == len(lines) else 0)

    def _shell(self, line: str, status: int) -> None:
        if line.startswith("export "):
            self.exports.append(line)
        self._run(["bash", "-c", "\n".join([*self.exports, line])], status)

    def _run(self, command: list[str], status: int) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == status, f"{command[-1]}\n{done.stdout}{done.stderr}"


@pytest.mark.once
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_of_a_page_runs(path: Path, tmp_path: Path) -> None:
    page = Page(tmp_path)
    for block in blocks(path.read_text()):
        try:
            page.execute(block)
        except (AssertionError, ValueError, subprocess.TimeoutExpired) as error:
            pytest.fail(f"{path.relative_to(ROOT)}:{block.line}: {error}", pytrace=False)


def run_page(folder: Path, text: str) -> None:
    page = Page(folder)
    for block in blocks(text):
        page.execute(block)


def test_a_file_an_export_and_a_status_are_understood(tmp_path: Path) -> None:
    text = (
        "```python file=answer.py\nVALUE = 42\n```\n"
        "```python\nimport answer\nassert answer.VALUE == 42\n```\n"
        "```bash exit=3\nexport STATUS=3\nexit $STATUS\n```\n"
        "```python exit=3\nimport os\nraise SystemExit(int(os.environ['STATUS']))\n```\n"
        "```console\n$ touch made\nwhat it prints is not executed\n```\n"
    )

    run_page(tmp_path, text)

    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("block", ["```python\n1 / 0\n```\n", "```bash\nfalse\ntrue\n```\n"])
def test_a_failing_block_is_noticed(block: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run_page(tmp_path, block)


def test_only_install_commands_may_be_left_out(tmp_path: Path) -> None:
    run_page(tmp_path, "```bash\n# not executed: installs\npip install nothing && false\n```\n")

    with pytest.raises(ValueError, match="only install commands"):
        run_page(tmp_path, "```bash\n# not executed: too slow\nfalse\n```\n")
