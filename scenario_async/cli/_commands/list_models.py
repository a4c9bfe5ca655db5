"""``scenario-async list``: the models of one scope, in any of the formats."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async._formats import MODELS
from scenario_async.cli._connection import connection_options
from scenario_async.cli._filters import filters, ids
from scenario_async.cli._group import Group
from scenario_async.cli._options import StrictCommand, formats_help

from .listing import LIST_FORMATS, listing_options, write_listing

if TYPE_CHECKING:
    from scenario_async.cli._connection import Connection

    from .listing import OutputOptions

__all__ = ["list_models"]

_CREATED = ("created_after", "created_before")
_UPDATED = ("updated_after", "updated_before")
_MORE = ("blacklisted", "loaded_only")
_OWN = ("status", *_CREATED, *_MORE, "private_sort_by", "sort_direction")
_PUBLIC = ("tags", "types", *_CREATED, *_UPDATED, *_MORE, "sort_by", "sort_direction")
_REQUESTS = ("page_size", "project_id", "original_assets")


@click.group(
    "list",
    cls=Group,
    epilog=f"""
Times are ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00+01:00, in UTC where they name no zone.
The moment itself is excluded. Of --tag, --type and --collection several may be given.

{formats_help(LIST_FORMATS)}

The columns of csv: {", ".join(MODELS.columns)}.

json, jsonl and csv are UTF-8, and written page by page in little memory.

Progress is shown on a terminal where no models appear meanwhile: for tables, and where standard
output is a file.
""",
    examples=(
        "scenario-async list private --status trained",
        "scenario-async list public --public-access --limit 20",
        "scenario-async list private --format csv > models.csv",
    ),
)
def list_models() -> None:
    """List all models that a query finds."""


@list_models.command(
    cls=StrictCommand,
    short_help="Private models, newest first.",
    examples=(
        "scenario-async list private",
        "scenario-async list private --status trained --format csv > models.csv",
        "scenario-async list private --created-after 2026-01-01 --limit 50",
        "scenario-async list private --format jsonl | jq -r .id",
        "scenario-async list private --sandbox --sandbox-models 3000",
    ),
)
@filters(*_OWN)
@listing_options
@filters(*_REQUESTS)
@connection_options
async def private(connection: Connection, options: OutputOptions, **given: object) -> None:
    """List private models, newest first.

    "scenario-async list --help" explains times and formats.
    """
    await write_listing(connection, options, lambda models: models.private, given)


@list_models.command(
    cls=StrictCommand,
    short_help="Public models, best score first.",
    examples=(
        "scenario-async list public --public-access --limit 20",
        "scenario-async list public --tag sc:scenario --format jsonl > models.jsonl",
        "scenario-async list public --type flux.1-lora --updated-after 2026-06-01",
    ),
)
@filters("collection_ids", *_PUBLIC, "offset")
@listing_options
@filters("route", *_REQUESTS)
@connection_options
async def public(connection: Connection, options: OutputOptions, **given: object) -> None:
    """List public models, best score first.

    "scenario-async list --help" explains times and formats.
    """
    await write_listing(connection, options, lambda models: models.public, given)


@list_models.command(
    cls=StrictCommand,
    short_help="Unlisted models, newest first.",
    examples=(
        "scenario-async list unlisted",
        "scenario-async list unlisted --status trained --format csv > models.csv",
    ),
)
@filters(*_OWN)
@listing_options
@filters(*_REQUESTS)
@connection_options
async def unlisted(connection: Connection, options: OutputOptions, **given: object) -> None:
    """List unlisted models, newest first.

    "scenario-async list --help" explains times and formats.
    """
    await write_listing(
        connection, options, lambda models: partial(models.list, privacy="unlisted"), given
    )


@list_models.command(
    cls=StrictCommand,
    short_help="Models of a collection.",
    examples=(
        "scenario-async list collection collection_01",
        "scenario-async list collection collection_01 collection_02 --privacy public",
    ),
)
@click.argument("collection_ids", metavar="ID...", nargs=-1, required=True, callback=ids)
@filters("privacy", "status", *_PUBLIC)
@listing_options
@filters(*_REQUESTS)
@connection_options
async def collection(
    connection: Connection,
    options: OutputOptions,
    collection_ids: tuple[str, ...],
    **given: object,
) -> None:
    """List the private models of a collection, or the public ones of one or several.

    Filters apply as for "list private" or "list public", by --privacy. "scenario-async list --help"
    explains times and formats.
    """
    await write_listing(
        connection, options, lambda models: models.collection, given, collection_ids
    )
