"""What to write in place of an argument that a listing does not have. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from scenario_async._options import NOT_GIVEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["checks_names", "instead_of"]

MethodT = TypeVar("MethodT", bound=Callable[..., Any])

_SOME = (
    "await listing.collect(limit=N) gives its first N models, await listing.first() the first one, "
    "and page_size=N sets the rows of a page"
)
_ROWS = "page_size=N sets the rows of a page, 1 to 500"
_PAGE = (
    "async for page in listing.pages() goes from page to page, and "
    "pagination_token=page.next_pagination_token begins behind one"
)
_TOKEN = "pagination_token=page.next_pagination_token begins behind a page"  # noqa: S105 - a sentence
_ORDER = "sort_by='createdAt', 'updatedAt' or 'score' with sort_direction='asc' or 'desc' orders it"
_SEARCH = "no listing searches by words; go through it and compare model.name"
_IDS = "retrieve_many(ids, full=False) reads models by their ids"
_PUBLIC = "only public models have it: models.public() and models.list(privacy='public') take it"
_NOT_PUBLIC = (
    "only private and unlisted models have it: models.private() and models.list(privacy=...) take "
    "it"
)
_INSTEAD = {
    **dict.fromkeys(("first", "limit", "max_items", "max_results", "n", "take", "top"), _SOME),
    **dict.fromkeys(("batch_size", "chunk_size", "count", "per_page", "size"), _ROWS),
    **dict.fromkeys(("offset", "page", "page_number", "pages", "skip", "start"), _PAGE),
    **dict.fromkeys(
        ("after", "cursor", "next", "next_pagination_token", "next_token", "page_token", "token"),
        _TOKEN,
    ),
    **dict.fromkeys(("desc", "descending", "order", "order_by", "ordering", "reverse"), _ORDER),
    **dict.fromkeys(("name", "q", "query", "search"), _SEARCH),
    **dict.fromkeys(("id", "ids", "model_id", "model_ids"), _IDS),
    # What another listing takes; none of these names is looked for by one that takes it itself.
    **dict.fromkeys(
        ("tags", "type", "types", "updated_after", "updated_before"),
        _PUBLIC,
    ),
    "collection_ids": "models.collection('ID', privacy='public') and models.public() take them",
    "route": "models.public(route=...) takes it",
    "status": _NOT_PUBLIC,
    "collection_id": "models.collection('ID') lists the private models of a collection",
    "privacy": "models.list(privacy=...) lists private, public or unlisted models",
}
# Of what methods take as `**parameters`; for any other it is None.
_DEFAULTS = {"strategy": "auto", "timeout": NOT_GIVEN}
_GIVEN_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def checks_names(method: MethodT) -> MethodT:
    """Let a method of ``Models`` say what to write in place of an argument that it does not have.

    What it takes as ``**parameters: Unpack[...]`` is spelled out in its signature.
    """
    # Python names the class in errors of its own, which is to be the public one.
    method.__qualname__ = f"Models.{method.__name__}"
    parameters = list(_spelled_out(method))
    # No others: `**parameters` would take the name of one that is given by its position.
    known = [one.name for one in parameters if one.kind in _GIVEN_BY_NAME]

    @wraps(method)
    def checked(*args: Any, **given: Any) -> Any:  # noqa: ANN401 - as of the method
        for name in given:
            if name not in known:
                raise TypeError(_unknown(checked.__qualname__, name, known))
        return method(*args, **given)

    spelled_out = signature(method).replace(parameters=parameters)
    checked.__signature__ = spelled_out  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue] - as inspect documents it
    return cast("MethodT", checked)


def _spelled_out(method: Callable[..., Any]) -> Iterator[Parameter]:
    for parameter in signature(method).parameters.values():
        if parameter.kind is not Parameter.VAR_KEYWORD:
            yield parameter
            continue
        shared: Any = method.__globals__[parameter.annotation[len("Unpack[") : -len("]")]]
        for name, type_ in shared.__annotations__.items():
            yield Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                default=_DEFAULTS.get(name),
                annotation=type_.__forward_arg__,
            )


def instead_of(name: str) -> str | None:
    """What to write in place of an argument, where many would look for it under this name."""
    return _INSTEAD.get(_plain(name))


def _unknown(method: str, name: str, known: Collection[str]) -> str:
    plain = _plain(name)
    near = [plain] if plain in known else get_close_matches(plain, known, n=1, cutoff=0.75)
    instead = instead_of(name) or (f"did you mean {near[0]!r}?" if near else None)
    more = "" if instead is None else f": {instead}"
    return f"{method}() got an unexpected keyword argument {name!r}{more}"


def _plain(name: str) -> str:
    """A name as Python spells it; the API writes ``pageSize``."""
    return _HUMP.sub("_", name).lower()
