"""The contenders: each lists every model of the service and tells how many it saw.

A contender is a context manager that opens what it lists with and gives the function that lists, so
that an open but idle client can be told from one at work. Libraries are imported inside: a process
holds those of its contender only.

Walks let go of each model before the next, unless their name says that they keep them.
"""

# ruff: noqa: PLC0415 - see above: a process imports what its contender needs and no more

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    import aiohttp

    from scenario_async import AsyncScenario, Model

Privacy = Literal["private", "public"]

LARGEST_PAGE = 500
AT_ONCE = 8
# The default of our client: records are some KB and no pages of 2 MB.
RECORDS_AT_ONCE = 16
_TOKEN = b'"nextPaginationToken":'
# Where the token stands in a page: at its end.
_TAIL = 1000


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed, and where.

    Attributes:
        base_url: The API.
        api_key: Its key.
        api_secret: Its secret.
        privacy: Which of its models.
        page_size: Rows in a page, in place of the contender's own choice; for warming up.
        ids: The models to retrieve, where they are retrieved and not listed.
        verify: Whether also to look at what else would only be counted in bytes.
    """

    base_url: str
    api_key: str
    api_secret: str
    privacy: Privacy = "private"
    page_size: int | None = None
    ids: list[str] = []
    verify: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a contender saw.

    Attributes:
        models: How many models; ``None`` where it does not look at them.
        size: How many bytes, decompressed; ``None`` where it does not look at those.
        kept: What it keeps of them.
        stored: Counts the models in the database that it filled, once all is measured; takes the
            place of ``models``.
        before: How many requests it had sent before the walk, which do not count.
    """

    models: int | None = None
    size: int | None = None
    kept: object = None
    stored: Callable[[], int] | None = None
    before: int = 0


Walk: TypeAlias = Callable[[], Awaitable[Seen]]
Contender: TypeAlias = Callable[[Target], AbstractAsyncContextManager[Walk]]


def client_of(target: Target, max_concurrency: int = AT_ONCE) -> AsyncScenario:
    """Ours, to this service."""
    from scenario_async import AsyncScenario

    return AsyncScenario(
        base_url=target.base_url,
        api_key=target.api_key,
        api_secret=target.api_secret,
        max_concurrency=max_concurrency,
    )


def _listing(client: AsyncScenario, target: Target, **options: Any) -> Any:  # noqa: ANN401 - a Listing
    listing = client.models.private if target.privacy == "private" else client.models.public
    return listing(page_size=target.page_size, **options)


@asynccontextmanager
async def ours(target: Target) -> AsyncIterator[Walk]:
    """Ours as it comes: several pages at once, as it sees fit."""
    async with client_of(target) as client:

        async def walk() -> Seen:
            models = 0
            async for _ in _listing(client, target):
                models += 1
            return Seen(models=models)

        yield walk


@asynccontextmanager
async def ours_again(target: Target) -> AsyncIterator[Walk]:
    """Ours, a later listing of a client that has gone through the listing before."""
    from scenario_async import EventHooks

    before = 0

    def count(_: object) -> None:
        nonlocal before
        before += 1

    async with client_of(target) as client:
        counted = client.with_options(event_hooks=EventHooks(on_request=count))
        async for _ in _listing(counted, target):
            pass

        async def walk() -> Seen:
            models = 0
            async for _ in _listing(client, target):
                models += 1
            return Seen(models=models, before=before)

        yield walk


@asynccontextmanager
async def ours_one_at_a_time(target: Target) -> AsyncIterator[Walk]:
    """Ours, one page after the other."""
    async with client_of(target, max_concurrency=1) as client:

        async def walk() -> Seen:
            models = 0
            async for _ in _listing(client, target, strategy="cursor"):
                models += 1
            return Seen(models=models)

        yield walk


@asynccontextmanager
async def ours_kept(target: Target) -> AsyncIterator[Walk]:
    """Ours, all models kept by ``collect()``."""
    async with client_of(target) as client:

        async def walk() -> Seen:
            models: list[Model] = await _listing(client, target).collect()
            return Seen(models=len(models), kept=models)

        yield walk


@asynccontextmanager
async def plain_lists_kept(target: Target) -> AsyncIterator[Walk]:
    """Ours, all models kept by ``collect()``, as Structs with lists that the collector walks."""
    from plain_lists import PlainListModel

    async with client_of(target) as client:

        async def walk() -> Seen:
            models: list[object] = await _listing(client, target).as_type(PlainListModel).collect()
            return Seen(models=len(models), kept=models)

        yield walk


@asynccontextmanager
async def ours_retrieved(target: Target) -> AsyncIterator[Walk]:
    """Ours, given ids in place of a listing."""
    async with client_of(target, RECORDS_AT_ONCE) as client:

        async def walk() -> Seen:
            models = 0
            async for _ in client.models.retrieve_many(target.ids):
                models += 1
            return Seen(models=models)

        yield walk


