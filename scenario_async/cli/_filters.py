"""The filters of the client as options of the commands that list."""

from __future__ import annotations

from typing import get_args

import asyncclick as click

from scenario_async._query import Privacy, Route, SortBy, SortDirection, Status
from scenario_async.types import ModelType

from ._completion import values
from ._options import Choice, Option, section, with_options

__all__ = ["filters", "ids"]


def ids(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Check ids as the callback of a parameter: the API separates several by commas."""
    for one in given:
        if not one.strip() or "," in one:
            raise click.BadParameter(f"{one!r} is not an id: give ids one by one, and none empty")
    return tuple(one.strip() for one in given)


_FILTERS: dict[str, dict[str, Option]] = {
    "Which models": {
        "status": click.option(
            "--status", type=Choice(get_args(Status)), help="Only models of this status."
        ),
        "tags": click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="TAG",
            help="Only models with this tag, or with one of several. Repeatable.",
        ),
        "types": click.option(
            "--type",
            "types",
            multiple=True,
            metavar="TYPE",
            shell_complete=values(get_args(ModelType)),
            help="Only models of this type. Repeatable.",
        ),
        "collection_ids": click.option(
            "--collection",
            "collection_ids",
            multiple=True,
            metavar="ID",
            callback=ids,
            help="Only models of this collection. Repeatable.",
        ),
        "privacy": click.option(
            "--privacy",
            type=Choice(get_args(Privacy)),
            default="private",
            show_default=True,
            help="Which models of the collection.",
        ),
        "created_after": click.option(
            "--created-after", metavar="TIME", help="Only models created after this moment."
        ),
        "created_before": click.option(
            "--created-before", metavar="TIME", help="Only models created before this moment."
        ),
        "updated_after": click.option(
            "--updated-after", metavar="TIME", help="Only models updated after this moment."
        ),
        "updated_before": click.option(
            "--updated-before", metavar="TIME", help="Only models updated before this moment."
        ),
        "blacklisted": click.option(
            "--blacklisted", is_flag=True, help="Also blacklisted models; team admins only."
        ),
        "loaded_only": click.option(
            "--loaded-only", is_flag=True, help="Only models that are loaded now."
        ),
    },
    "In which order": {
        "sort_by": click.option(
            "--sort-by", type=Choice(get_args(SortBy)), help="The order; time bounds set it."
        ),
        "private_sort_by": click.option(
            "--sort-by",
            type=Choice(["createdAt", "score"]),
            help="The order; time bounds set it. Score needs --status.",
        ),
        "sort_direction": click.option(
            "--sort-direction",
            type=Choice(get_args(SortDirection)),
            help="Ascending or descending; needs an order.",
        ),
        "offset": click.option(
            "--offset",
            type=int,
            metavar="N",
            help="Begin with this row, from 0; --route public only.",
        ),
    },
    "Requests": {
        "route": click.option(
            "--route",
            type=Choice(get_args(Route)),
            default="filter",
            show_default=True,
            help="Ask GET /models?privacy=public, or GET /models/public.",
        ),
        "page_size": click.option(
            "--page-size", type=int, metavar="N", help="Rows in one request, 500 at most."
        ),
        "project_id": click.option(
            "--project-id", metavar="ID", help="The project that is asked for."
        ),
        "original_assets": click.option(
            "--original-assets", is_flag=True, help="Give assets without transformation."
        ),
    },
}
_BY_NAME = {
    name: section(title, option)
    for title, options in _FILTERS.items()
    for name, option in options.items()
}


def filters(*names: str) -> Option:
    """Declare these filters on a command, in this order. The client has the same names for them."""
    return with_options(_BY_NAME[name] for name in names)
