"""What answers a request for a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from scenario_async.gallery._placeholder import PLACEHOLDER_TYPE, placeholder

if TYPE_CHECKING:
    from .pictures import Pictures

__all__ = ["pictures_routes"]

# A picture stays the same under its id. One that was drawn may be replaced by the real one soon.
_LONG = "private, max-age=604800, immutable"
_SHORT = "private, max-age=60"


def pictures_routes(pictures: Pictures) -> list[web.RouteDef]:
    """``preview/{asset}?label=AB``: the picture of an asset, or a drawn one with the label."""

    async def preview(request: web.Request) -> web.StreamResponse:
        asset_id = request.match_info["asset"]
        picture = await pictures.open(asset_id)
        if picture is None:
            drawn = placeholder(asset_id, request.query.get("label", ""))
            headers = {"Cache-Control": _SHORT}
            return web.Response(body=drawn, content_type=PLACEHOLDER_TYPE, headers=headers)
        headers = {"Cache-Control": _LONG, "Content-Type": picture.content_type}
        if isinstance(picture.content, Path):
            return web.FileResponse(picture.content, headers=headers)
        return web.Response(body=picture.content, headers=headers)

    return [web.get("/preview/{asset}", preview)]
