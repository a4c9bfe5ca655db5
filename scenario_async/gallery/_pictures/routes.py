"""What answers a request for a picture."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import ETag, web

from scenario_async.gallery._placeholder import PLACEHOLDER_TYPE, placeholder

from .disk_cache import file_name

if TYPE_CHECKING:
    from .pictures import Pictures

__all__ = ["pictures_routes"]

# A picture stays the same under its id. One that was drawn may be replaced by the real one soon.
_LONG = "private, max-age=31536000, immutable"
_SHORT = "private, max-age=10"
# Whatever a picture turns out to be, it is nothing that runs.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def pictures_routes(pictures: Pictures) -> list[web.RouteDef]:
    """``preview/{asset}?label=AB``: the picture of an asset, or a drawn one with the label.

    ``preview/none?label=AB&key=...`` is always drawn, in the colours of the key.
    """

    async def preview(request: web.Request) -> web.StreamResponse:
        asset_id = request.match_info["asset"]
        tag = ETag(file_name(asset_id)[:32])
        kept = {**_HEADERS, "Cache-Control": _LONG}
        # A drawn one has no tag: whoever sends this one has the picture.
        if tag in (request.if_none_match or ()):
            response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)
            response.etag = tag
            return response
        picture = await pictures.open(asset_id)
        if picture is None:
            return _drawn(request, asset_id, _SHORT)
        response = web.Response(
            body=picture.content, content_type=picture.content_type, headers=kept
        )
        response.etag = tag
        return response

    async def none(request: web.Request) -> web.StreamResponse:
        return _drawn(request, request.query.get("key", ""), _LONG)

    return [web.get("/preview/none", none), web.get("/preview/{asset:[^/]+}", preview)]


def _drawn(request: web.Request, key: str, cached: str) -> web.Response:
    return web.Response(
        body=placeholder(key, request.query.get("label", "")),
        content_type=PLACEHOLDER_TYPE,
        headers={**_HEADERS, "Cache-Control": cached},
    )
