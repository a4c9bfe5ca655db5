"""What is answered: pages, and the parts of them that htmx puts in place."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from aiohttp import web

from scenario_async._formats import without_steering
from scenario_async.sync._store import database_of, found, scopes_with

from ._cards import card_of
from ._counts import Counts
from ._facet_links import chosen_choices, deleted_choices, facet_list
from ._model_view import model_view
from ._store_view import store_view
from ._url_state import SORTS, GridState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scenario_async.sync import CatalogStore

    from ._cards import Card
    from ._refresher import Refresher
    from ._store_view import StoreView
    from ._templates import Templates

__all__ = ["STATIC", "Pages"]

STATIC = "gallery-static"
"""The name of the route of files that are the same for everybody."""

PAGE = 48
_PAGES_AT_ONCE = 10
_ROOT = "gallery"
_FRESH = {"Cache-Control": "private, no-cache"}


class Pages:
    """The pages of one store.

    Args:
        store: An open store.
        templates: What the pages are made of.
        expect: Told of the assets of each page: browsers ask for their pictures next.
        refresher: What keeps the store fresh, where something does.
    """

    def __init__(
        self,
        store: CatalogStore,
        templates: Templates,
        *,
        expect: Callable[[Iterable[str]], object],
        refresher: Refresher | None = None,
    ) -> None:
        self._store = store
        self._templates = templates
        self._expect = expect
        self._refresher = refresher
        self._name = database_of(store).name
        self._counts = Counts(store)

    def routes(self) -> list[web.RouteDef]:
        """Where each is to be found."""
        return [
            web.get("/", self._grid, name=_ROOT),
            # Mounted under a prefix, the root is also there without its slash.
            web.get("", self._root),
            web.get("/results", self._results),
            web.get("/cards", self._cards),
            web.get("/store", self._store_page),
            # Without a pattern of its own, aiohttp takes it for nothing that has a brace.
            web.get("/models/{id:[^/]+}", self._model),
            web.get("/static/{name}", self._static, name=STATIC),
        ]

    def message(self, request: web.Request, status: int, sentence: str) -> web.Response:
        """A page that says what is wrong; where a part of a page was asked for, the sentence."""
        if "HX-Request" in request.headers:
            return web.Response(status=status, text=sentence, headers=_FRESH)
        return self._page(request, "message.html", {"sentence": sentence, "status": status}, status)

    def token_page(
        self, request: web.Request, rest: Iterable[tuple[str, str]], *, wrong: bool
    ) -> web.Response:
        """The page that asks for the token, and leads to the same URL with it."""
        if "HX-Request" in request.headers:  # a page of before, when there was another token
            return self.message(request, 401, "The gallery asks for a token: load the page again.")
        return self._page(request, "token.html", {"rest": rest, "wrong": wrong}, 401)

    def root_path(self, request: web.Request) -> str:
        """The path of the root, as far as it is known here."""
        return request.app.router[_ROOT].url_for().raw_path

    async def _root(self, request: web.Request) -> web.StreamResponse:
        name, query = request.rel_url.raw_name, request.rel_url.raw_query_string
        raise web.HTTPPermanentRedirect(f"./{name}/?{query}" if query else f"./{name}/")

    async def _grid(self, request: web.Request) -> web.StreamResponse:
        """The whole page: all that was seen up to the page of the URL, unless that is too much."""
        context = await self._results_context(GridState.parse(request.query.items()))
        context["store"] = await self._store_view()
        return self._page(request, "grid.html", context)

    async def _results(self, request: web.Request) -> web.StreamResponse:
        """What changes with the search: the models, the facets, and how many there are."""
        state = GridState.parse(request.query.items()).at(1)
        # Each key that is typed makes no step to go back by.
        typed = request.headers.get("HX-Trigger") == "search"
        context = await self._results_context(state)
        headers = _FRESH | {"HX-Replace-Url" if typed else "HX-Push-Url": f"?{state.query()}"}
        return self._answer("results.html", context, headers)

    async def _cards(self, request: web.Request) -> web.StreamResponse:
        """One more page of models."""
        state = GridState.parse(request.query.items())
        cards = await self._cards_of(state, state.page, state.page)
        more = state.at(state.page + 1) if len(cards) == PAGE else None
        context = {"pages": [(state.page, cards)], "more": more}
        headers = _FRESH | {"HX-Replace-Url": f"?{state.query()}"}
        return self._answer("cards.html", context, headers)

    async def _store_page(self, _: web.Request) -> web.StreamResponse:
        return self._answer("store.html", {"store": await self._store_view()})

    async def _model(self, request: web.Request) -> web.StreamResponse:
        model_id = request.match_info["id"]
        model = await self._store.get(model_id)
        if model is None:
            return self.message(request, 404, "The store has no such model.")
        scopes = await scopes_with(self._store, model.id)
        view = model_view(model, scopes, self._name, datetime.now(UTC))
        self._expect(view.asset_ids)
        return self._page(request, "model.html", {"model": view})

    async def _static(self, request: web.Request) -> web.StreamResponse:
        file = self._templates.files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        is_current = request.query.get("v") == file.version
        kept = "public, max-age=31536000, immutable" if is_current else "no-cache"
        headers = {"Cache-Control": kept, "Content-Type": file.content_type}
        return web.Response(body=file.content, headers=headers)

    async def _results_context(self, state: GridState) -> dict[str, object]:
        counts = await self._counts.of(state.search)
        # Models may have gone since somebody was so far down.
        state = state.at(min(state.page, max(1, ceil(counts.models / PAGE))))
        first = max(1, state.page - _PAGES_AT_ONCE + 1)
        # Finding nothing once more would take as long as counting it.
        cards = await self._cards_of(state, first, state.page) if counts.models else []
        pages = {
            first + start // PAGE: cards[start : start + PAGE]
            for start in range(0, len(cards), PAGE)
        }
        return {
            "state": state,
            # A path may have spaces, and bytes that are not text.
            "store_name": without_steering(shlex.quote(self._name)),
            "count": counts.models,
            "facets": facet_list(state, counts),
            "deleted": deleted_choices(state),
            "chips": chosen_choices(state),
            "sorts": SORTS,
            "earlier": state.at(first - 1) if first > 1 else None,
            "pages": list(pages.items()),
            "more": state.at(state.page + 1) if counts.models > state.page * PAGE else None,
        }

    async def _cards_of(self, state: GridState, first: int, last: int) -> list[Card]:
        models = found(
            self._store,
            state.search,
            order_by=state.sort,
            offset=(first - 1) * PAGE,
            limit=(last - first + 1) * PAGE,
        )
        now = datetime.now(UTC)
        cards = [card_of(model, now) async for model in models]
        self._expect(card.asset_id for card in cards if card.asset_id is not None)
        return cards

    async def _store_view(self) -> StoreView:
        error = None if self._refresher is None else self._refresher.error
        return await store_view(self._store, self._name, refresh_error=error)

    def _page(
        self, request: web.Request, template: str, context: Mapping[str, object], status: int = 200
    ) -> web.Response:
        # Its links are relative: the gallery may be mounted anywhere.
        within = request.rel_url.raw_path.removeprefix(self.root_path(request))
        context = {"root": "../" * within.count("/"), **context}
        return self._answer(template, context, status=status)

    def _answer(
        self,
        template: str,
        context: Mapping[str, object],
        headers: Mapping[str, str] = _FRESH,
        *,
        status: int = 200,
    ) -> web.Response:
        # Parts of pages are of the grid, which is at the root.
        text = self._templates.render(template, {"root": "", **context})
        return web.Response(text=text, content_type="text/html", headers=headers, status=status)