@asynccontextmanager
async def ours_retrieved_one_by_one(target: Target) -> AsyncIterator[Walk]:
    """Ours, given ids, one model after the other."""
    async with client_of(target) as client:

        async def walk() -> Seen:
            models = 0
            for model_id in target.ids:
                await client.models.retrieve(model_id)
                models += 1
            return Seen(models=models)

        yield walk


def official(
    page_size: int | None, transport: Literal["httpx", "aiohttp"], *, keep: bool = False
) -> Contender:
    """The official SDK; without a page size it leaves that to the service, which gives 100."""

    @asynccontextmanager
    async def contender(target: Target) -> AsyncIterator[Walk]:
        import scenario_sdk

        http_client = scenario_sdk.DefaultAioHttpClient() if transport == "aiohttp" else None
        arguments: dict[str, Any] = {"privacy": target.privacy}
        if (size := target.page_size or page_size) is not None:
            arguments["page_size"] = size
        async with scenario_sdk.AsyncScenario(
            base_url=target.base_url,
            api_key=target.api_key,
            api_secret=target.api_secret,
            http_client=http_client,
        ) as client:

            async def walk() -> Seen:
                if keep:
                    kept = [model async for model in client.models.list(**arguments)]
                    return Seen(models=len(kept), kept=kept)
                models = 0
                async for _ in client.models.list(**arguments):
                    models += 1
                return Seen(models=models)

            yield walk

    return contender


@asynccontextmanager
async def session_of(target: Target) -> AsyncIterator[aiohttp.ClientSession]:
    """What the contenders written by hand ask with."""
    import aiohttp

    credentials = aiohttp.BasicAuth(target.api_key, target.api_secret)
    async with aiohttp.ClientSession(auth=credentials) as session:
        yield session


def parameters_of(target: Target) -> dict[str, str]:
    """What is asked for in the first page."""
    return {"privacy": target.privacy, "pageSize": str(target.page_size or LARGEST_PAGE)}


@asynccontextmanager
async def hand_written(target: Target) -> AsyncIterator[Walk]:
    """What one writes by hand: aiohttp and msgspec, page after page, row by row into our Model.

    It has none of the promises: no retries, no pacing, no check of the cursor, no look at repeated
    rows, no bytes kept, and the loop is held for a page at a time.
    """
    from scenario_async import Model

    class Page(msgspec.Struct):
        models: list[msgspec.Raw]
        next_pagination_token: str | None = msgspec.field(name="nextPaginationToken", default=None)

    decode_page = msgspec.json.Decoder(Page).decode
    decode_row = msgspec.json.Decoder(Model).decode
    async with session_of(target) as session:

        async def walk() -> Seen:
            models = 0
            parameters = parameters_of(target)
            while True:
                async with session.get(f"{target.base_url}/models", params=parameters) as answer:
                    answer.raise_for_status()
                    page = decode_page(await answer.read())
                for row in page.models:
                    decode_row(row)
                    models += 1
                if not page.next_pagination_token:
                    return Seen(models=models)
                parameters["paginationToken"] = page.next_pagination_token

        yield walk


@asynccontextmanager
async def bytes_only(target: Target) -> AsyncIterator[Walk]:
    """The floor: reading the bytes of all pages, and of their content the token alone."""
    async with session_of(target) as session:

        async def walk() -> Seen:
            size = 0
            models = 0 if target.verify else None
            parameters = parameters_of(target)
            while True:
                async with session.get(f"{target.base_url}/models", params=parameters) as answer:
                    answer.raise_for_status()
                    body = await answer.read()
                size += len(body)
                if models is not None:
                    models += len(msgspec.json.decode(body)["models"])
                _, found, rest = body[-_TAIL:].rpartition(_TOKEN)
                del body
                token = msgspec.json.decode(rest[:-1]) if found else None
                if not token:
                    return Seen(models=models, size=size)
                parameters["paginationToken"] = token

        yield walk


CONTENDERS: dict[str, Contender] = {
    "ours": ours,
    "ours-again": ours_again,
    "ours-one-at-a-time": ours_one_at_a_time,
    "ours-kept": ours_kept,
    "plain-lists-kept": plain_lists_kept,
    "ours-retrieved": ours_retrieved,
    "ours-retrieved-one-by-one": ours_retrieved_one_by_one,
    "hand-written": hand_written,
    "bytes-only": bytes_only,
    "official-100": official(None, "httpx"),
    "official-500": official(LARGEST_PAGE, "httpx"),
    "official-100-aiohttp": official(None, "aiohttp"),
    "official-500-aiohttp": official(LARGEST_PAGE, "aiohttp"),
    "official-500-kept": official(LARGEST_PAGE, "httpx", keep=True),
}
