"""Runs of a sync in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from scenario_async.sync import SyncReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from scenario_async.sandbox import Sandbox
    from support.sync_child import Job

_SCRIPT = Path(__file__).with_name("sync_child.py")
_LONG = 120  # seconds; nothing here takes a tenth of that


class SyncProcess:
    """A process that does a job with a sandbox, killed at the latest when its block is left.

    Attributes:
        pages: How many pages of full walks it has written so far.
        failure: What ended it, as its error says it.
        report: What it has done, once it is through.
    """

    def __init__(self, sandbox: Sandbox, job: Job, *, wrapper: Sequence[str] = ()) -> None:
        self.pages = 0
        self.failure: str | None = None
        self.report: SyncReport | None = None
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [*wrapper, sys.executable, str(_SCRIPT), msgspec.json.encode(job).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment_of(sandbox),
        )
        # Reading from a process that hangs would hang as well.
        self._watchdog = threading.Timer(_LONG, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def wait_for(self, word: str) -> bool:
        """Wait until it says this word; ``False`` where it ended before."""
        while (said := self._next()) is not None:
            if said == word:
                return True
        return False

    def wait_for_pages(self, pages: int) -> bool:
        """Wait until it has written so many pages; ``False`` where it ended before."""
        while self.pages < pages:
            if self._next() is None:
                return False
        return True

    def let_go(self) -> None:
        """Let it go on from where it holds."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it as the machine would: it learns nothing of it."""
        self._process.kill()
        self._process.wait(_LONG)
        while self._next() is not None:
            pass

    def end(self) -> SyncReport:
        """Wait until it is through."""
        _, errors = self._ended()
        assert self.report is not None, errors
        assert not errors
        return self.report

    def fail(self) -> tuple[str, str]:
        """Wait until it has failed; gives the error, and everything that it said beside."""
        code, errors = self._ended()
        assert code == 1, errors
        assert self.failure is not None, errors
        return self.failure, errors

    def why(self) -> str:
        """What it said before it ended too early."""
        code, errors = self._ended()
        return f"{code}: {errors}"

    def _ended(self) -> tuple[int, str]:
        while self._next() is not None:
            pass
        assert self._process.stderr is not None
        errors = self._process.stderr.read()
        return self._process.wait(_LONG), errors

    def _next(self) -> str | None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        word, _, rest = line.rstrip("\n").partition(" ")
        if word.isdigit():
            self.pages = int(word)
        elif word == "done":
            self.report = msgspec.json.decode(rest, type=SyncReport)
        elif word == "failed":
            self.failure = rest
        return word or None


def environment_of(sandbox: Sandbox) -> dict[str, str]:
    """The environment of a process that asks this sandbox, and that may be killed."""
    # Measuring how much of the code is run does not survive a SIGKILL.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SCENARIO_", "COVERAGE_")) and "proxy" not in name.lower()
    }
    return {
        **kept,
        "PYTHONWARNINGS": "error",
        "SCENARIO_BASE_URL": sandbox.base_url,
        "SCENARIO_SDK_API_KEY": sandbox.api_key,
        "SCENARIO_SDK_API_SECRET": sandbox.api_secret,
    }


def copy(sandbox: Sandbox, job: Job) -> SyncReport:
    """Do a job undisturbed."""
    with SyncProcess(sandbox, job) as process:
        return process.end()
