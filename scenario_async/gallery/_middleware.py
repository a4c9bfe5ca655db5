"""What stands before all pages: who may ask, and what is said where something goes wrong."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web

from scenario_async.sync import StoreError

from ._access import HEADERS, refusal
from ._pages import STATIC
from ._text import line
from ._url_state import BadUrlError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware

    from ._access import Access, Token
    from ._pages import Pages

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["add_headers", "errors_as_pages", "only_who_may"]

_PARAMETER = "token"
_log = logging.getLogger("scenario_async")
_SENTENCES = {404: "There is no such page.", 405: "The gallery has pages to read."}


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Tell browsers what pages may do; also where a response is a stream."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def only_who_may(access: Access, pages: Pages) -> Middleware:
    """Answer those who may ask."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = refusal(access, request.method, request.headers)
        if refused is not None:
            return pages.message(request, *refused)
        token = access.token
        # What pages look like is not a secret, and the one that asks for the token needs it.
        if token is None or request.match_info.route.name == STATIC:
            return await handler(request)
        given = request.query.getall(_PARAMETER, [])
        known = token.is_in(request.cookies)
        if known and not given:
            return await handler(request)
        if known or any(token.is_right(one) for one in given):
            return _let_in(request, token, pages)
        return pages.token_page(request, _but_the_token(request), wrong=bool(given))

    return check


def _let_in(request: web.Request, token: Token, pages: Pages) -> web.StreamResponse:
    """Give whoever knows the token a cookie, and take the token out of the URL."""
    response = web.Response(status=303, headers={"Cache-Control": "no-store"})
    # Relative, as nobody knows here what is in front of the path.
    own = request.rel_url.raw_path.rpartition("/")[2]
    query = request.rel_url.with_query(_but_the_token(request)).raw_query_string
    response.headers["Location"] = f"./{own}" + (f"?{query}" if query else "")
    response.set_cookie(
        token.cookie_name,
        token.cookie,
        # Mounted under a prefix, the root is also there without its slash.
        path=pages.root_path(request).rstrip("/") or "/",
        httponly=True,
        # "Strict" would keep it back from whoever follows a link in a mail or a chat, also from
        # one with the token. "Lax" gives other sites nothing but such links.
        samesite="Lax",
        secure=request.secure,
    )
    return response


def _but_the_token(request: web.Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.query.items() if name != _PARAMETER]


def errors_as_pages(pages: Pages) -> Middleware:
    """Say what went wrong on a page."""

    @web.middleware
    async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadUrlError as error:
            return pages.message(request, 400, line(str(error)))
        except StoreError as error:
            return pages.message(request, 503, line(f"The store cannot be read: {error}"))
        except web.HTTPException as error:
            if error.status not in _SENTENCES:
                raise
            return pages.message(request, error.status, _SENTENCES[error.status])
        except Exception:  # noqa: BLE001 - it is logged
            _log.exception("a page of the gallery failed")
            return pages.message(request, 500, "The gallery failed at this. Its log says where.")

    return explain
