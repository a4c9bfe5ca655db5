"""What only single records carry: ``inputs`` and ``uiConfig``.

Captured list and bulk rows never had them; ``GET /models/{id}`` did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from .rows import Row


def write_detail(row: Row, encoded: bytes) -> bytes:
    """Write the answer to ``GET /models/{id}`` around the record that listings carry."""
    more = msgspec.json.encode({"inputs": _inputs(row), "uiConfig": _ui_config(row)})
    return b'{"model":' + encoded[:-1] + b"," + more[1:] + b"}"


_INPUTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "prompt",
        "type": "string",
        "label": "Prompt",
        "description": "What to make.",
        "maxLength": 2048,
        "prompt": True,
        "promptSpark": True,
        "costImpact": False,
        "required": {"always": True},
    },
    {
        "name": "image",
        "type": "file",
        "kind": "image",
        "label": "Picture to start from",
        "group": "Reference",
        "parent": True,
        "costImpact": False,
    },
    {
        "name": "format",
        "type": "string",
        "label": "Format",
        "allowedValues": ["wide", "square", "tall"],
        "default": "square",
        "group": "Settings",
        "costImpact": False,
    },
    {
        "name": "amount",
        "type": "number",
        "label": "How many",
        "default": 1,
        "min": 1,
        "max": 1,
        "step": 1,
        "group": "Settings",
        "costImpact": True,
    },
    {
        "name": "strength",
        "type": "number",
        "label": "Strength",
        "default": 0.5,
        "min": 0,
        "max": 1,
        "step": 0.05,
        "group": "Settings",
        "costImpact": False,
    },
)
_STYLES: Final[dict[str, Any]] = {
    "name": "styles",
    "type": "model_array",
    "label": "Styles",
    "description": "Models to mix in.",
    "modelTypes": ["flux.1-lora"],
    "default": [],
    "maxLength": 5,
    "costImpact": False,
}


def _inputs(row: Row) -> list[dict[str, Any]]:
    most = {"max": 1 + row.content % 8}
    inputs = [one | most if one["name"] == "amount" else one for one in _INPUTS]
    return [*inputs, _STYLES] if row.type == "custom" else inputs


def _ui_config(row: Row) -> dict[str, Any]:
    config: dict[str, Any] = {
        "selects": {"format": {"wide": "Wide", "square": "Square", "tall": "Tall"}},
        "resolutionComponent": {
            "label": "Size",
            "widthInput": "width",
            "heightInput": "height",
            "presets": [
                {"label": "Wide", "width": 1280, "height": 720},
                {"label": "Square", "width": 1024, "height": 1024},
            ],
        },
    }
    if row.type == "custom":
        config["lorasComponent"] = {
            "label": "Styles",
            "modelInput": "styles",
            "modelIdInput": "modelId",
            "scaleInput": "strength",
        }
    return config
