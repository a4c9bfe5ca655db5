"""Signed URLs of pictures: asked for seldom, and kept no longer than they are good."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.client import until

from scenario_async import APIConnectionError, Missing, Model, Preview
from scenario_async.gallery._pictures import addresses
from scenario_async.gallery._pictures.addresses import Addresses

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

pytestmark = pytest.mark.anyio


class Service:
    """Answers with a URL for each asset, which is good for an hour.

    Attributes:
        now: The time of day.
        asked: The ids of each request.
        down: Whether it fails.
        kind: What the assets are.
        gate: Closed while answers are held back.
    """

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 15, tzinfo=UTC)
        self.asked: list[list[str]] = []
        self.down = False
        self.kind: str | None = "image"
        self.gate = asyncio.Event()
        self.gate.set()
        self.addresses = Addresses(self.previews, now=lambda: self.now)

    async def previews(
        self, models: Iterable[Model | str]
    ) -> AsyncGenerator[Preview | Missing, None]:
        ids = [one.id for one in models if isinstance(one, Model)]
        self.asked.append(ids)
        await self.gate.wait()
        if self.down:
            raise APIConnectionError("nobody is there")
        for one in ids:
            if one.startswith("none"):
                yield Missing(one, 404)
            else:
                url = f"https://cdn.invalid/{one}/{len(self.asked)}"
                until = None if one.startswith("ever") else self.now + timedelta(hours=1)
                until = datetime.min.replace(tzinfo=UTC) if one.startswith("past") else until
                yield Preview(model_id=one, url=url, kind=self.kind, expires_at=until)

    async def urls(self, *asset_ids: str) -> list[str | None]:
        return await asyncio.gather(*map(self.addresses.url, asset_ids))


async def test_a_url_is_kept_until_shortly_before_it_expires() -> None:
    service = Service()
    first = await service.urls("a", "ever", "none", "a")
    assert first == ["https://cdn.invalid/a/1", "https://cdn.invalid/ever/1", None, first[0]]
    service.now += timedelta(minutes=9)
    assert await service.urls("a", "ever", "none") == first[:3]
    service.now += timedelta(minutes=2)
    # What does not say when it expires, and what there is not, is asked for again sooner.
    assert await service.urls("a", "ever", "none") == [first[0], "https://cdn.invalid/ever/2", None]
    service.now += timedelta(minutes=49)
    assert await service.urls("a") == ["https://cdn.invalid/a/3"]
    assert [sorted(ids) for ids in service.asked] == [
        ["a", "ever", "none"],
        ["ever", "none"],
        ["a"],
    ]


async def test_a_url_that_expired_long_ago_takes_none_from_those_beside_it() -> None:
    assert await Service().urls("a", "past") == ["https://cdn.invalid/a/1", None]


async def test_a_service_that_is_down_is_left_alone_for_a_while() -> None:
    service = Service()
    service.down = True
    assert await service.urls("a", "b") == [None, None]
    service.down = False
    assert await service.urls("a", "c") == [None, None]
    assert len(service.asked) == 1
    service.now += timedelta(seconds=15)
    assert None not in await service.urls("a", "c")


async def test_what_is_expected_is_asked_for_with_the_first_and_not_by_itself() -> None:
    service = Service()
    await service.urls("a")
    service.addresses.expect(["a", "b", "c"])
    service.addresses.expect(["c", "d"])
    assert await service.urls("a") == ["https://cdn.invalid/a/1"]
    await service.urls("b")
    await service.urls("c")
    assert [sorted(ids) for ids in service.asked] == [["a"], ["b", "c"]]


async def test_whoever_asks_while_an_answer_is_awaited_waits_for_the_same() -> None:
    service = Service()
    service.gate.clear()
    service.addresses.expect(["a", "b"])
    waiting = [asyncio.create_task(service.addresses.url("a"))]
    await until(lambda: bool(service.asked))
    waiting += [asyncio.create_task(service.addresses.url(one)) for one in ("a", "b")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    service.gate.set()
    await asyncio.wait(waiting)
    assert [task.result() for task in waiting[1:]] == [
        "https://cdn.invalid/a/1",
        "https://cdn.invalid/b/1",
    ]
    assert len(service.asked) == 1


async def test_what_is_no_picture_has_no_url() -> None:
    service = Service()
    service.kind = "video"
    assert await service.urls("a") == [None]


async def test_closing_ends_what_is_awaited() -> None:
    service = Service()
    service.gate.clear()
    waiting = asyncio.create_task(service.addresses.url("a"))
    await until(lambda: bool(service.asked))
    await service.addresses.aclose()
    assert await waiting is None


async def test_no_more_urls_are_kept_than_a_few_pages_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_MOST_KEPT", 3)
    service = Service()
    await service.urls("a", "b", "c")
    await service.urls("d")
    await service.urls("b", "c", "d")
    assert len(service.asked) == 2
    await service.urls("a")
    assert len(service.asked) == 3
