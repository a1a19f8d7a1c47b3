"""Nursery: a process that knows the kit and no storage, which is copied for each program of the kit, or each judge.

Python and the imports take a fifth of a second, and a storage that processes share is judged with dozens of them. What
the copies have is the kit alone: each imports the storage's module itself, as any process does. A judge copies itself
for it, before it knew any storage; where there are threads and storages already, as under pytest, a Python is started.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Any, Protocol

from pinion.plugins import schemes

__all__ = ["Child", "Nursery"]

PROGRAMS = ("pinion.conformance.programs.__main__",)
JUDGE = ("pinion.conformance.judge", "pinion.conformance.machine")
"""What is loaded for each; the first has a `main` that is it."""

LONGEST = 100_000
"""Bytes of what a program is told: its address and its arguments."""


class Child(Protocol):
    """A process, as far as the kit needs it; a `subprocess.Popen` is one."""

    pid: int
    stdin: IO[str] | None
    stdout: IO[str] | None

    def kill(self) -> None:
        """Send it SIGKILL, if it is still there."""

    def poll(self) -> int | None:
        """Its exit status if it has ended: the number of a signal, negative, if one ended it."""

    def wait(self) -> Any:
        """Return when it has ended."""


class Nursery:
    """Starts programs. Close it where it isn't needed for as long as this process lives.

    asking: the socket on which it listens. server: its process, if this one has to wait for its end.
    """

    def __init__(self, asking: socket.socket, server: subprocess.Popen[bytes] | None = None) -> None:
        self._socket = asking
        self._server = server
        self._asking = threading.Lock()

    @staticmethod
    def is_possible() -> bool:
        """Whether processes can be copied here, and given their pipes."""
        return sys.platform == "linux"

    @classmethod
    def copied(cls) -> "Nursery":
        """A copy of this process. Make it before there are threads, and before anything was read from standard input."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            _serve(theirs)
        theirs.close()
        return cls(ours)

    @classmethod
    def started(cls, environment: Mapping[str, str]) -> "Nursery":
        """A Python in the current folder, and in this environment, which its programs have too."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "pinion.conformance.nursery", str(theirs.fileno())]
            return cls(ours, subprocess.Popen(command, env=dict(environment), pass_fds=[theirs.fileno()]))

    def close(self) -> None:
        """Start no more programs; those that run go on."""
        with contextlib.suppress(OSError), self._socket:
            self._socket.shutdown(socket.SHUT_RDWR)  # children that were forked meanwhile have it open, too
        if self._server is not None:
            self._server.wait()

    def start(self, arguments: Sequence[str]) -> Child:
        """Run the program of `pinion.conformance.programs` that these are for, or, if there are none, a judge."""
        their_input, our_input = os.pipe()
        our_output, their_output = os.pipe()
        our_end, their_end = os.pipe()
        theirs = [their_input, their_output, their_end]
        with self._asking:
            socket.send_fds(self._socket, [json.dumps(arguments).encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        return _Copy(our_input, our_output, our_end)


class _Copy:
    """A process that was copied. It is the child of another, which tells its number, and at its end its status."""

    def __init__(self, stdin: int, stdout: int, told: int) -> None:
        self.stdin: IO[str] | None = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout: IO[str] | None = os.fdopen(stdout, encoding="utf-8")
        self._told = os.fdopen(told, encoding="ascii")
        self.pid = int(self._told.readline() or 0)
        self._status: int | None = None

    def kill(self) -> None:
        if self.pid and not self._told.closed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        return self.wait() if self._told.closed or select.select([self._told], [], [], 0)[0] else None

    def wait(self) -> int | None:
        if not self._told.closed:
            self._status = int(self._told.read() or -signal.SIGKILL)
            self._told.close()
        return self._status


def _serve(asked_by: socket.socket) -> None:
    """Copy this process whenever it is asked for, until nobody is there to ask. Returns in no process."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked_by, LONGEST, 3)
        if not message:
            os._exit(0)
        arguments = json.loads(message)
        _learn(arguments)
        if os.fork() == 0:
            asked_by.close()
            _keep(arguments, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _learn(arguments: list[str]) -> None:
    """Load what all programs need, or all judges, once: here, since most judges need no programs."""
    for name in PROGRAMS if arguments else JUDGE:
        import_module(name)
    if arguments and "://" in json.loads(arguments[1])["target"]:
        schemes()


def _keep(arguments: list[str], stdin: int, stdout: int, told: int) -> None:
    """Start the program, and stay until it has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(told)
        _become(arguments, stdin, stdout)
    os.close(stdin)
    os.close(stdout)
    os.write(told, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(arguments: list[str], stdin: int, stdout: int) -> None:
    """Run the program, or judge, and end as a Python does that ran nothing else."""
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.close(stdin)
    os.close(stdout)
    sys.argv[1:] = arguments
    if not arguments:
        os.setsid()  # so that what the storage leaves behind can be ended with it
    import_module((PROGRAMS if arguments else JUDGE)[0]).main(*arguments)
    sys.exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
