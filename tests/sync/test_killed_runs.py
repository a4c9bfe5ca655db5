"""Runs that are killed at any instant and begun again: nothing is lost, nothing is listed twice."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from time import sleep
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec
import pytest
from support.store_contents import Contents, assert_same, assert_whole, read
from support.sync_child import Job
from support.sync_process import SyncProcess, copy

from scenario_async._pagination.windows.timeline import SECOND, position_of
from scenario_async.sandbox import Catalogue, Dropped, RateLimited, Sandbox, ServerError, Truncated
from scenario_async.sync import CatalogStore, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenario_async.pytest_plugin import SandboxFactory
    from scenario_async.sandbox import Fault, Privacy, Request

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX has it"),
]

PRIVACIES: tuple[Privacy, ...] = ("private", "public")
DROPS: tuple[Fault, ...] = (Dropped(), Dropped(reset=True), Truncated(), Truncated(chunked=True))
ALL: tuple[Fault, ...] = (*DROPS, ServerError(503), ServerError(500), RateLimited(retry_after=1))
FAULTS = pytest.mark.parametrize("faults", [ALL, DROPS], ids=["all", "drops"])
# Per kill, of each scope: what is under way or not yet written, and the walk's first requests.
REPEATED = 3
BEGINNING = position_of(datetime.min.replace(tzinfo=UTC))


def catalogue_of(models: int) -> Catalogue:
    """A third of them public, and some rows of either kind that have to be rejected.

    None is without a creation date: looking for those cannot be taken up in the middle.
    """
    public = models * 7 // 20
    catalogue = Catalogue.seeded(public=public, private=models - public, collections=3, odd=False)
    for privacy in PRIVACIES:
        ids = catalogue.ids(privacy)
        for number, model_id in enumerate(ids[::300]):
            catalogue.update(model_id, fields={"tags": number})
        catalogue.update(ids[len(ids) // 2], fields={"id": None})
    return catalogue


def scopes_of(catalogue: Catalogue) -> list[str]:
    return ["private", "public", f"collection:{catalogue.collection_ids[0]}"]


def change(catalogue: Catalogue) -> None:
    """Give a second full walk something to find: all that can become of a model."""
    for privacy in PRIVACIES:
        ids = catalogue.ids(privacy)
        for model_id in ids[5::41]:
            catalogue.delete(model_id)
        for model_id in ids[6::37]:
            if model_id in catalogue:
                catalogue.update(model_id, name="Another name", fields={"tags": ["another"]})
        for _ in range(5):
            catalogue.add(privacy=privacy)
    for model_id in catalogue.ids(collection_id=catalogue.collection_ids[0])[::19]:
        catalogue.move(model_id)


def disturb(
    sandbox: Sandbox, faults: Sequence[Fault], random: Random, share: float
) -> Callable[[], int]:
    """Show one of these faults to a share of the requests; gives how many were shown."""
    shown = 0

    def due(_: Request) -> bool:
        nonlocal shown
        is_due = random.random() < share / len(faults)
        shown += is_due
        return is_due

    for fault in faults:
        sandbox.faults.add(fault, times=None, when=due)
    return lambda: shown


class Witness:
    """Looks after each kill whether the store is whole, and what is asked for again.

    Attributes:
        looked: How often a full walk was found in the middle.
    """

    def __init__(self, sandbox: Sandbox, url: str, scopes: Sequence[str]) -> None:
        self.looked = 0
        self._sandbox = sandbox
        self._url = url
        self._scopes = scopes
        self._before: Contents | None = None
        self._requests = 0

    def look(self, pages: int) -> None:
        """Compare what was asked for since the last look with what was left then."""
        requests = listed(self._sandbox)
        since, self._requests = requests[self._requests :], len(requests)
        for request in since:
            scope = scope_asked(request)
            left = None if self._before is None else self._before.left(scope)
            if left is None:
                continue
            first, stop = window_asked(request)
            assert any(
                begin <= first and (end is None or (stop is not None and stop <= end))
                for begin, end in left
            ), (request, left)
        try:
            found = read(self._url)
        except StoreError:
            assert self._before is None  # killed before there was a store
            return
        assert_whole(found, self._scopes, self._sandbox.catalogue)
        if pages and self._before is not None:
            assert [found.left(one) for one in self._scopes] != [
                self._before.left(one) for one in self._scopes
            ], f"{pages} pages were written, and nothing of it is kept"
        self._before = found
        self.looked += any(found.left(scope) for scope in self._scopes)


def scope_asked(request: Request) -> str:
    collection = request.query.get("collectionId")
    if collection is not None:
        return f"collection:{collection}"
    return "public" if request.query.get("privacy") == "public" else "private"


def window_asked(request: Request) -> tuple[int, int | None]:
    after, before = request.query.get("createdAfter"), request.query.get("createdBefore")
    begin = BEGINNING if after is None else position_of(datetime.fromisoformat(after)) + SECOND
    return begin, None if before is None else position_of(datetime.fromisoformat(before))


@dataclass
class Killer:
    """Begins a job again and again, and kills it at random instants.

    The instants are spread over what is left of the job, early enough for the job to be still at
    work. Some come while the store is being opened.

    Attributes:
        sandbox: The service.
        random: Chooses the instants.
        pages: How many pages the job takes undisturbed.
        page_time: How long one of them takes, in seconds.
        look: Called after each kill with the number of pages that were written before.
        least: How many pages are written before the first kill that does not come at the opening.
    """

    sandbox: Sandbox
    random: Random
    pages: int
    page_time: float
    look: Callable[[int], None] = lambda _: None
    least: int = 0
    killed: int = 0
    written: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])

    def run(self, job: Job, kills: int) -> None:
        """Kill the job so many times, then leave it in peace."""
        while self.killed < kills:
            # A page may be written and not yet be told: some are kept for the last run.
            left = max(0, 0.7 * self.pages - self.written)
            each = left / (kills - self.killed)
            # However late it is killed, something is left for the next one.
            held = msgspec.structs.replace(job, hold=int(each) + 1)
            with SyncProcess(self.sandbox, held) as process:
                assert self._reach(process, self.random.uniform(0, each)), process.why()
                process.kill()
            self.killed += 1
            self.written += process.pages
            self.kinds["before any page" if not process.pages else "amid pages"] += 1
            self.look(process.pages)
        copy(self.sandbox, job)

    def _reach(self, process: SyncProcess, pages: float) -> bool:
        if self.killed % 10 == 0:
            # A new store gets its tables in this time.
            reached, most = process.wait_for("opening"), 0.2
        else:
            least = 0 if self.written else self.least
            reached = process.wait_for("running") and process.wait_for_pages(max(least, int(pages)))
            most = self.page_time
        sleep(self.random.uniform(0, most))
        return reached


def listed(sandbox: Sandbox) -> list[Request]:
    """The requests for pages of full walks."""
    return [
        request
        for request in sandbox.requests
        if request.path.endswith("/models")
        and request.query.get("sortBy") == "createdAt"
        and request.query.get("sortDirection") == "asc"
    ]


def survive(
    sandbox: Sandbox,
    job: Job,
    undisturbed: Job,
    *,
    faults: Sequence[Fault],
    random: Random,
    kills: int,
    share: float,
    look: Callable[[int], None] = lambda _: None,
    least: int = 0,
) -> str:
    """Do a job undisturbed, then with kills and faults; gives what that took."""
    sandbox.reset()
    report = copy(sandbox, undisturbed)
    alone = len(listed(sandbox))
    pages = sum(scope.pages for scope in report.scopes if scope.mode != "incremental")
    sandbox.reset()
    shown = disturb(sandbox, faults, random, share)
    killer = Killer(sandbox, random, pages, report.seconds / pages, look, least)
    killer.run(job, kills)
    assert killer.killed == kills
    assert shown()
    together = len(listed(sandbox))
    assert together <= alone + shown() + kills * REPEATED * len(job.scopes)
    assert_same(read(job.url), read(undisturbed.url))
    return f"{kills} kills ({dict(killer.kinds)}), {alone} -> {together} requests, {shown()} faults"


def test_killed_runs_end_with_the_database_of_an_undisturbed_run(
    new_store: Callable[[], str],
    scenario_sandbox_factory: SandboxFactory,
) -> None:
    sandbox = scenario_sandbox_factory(catalogue_of(4000))
    random = Random(5)  # noqa: S311 - no secret
    scopes = scopes_of(sandbox.catalogue)
    undisturbed = Job(url=new_store(), scopes=scopes)
    job = Job(url=new_store(), scopes=scopes, wait=True)
    witness = Witness(sandbox, job.url, scopes)
    survive(
        sandbox,
        job,
        undisturbed,
        faults=ALL,
        random=random,
        kills=5,
        share=1 / 3,
        look=witness.look,
        # So that some walk is found in the middle.
        least=1,
    )
    assert witness.looked

    # Once more in full, with something to find this time.
    change(sandbox.catalogue)
    now = datetime.now(UTC)
    survive(
        sandbox,
        msgspec.structs.replace(job, full_before=now),
        msgspec.structs.replace(undisturbed, full_before=now),
        faults=ALL,
        random=random,
        kills=2,
        share=1 / 3,
    )


def test_a_store_whose_making_was_killed_is_made_by_the_next_run(
    new_store: Callable[[], str],
) -> None:
    url = new_store()

    async def open_store() -> None:
        async with CatalogStore.open(url):
            pass

    # The last thing that is written then, before all of it is committed.
    with (
        patch("scenario_async.sync._backends.schema.insert", side_effect=Killed),
        pytest.raises(Killed),
    ):
        asyncio.run(open_store())

    asyncio.run(open_store())


class Killed(BaseException):
    """Ends what is under way, as nobody handles it."""


@pytest.mark.kill
@FAULTS
def test_fifty_kills_of_twenty_thousand_models(
    faults: Sequence[Fault],
    new_store: Callable[[], str],
    scenario_sandbox_factory: SandboxFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = scenario_sandbox_factory(catalogue_of(20_000))
    scopes = scopes_of(sandbox.catalogue)
    undisturbed = Job(url=new_store(), scopes=scopes)
    job = Job(url=new_store(), scopes=scopes, wait=True)
    random = Random(len(faults))  # noqa: S311 - no secret
    said = survive(sandbox, job, undisturbed, faults=faults, random=random, kills=50, share=1 / 8)
    with capsys.disabled():
        print(f"\n{said}")  # noqa: T201
