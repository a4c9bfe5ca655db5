"""Starts the processes that are measured and speaks to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from measure import Job, Result
from server import Announcement, Order, Work

if TYPE_CHECKING:
    from types import TracebackType

_HERE = Path(__file__).parent
# No walk takes as long; one that hangs must not hold the rest.
_LONGEST_WALK = 600
_PATIENCE = 10


class WrongResultError(Exception):
    """A contender failed, or saw other models than the service has: its figures mean nothing."""


class Service:
    """The server with a catalogue of this size, in a process of its own.

    Attributes:
        announcement: Where it listens and what it has.
    """

    def __init__(self, models: int) -> None:
        command = [sys.executable, str(_HERE / "server.py"), "--models", str(models)]
        self._process = subprocess.Popen(  # noqa: S603 - ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        self.announcement = msgspec.json.decode(self._line(), type=Announcement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def order(self, latency: float) -> Work:
        """Set the latency, and ask what was done since the last order."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        self._process.stdin.write(msgspec.json.encode(Order(latency)).decode() + "\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._line(), type=Work)

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        line = self._process.stdout.readline()
        if not line:
            raise WrongResultError("the server ended")
        return line


def run_contender(job: Job) -> Result:
    """Measure one walk in a fresh process.

    Raises:
        WrongResultError: The process failed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, str(_HERE / "measure.py")],
            input=msgspec.json.encode(job),
            capture_output=True,
            check=False,
            timeout=_LONGEST_WALK,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise WrongResultError(f"{job.contender} took over {_LONGEST_WALK} s") from None
    if done.returncode:
        raise WrongResultError(f"{job.contender} failed:\n{done.stderr.decode()}")
    return msgspec.json.decode(done.stdout, type=Result)


def _environment() -> dict[str, str]:
    # Scripts beside this one are found also where PYTHONSAFEPATH is set, and sets iterate in the
    # same order in every run.
    path = os.pathsep.join(filter(None, (str(_HERE), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
