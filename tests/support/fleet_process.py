"""Workers of a fleet in processes of their own, and what they say that they do."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from support.fleet_checks import Note

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fleet_child import Job

__all__ = ["Journal", "Worker", "Workers", "until"]

_SCRIPT = Path(__file__).with_name("fleet_child.py")
PATIENCE = 300  # seconds; only what fails waits so long


async def until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    """Wait for it.

    Raises:
        AssertionError: It does not come; says how far it is.
    """
    with anyio.move_on_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - other processes do it
            await anyio.sleep(0.02)
        return
    raise AssertionError(f"this does not come to its end: {what()}")


@dataclass
class Journal:
    """What all workers said.

    Attributes:
        begun: Each run that one began, in the order in which it was read.
        counts: How many runs of each account that were.
    """

    begun: list[Note] = field(default_factory=list[Note])
    counts: Counter[str] = field(default_factory=Counter[str])

    def note(self, note: Note) -> None:
        """Add one."""
        self.begun.append(note)
        self.counts[note.account] += 1

    def taken_over(self, lost: Note) -> bool:
        """Whether another worker has begun with the same account since."""
        return any(
            note.account == lost.account and note.worker != lost.worker and note.when > lost.when
            for note in self.begun
        )

    async def more(self, runs: int) -> None:
        """Wait until so many more were begun."""
        wanted = len(self.begun) + runs
        await until(lambda: len(self.begun) >= wanted, lambda: (len(self.begun), wanted))

    async def more_of(self, worker: str, runs: int = 1) -> None:
        """Wait until a worker has begun so many more."""

        def begun() -> int:
            return sum(note.worker == worker for note in self.begun)

        wanted = begun() + runs
        await until(lambda: begun() >= wanted, lambda: (worker, begun(), wanted))


class Worker:
    """A running process.

    Attributes:
        name: As its requests and notes show it.
        running: Whether it has opened the store.
        ended: Whether it came to an end in order.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, journal: Journal) -> None:
        self.name = name
        self.running = self.ended = False
        self._process = process
        self._journal = journal
        self._reading = asyncio.ensure_future(self._read())
        self._errors = asyncio.ensure_future(_all_of(process.stderr))

    @classmethod
    async def start(cls, job: Job, journal: Journal) -> Worker:
        """Start a process with this job."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_SCRIPT),
            msgspec.json.encode(job).decode(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )
        return cls(job.worker, process, journal)

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    async def kill(self) -> None:
        """End it as the machine would: it learns nothing of it."""
        if self.alive:
            self._process.kill()
        await self.wait()

    async def end(self) -> None:
        """Ask it to end, and wait until it has. Nothing may have gone wrong unnoticed."""
        assert self.alive, await self.why()
        self._process.terminate()
        code = await self.wait()
        assert (code, self.ended) == (0, True), await self.why()
        assert "Traceback" not in await self._errors, await self.why()

    async def wait(self) -> int:
        """Wait until it has ended."""
        with anyio.fail_after(PATIENCE):
            await self._process.wait()
            await self._reading
            await self._errors
        assert self._process.returncode is not None
        return self._process.returncode

    async def why(self) -> str:
        """How it ended, and what it wrote beside."""
        return f"{self.name} ended with {await self.wait()}: {await self._errors}"

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, _, rest = line.decode().rstrip("\n").partition(" ")
            if word == "begin":
                moment, _, account = rest.partition(" ")
                self._journal.note(Note(self.name, account, float(moment)))
            self.running |= word == "running"
            self.ended |= word == "ended"


class Workers:
    """The workers of a fleet.

    Args:
        job: What each does, but for its name.

    Attributes:
        journal: What all of them said.
        alive: Those that run.
        killed: The names of those that were killed, with the moment after which they were dead.
    """

    def __init__(self, job: Job) -> None:
        self.journal = Journal()
        self.alive: list[Worker] = []
        self.killed: dict[str, float] = {}
        self._job = job
        self._numbers = count(1)

    async def start(self, *, url: str | None = None) -> Worker:
        """Start one more, which may reach the store by another way, until it has opened that."""
        name = f"{self._job.worker}-{next(self._numbers)}"
        job = msgspec.structs.replace(self._job, worker=name, url=url or self._job.url)
        worker = await Worker.start(job, self.journal)
        self.alive.append(worker)
        await until(lambda: worker.running or not worker.alive, lambda: name)
        # One that finds no database when it starts says so and ends: it has nothing to go on with.
        assert worker.running, await worker.why()
        return worker

    async def kill(self, worker: Worker) -> None:
        """Kill one."""
        self.alive.remove(worker)
        await worker.kill()
        self.bury(worker)

    def bury(self, worker: Worker) -> None:
        """Note that one is dead."""
        self.killed[worker.name] = asyncio.get_running_loop().time()

    async def end(self, *some: Worker) -> None:
        """Ask some of them, or all, to end in order, and wait until they have."""
        leaving = some or tuple(self.alive)
        self.alive = [worker for worker in self.alive if worker not in leaving]
        try:
            await asyncio.gather(*(worker.end() for worker in leaving))
        finally:
            for worker in leaving:
                await worker.kill()

    async def close(self) -> None:
        """Leave none behind."""
        for worker in self.alive:
            await worker.kill()
        self.alive.clear()


async def _all_of(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await stream.read()).decode(errors="replace")


def _environment() -> dict[str, str]:
    # Measuring how much of the code is run does not survive a SIGKILL.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SCENARIO_", "COVERAGE_", "PGQUEUER_"))
        and "proxy" not in name.lower()
    }
    return {**kept, "PYTHONWARNINGS": "error"}
