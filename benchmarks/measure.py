"""One measurement: one contender, one walk, in a process that does nothing else.

Reads a ``Job`` as JSON from standard input and writes a ``Result``. The contender first walks a
small catalogue, so that imports and what a library does but once are not counted. What is counted:

- wall: seconds from the first request to the last model, connecting included.
- cpu: seconds of processor time of the process meanwhile, all threads, user and system.
- memory: the peak meanwhile over what the process with an open but idle client held before; bytes.
- hold: how long the event loop was held at most, in seconds: by how much a task that sleeps a
  millisecond at a time came too late. That task would show in the processor time, so a measurement
  has either the hold or the other three.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from contextlib import suppress
from typing import Literal

import memory
import msgspec
from contenders import CONTENDERS, Seen, Target
from loaders import LOADERS
from processors import use_processor

Mode = Literal["time", "hold"]

TICK = 0.001


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure.

    Attributes:
        contender: Its name in ``CONTENDERS`` or ``LOADERS``.
        mode: What is counted.
        warm_up: What is walked first, not counted.
        target: What is walked then.
        collections: How many middle passes of the collector came since its last full one. After
            more than ten of them the next one is a full pass, which holds the loop the longer the
            more is kept; where in this cycle a listing begins is chance in a program.
    """

    contender: str
    mode: Mode
    warm_up: Target
    target: Target
    collections: int = 0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came out; see above for units and meaning.

    Attributes:
        models: How many models the contender saw; ``None`` where it does not look at them.
        size: How many bytes; ``None`` where it does not look at those.
        before: How many requests it had sent before the walk, which do not count.
        wall: Seconds; only in mode ``time``.
        cpu: Seconds; only in mode ``time``.
        memory: Bytes over idle; only in mode ``time``.
        hold: Seconds; only in mode ``hold``.
    """

    models: int | None
    size: int | None
    before: int = 0
    wall: float | None = None
    cpu: float | None = None
    memory: int | None = None
    hold: float | None = None


class Ticker:
    """Wants to run each millisecond.

    Attributes:
        longest: By how many seconds it came too late at most.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        clock = time.perf_counter
        last = clock()
        while True:
            try:
                await asyncio.sleep(TICK)
            finally:
                # Also when cancelled: the walk may have ended with the longest hold of all.
                now = clock()
                self.longest = max(self.longest, now - last - TICK)
                last = now


async def measure(job: Job) -> Result:
    """Warm up, then count."""
    contender = (CONTENDERS | LOADERS)[job.contender]
    async with contender(job.warm_up) as walk:
        await walk()
    async with contender(job.target) as walk:
        # For what closing the client before has left to do.
        await asyncio.sleep(0.05)
        memory.settle()
        for _ in range(job.collections):
            gc.collect(1)
        if job.mode == "hold":
            ticker = Ticker()
            ticking = asyncio.create_task(ticker.run())
            await asyncio.sleep(10 * TICK)
            ticker.longest = 0.0
            seen: Seen = await walk()
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            return Result(
                models=_models(seen), size=seen.size, before=seen.before, hold=ticker.longest
            )
        idle = memory.start_peak()
        cpu, wall = time.process_time(), time.perf_counter()
        seen = await walk()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        most = memory.peak() - idle
        return Result(
            models=_models(seen),
            size=seen.size,
            before=seen.before,
            wall=wall,
            cpu=cpu,
            memory=most,
        )


def _models(seen: Seen) -> int | None:
    return seen.models if seen.stored is None else seen.stored()


def main() -> None:
    """Measure on the processor that the server leaves alone."""
    use_processor("contender")
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    print(msgspec.json.encode(asyncio.run(measure(job))).decode())


if __name__ == "__main__":
    main()
