"""The gallery as an application of aiohttp."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from aiohttp import web

from scenario_async._options import seconds_of
from scenario_async._query import given_texts

from ._access import Access, Token
from ._middleware import add_headers, errors_as_pages, only_who_may
from ._pages import Pages
from ._pictures import Pictures, pictures_routes
from ._refresher import Refresher
from ._templates import Templates

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection
    from datetime import timedelta
    from pathlib import Path

    from scenario_async import AsyncScenario
    from scenario_async.sync import CatalogStore

__all__ = ["application"]


def application(
    store: CatalogStore,
    *,
    scenario: AsyncScenario | None = None,
    pictures: Path | None = None,
    refresh_every: timedelta | float | None = None,
    hosts: Collection[str] = (),
    token: str | None = None,
) -> web.Application:
    """The gallery of a store, to be run or to be mounted in another application.

    Its links are relative: it may be mounted under any prefix with ``add_subapp``.

    Args:
        store: An open store, which is borrowed: it stays open for as long as this runs.
        scenario: Who is asked for pictures; without one, those are shown that are kept already.
        pictures: The folder in which pictures are kept; by default one in the caches of the user.
        refresh_every: Bring the scopes of the store up to date, with :func:`sync`, when the copy is
            as old as that: a ``timedelta`` or seconds. ``None`` leaves it to others.
        hosts: The names under which it is reached, such as ``app.example.com``. Addresses and
            ``localhost`` need not be named. A request under any other name is refused, as another
            site may own that name.
        token: What each browser has to give once, as ``?token=``. With ``None``, everybody who can
            reach the gallery may look.

    Raises:
        ValueError: ``refresh_every`` is not above zero, there is no client to refresh with, or
            ``token`` is empty.
        TypeError: ``hosts`` is one string, or an argument is of the wrong type.
    """
    access = _access(hosts, token)
    refresher = _refresher(store, scenario, refresh_every)
    kept = Pictures(scenario=scenario, folder=pictures)
    pages = Pages(store, Templates(), expect=kept.expect, refresher=refresher)

    @asynccontextmanager
    async def at_work(_: web.Application) -> AsyncGenerator[None]:
        async with kept, refresher or nullcontext():
            yield

    app = web.Application(middlewares=[only_who_may(access, pages), errors_as_pages(pages)])
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(at_work)
    app.add_routes(pages.routes())
    app.add_routes(pictures_routes(kept))
    return app


def _access(hosts: Collection[str], token: str | None) -> Access:
    names = tuple(given_texts("hosts", hosts))
    if token is not None and not token.strip():
        raise ValueError("token must not be empty; None lets everybody look who can reach it")
    return Access(hosts=names, token=None if token is None else Token(token))


def _refresher(
    store: CatalogStore, scenario: AsyncScenario | None, every: timedelta | float | None
) -> Refresher | None:
    if every is None:
        return None
    seconds = seconds_of("refresh_every", every)
    if scenario is None:
        raise ValueError("refresh_every needs scenario, the client to refresh the store with")
    return Refresher(store, scenario, seconds)
