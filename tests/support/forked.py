"""The command as processes that are forked off one in which everything is imported.

A process that starts afresh spends most of its time on imports. Pipes, terminals and signals, which
are tested with these, are the same in both.
"""

from __future__ import annotations

import multiprocessing
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import warnings
from multiprocessing.reduction import DupFd
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Forked"]

_IMPORTED = [
    "rich.live",
    "rich.progress",
    "scenario_async._client",
    "scenario_async._formats.table",
    "scenario_async._http.transport",
    "scenario_async.cli._program",
    "scenario_async.cli._output.live",
    "scenario_async.sandbox._sandbox",
    "scenario_async.sync._backends.sqlite_engine",
    "scenario_async.sync._runs.run",
    "sqlalchemy.dialects.sqlite.aiosqlite",
]


class Forked:
    """One such process, as ``subprocess.Popen`` has it.

    Attributes:
        stdout: What it writes, where that is a pipe.
        stderr: The same of its errors.
        returncode: How it ended, once that was asked for.
    """

    def __init__(
        self,
        *arguments: str,
        stdout: int | IO[bytes],
        stderr: int,
        env: dict[str, str],
        cwd: Path | None,
    ) -> None:
        self.stdout, given_stdout = _stream(stdout)
        self.stderr, given_stderr = _stream(stderr)
        self.returncode: int | None = None
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_IMPORTED)
        deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        streams = (_Inherited(given_stdout), _Inherited(given_stderr))
        self._process = context.Process(
            target=_run, args=(arguments, env, str(cwd or "."), streams, deaf)
        )
        self._process.start()
        for given, asked in ((given_stdout, stdout), (given_stderr, stderr)):
            if asked in (subprocess.PIPE, subprocess.DEVNULL):
                os.close(given)

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, if it still runs."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """How it ended."""
        self._process.join(timeout)
        self.returncode = self._process.exitcode
        if self.returncode is None:
            raise subprocess.TimeoutExpired("scenario-async", timeout or 0)
        return self.returncode

    def communicate(self, timeout: float) -> tuple[bytes, bytes]:
        """All that it writes from now on, up to its end."""
        until = time.monotonic() + timeout
        written = {"stdout": b"", "stderr": b""}
        with selectors.DefaultSelector() as selector:
            for name in written:
                if (stream := getattr(self, name)) is not None:
                    selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                ready = selector.select(until - time.monotonic())
                if not ready:
                    raise subprocess.TimeoutExpired("scenario-async", timeout)
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    written[key.data] += data
                    if not data:
                        selector.unregister(key.fileobj)
        self.wait(max(0.0, until - time.monotonic()))
        return written["stdout"], written["stderr"]


class _Inherited:
    """A number of a file, which another process gets as one of its own."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _inherit, (DupFd(self.number),)


def _inherit(handed_over: Any) -> _Inherited:
    return _Inherited(handed_over.detach())


def _stream(asked: int | IO[bytes]) -> tuple[IO[bytes] | None, int]:
    """What is read here, if anything, and what the process gets."""
    if asked == subprocess.PIPE:
        reading, writing = os.pipe()
        # Without a buffer: what it has read ahead nobody else would see.
        return os.fdopen(reading, "rb", buffering=0), writing
    if asked == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, asked if isinstance(asked, int) else asked.fileno()


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: str,
    streams: tuple[_Inherited, _Inherited],
    deaf: bool,
) -> None:
    """Be the command. It ends as the interpreter would, and not as a process of this kind does."""
    from scenario_async import cli  # noqa: PLC0415 - it is there in the other process

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, stream in enumerate(streams, 1):
        os.dup2(stream.number, number)
        os.close(stream.number)
    for name, number in {"stdout": 1, "stderr": 2}.items():
        opened = open(number, "w", closefd=False, encoding="utf-8", buffering=1)  # noqa: SIM115 - of the process
        for each in (name, f"__{name}__"):
            setattr(sys, each, opened)
    signal.signal(signal.SIGINT, signal.SIG_IGN if deaf else signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("error")
    code = cli.main(arguments)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    os._exit(code)
