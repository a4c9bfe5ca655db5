"""The gallery as an application of aiohttp."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from ._pictures import Pictures, pictures_routes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from scenario_async import AsyncScenario
    from scenario_async.sync import CatalogStore

__all__ = ["application"]


def application(
    store: CatalogStore,
    *,
    scenario: AsyncScenario | None = None,
    pictures: Path | None = None,
) -> web.Application:
    """The gallery of a store, to be run or to be mounted in another application.

    Args:
        store: An open store, which is borrowed: it stays open for as long as this runs.
        scenario: Who is asked for pictures; without one, those are shown that are kept already.
        pictures: The folder in which pictures are kept.
    """
    kept = Pictures(store, scenario=scenario, folder=pictures)

    @asynccontextmanager
    async def pictures_open(_: web.Application) -> AsyncGenerator[None]:
        async with kept:
            yield

    app = web.Application()
    app.cleanup_ctx.append(pictures_open)
    app.add_routes(pictures_routes(kept))
    return app
