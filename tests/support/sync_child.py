"""One run of a sync as a process of its own, which tests kill, hold and starve.

It takes what to do as JSON, and says on its output how far it is, line by line: ``opening``,
``running``, one number for each page of a full walk (how many there were), then ``done``, or
``failed`` with the name of the error. The service is named by the environment.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import msgspec

from scenario_async import AsyncScenario, ScenarioError
from scenario_async.sync import CatalogStore, ScopeReport, SyncReport, sync


class Job(msgspec.Struct, kw_only=True):
    """What to do.

    Attributes:
        url: The store.
        scopes: What is copied.
        account: The account in a database of many.
        full_before: Scopes that were not listed since are listed in full.
        details: Whether full records are fetched as well.
        wait: Whether to wait for another run.
        at_once: How many pages of each scope may be under way.
        hold: Before opening (-1) or after so many pages, wait for a line on the input.
        file_limit: How large a file may become, in bytes.
    """

    url: str
    scopes: list[str]
    account: str | None = None
    full_before: datetime | None = None
    details: bool = False
    wait: bool = False
    at_once: int = 2
    hold: int | None = None
    file_limit: int | None = None


class _Hurry:
    """A clock on which waiting takes no time: faults are many here, and pauses long."""

    def __init__(self) -> None:
        self._slept = 0.0

    def now(self) -> float:
        return time.monotonic() + self._slept

    async def sleep(self, seconds: float) -> None:
        self._slept += seconds
        await asyncio.sleep(0)


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - that is what it is for


async def run(job: Job) -> None:
    written: dict[str, int] = {}
    holds = job.hold

    def progress(report: ScopeReport) -> None:
        nonlocal holds
        if report.mode == "incremental" or report.pages <= written.get(report.scope, 0):
            return
        written[report.scope] = report.pages
        pages = sum(written.values())
        say(pages)
        if holds is not None and pages >= holds:
            holds = None
            hold()

    say("opening")
    if holds == -1:
        holds = None
        hold()
    full_every = timedelta(days=1)
    async with (
        CatalogStore.open(job.url, account=job.account) as store,
        AsyncScenario(max_retries=12) as scenario,
    ):
        say("running")
        if job.full_before is not None:
            full_every = datetime.now(UTC) - job.full_before
        report: SyncReport = await sync(
            scenario,
            store,
            scopes=job.scopes,
            full_every=full_every,
            details=job.details,
            wait=job.wait,
            max_concurrency=job.at_once,
            on_progress=progress,
        )
    say("done", msgspec.json.encode(report).decode())


def hold() -> None:
    say("holding")
    sys.stdin.readline()


def main() -> int:
    job = msgspec.json.decode(sys.argv[1], type=Job)
    if job.file_limit is not None:
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_limit, job.file_limit))
    try:
        with patch("scenario_async._client.SystemClock", _Hurry):
            asyncio.run(run(job))
    except ScenarioError as error:
        traceback.print_exc()
        say("failed", type(error).__name__, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
