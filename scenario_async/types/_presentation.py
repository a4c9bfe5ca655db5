"""How values are shown: without what a signed URL or a credential would give away."""

import re
from typing import TypeAlias, cast

_Nested: TypeAlias = dict[object, object] | list[object] | tuple[object, ...]

_MASK = "***"

_DEEPEST = 16
"""Levels of nesting that are shown; free-form JSON may be deeper than a traceback should be."""

# Text that begins as a URL is taken for one as a whole: a blank in it ends nothing. Inside other
# text a URL goes on to the next blank. The search begins at "://" so that it holds for every scheme
# and needs one pass.
_LONE_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://[^?#]*(?=[?#])", re.IGNORECASE)
_URL = re.compile(r"(://[^ \t\r\n?#]*)([?#][^ \t\r\n]*)?")
_USERINFO = re.compile(r"://[^\s/?#]*@")

_CREDENTIAL = re.compile(
    r"secret|passw(?:or)?d|credential|authorization|jwt"
    r"|(?:api|access|private|signing|wandb)[_-]?key|token$",
    re.IGNORECASE,
)


def _is_credential(name: str) -> bool:
    """Tell whether a field or key of this name holds something to be masked."""
    return _CREDENTIAL.search(name) is not None


def _presentable_text(text: str) -> str:
    lone = _LONE_URL.match(text)
    cut = f"{lone[0]}?…" if lone else _URL.sub(_without_query, text)
    return _USERINFO.sub("://", cut)


def _without_query(url: re.Match[str]) -> str:
    return f"{url[1]}?…" if url[2] else url[1]


def presentable(value: object, *, name: str = "", depth: int = 0) -> object:
    """Give what may be shown of a value: URLs are cut at their query, credentials masked.

    Args:
        value: Any value of a record. Records inside it are left alone: they show themselves.
        name: The field or key the value stands under.
        depth: How far down in the record the value is.
    """
    if value is not None and _is_credential(name):
        return _MASK
    if isinstance(value, str):
        return _presentable_text(value)
    if isinstance(value, (dict, list, tuple)):
        return "…" if depth == _DEEPEST else _presentable_items(cast("_Nested", value), depth + 1)
    return value


def _presentable_items(value: _Nested, depth: int) -> object:
    if isinstance(value, dict):
        return {
            presentable(key): presentable(item, name=str(key), depth=depth)
            for key, item in value.items()
        }
    items = [presentable(item, depth=depth) for item in value]
    return tuple(items) if isinstance(value, tuple) else items
