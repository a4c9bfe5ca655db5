"""What a caller's type checker must accept, and what it must refuse.

Nothing here runs. Each line that must be refused has an ignore that names the refusal, and both
checkers report an ignore that is not needed: a misuse that slips through fails the type check.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import assert_type

import msgspec

from scenario_async import (
    APIError,
    AsyncScenario,
    EventHooks,
    Found,
    InvalidRow,
    Listing,
    Merged,
    Missing,
    Model,
    Page,
    PageEvent,
    Preview,
    Timeout,
)


class Name(msgspec.Struct):
    name: str


def take_row(row: InvalidRow) -> None:
    assert_type(row.id, str | None)
    assert_type(row.raw, bytes)


def take_page(event: PageEvent) -> None:
    assert_type(event.models, int)


async def right(scenario: AsyncScenario) -> None:
    async for model in scenario.models.private(status="trained", sort_by="score"):
        assert_type(model, Model)
        assert_type(model.id, str)
        assert_type(model.created_at, datetime | None)
        assert_type(model.tags, tuple[str, ...] | None)
        assert_type(model.raw, bytes)
    async for model in scenario.models.public(tags=["sc:scenario"], route="public", limit=20):
        assert_type(model, Model)
    async for model in scenario.models.collection("a", status="trained"):
        assert_type(model, Model)
    async for model in scenario.models.collection("a", "b", privacy="public", tags=["x"]):
        assert_type(model, Model)
    async for page in scenario.models.private(created_after=datetime.now(UTC)).pages():
        assert_type(page, Page[Model])
        assert_type(page.models, list[Model])
        assert_type(page.next_pagination_token, str | None)
        assert_type(await page.get_next_page(), Page[Model])

    listing = scenario.models.list(privacy="public", types=["flux.1-lora"], on_invalid=take_row)
    assert_type(listing, Listing[Model])
    assert_type(await listing, Page[Model])
    assert_type(await listing.collect(), list[Model])
    assert_type(await listing.collect(limit=5), list[Model])
    assert_type(await listing.first(), Model | None)
    assert_type(await listing.as_type(Name).first(), Name | None)
    assert_type(await listing.count(), int)
    assert_type(listing.unordered(), AsyncGenerator[Model, None])
    assert_type(listing.as_type(Name), Listing[Name])
    async for name in listing.as_type(Name):
        assert_type(name, Name)
    async for model in await listing:
        assert_type(model, Model)
    assert_type(await scenario.models.retrieve("model_x"), Model)


async def ids() -> AsyncGenerator[str, None]:
    yield "model_x"


async def right_for_many(scenario: AsyncScenario) -> None:
    async for record in scenario.models.retrieve_many(["a", "b"], ordered=False):
        assert_type(record, Model | Missing)
        if isinstance(record, Missing):
            assert_type(record.id, str)
            assert_type(record.status_code, int)
            assert_type(record.reason, str | None)
        else:
            assert_type(record, Model)
    scenario.models.retrieve_many(iter("a"), full=False, on_invalid=take_row)
    async for preview in scenario.models.previews(scenario.models.public(), ordered=False):
        assert_type(preview, Preview | Missing)
        if isinstance(preview, Preview):
            assert_type(preview.url, str)
            assert_type(preview.expires_at, datetime | None)
    scenario.models.previews(["a", Model(id="b")])
    scenario.models.retrieve_many(ids())
    scenario.models.retrieve_many(model.id async for model in scenario.models.public())
    listing = scenario.models.private()
    assert_type(listing.scope, str)
    assert_type(listing.with_details(), AsyncGenerator[Model | Missing, None])
    assert_type(listing.as_type(Name).with_details(), AsyncGenerator[Name | Missing, None])

    merged = scenario.models.merge(listing, scenario.models.public(), max_concurrency=4)
    assert_type(merged, Merged[Model])
    assert_type(await merged.collect(), list[Found[Model]])
    async for found in merged:
        assert_type(found.model, Model)
        assert_type(found.scopes, tuple[str, ...])
    names = scenario.models.merge(listing.as_type(Name))
    assert_type(names, Merged[Name])


async def right_client() -> None:
    async with AsyncScenario(
        api_key="k",
        api_secret="s",
        timeout=Timeout(connect=1, read=2.5, total=None),
        event_hooks=EventHooks(on_page=take_page),
    ) as scenario:
        assert_type(scenario, AsyncScenario)
        assert_type(scenario.with_options(timeout=None), AsyncScenario)
        try:
            await scenario.models.private()
        except APIError as error:
            assert_type(error.status_code, int | None)
            assert_type(error.retry_after, float | None)


async def wrong(scenario: AsyncScenario) -> None:
    list(scenario.models.private())  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    scenario.models.private(tags=["x"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    scenario.models.private(status="trianed")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scenario.models.private(sort_by="updatedAt")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scenario.models.public(status="trained")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    scenario.models.private(limit=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await scenario.models.private().collect(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    scenario.models.public(page_size="500")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scenario.models.collection()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    scenario.models.collection("a", "b")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    scenario.models.collection("a", tags=["x"])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    scenario.models.collection("a", privacy="public", status="new")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    scenario.models.list("private")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AsyncScenario("key", "secret")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    scenario.models.previews(scenario.models.public().as_type(Name))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scenario.models.retrieve_many([1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    scenario.models.retrieve_many(["a"], False)  # type: ignore[call-arg]  # noqa: FBT003  # pyright: ignore[reportCallIssue]
    scenario.models.merge([scenario.models.private()])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    scenario.models.merge(scenario.models.private(), scenario.models.public().as_type(Name))  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    async for record in scenario.models.retrieve_many(["a"]):
        len(record.raw)  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    model = await scenario.models.retrieve("model_x")
    model.name = "new"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    len(model.nmae)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    len(model.type)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
