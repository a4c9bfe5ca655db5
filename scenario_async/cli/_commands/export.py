"""``scenario-async export``: a store as one file."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async.cli._extras import extra_needed, opened_store, store_argument
from scenario_async.cli._options import Choice, StrictCommand, check_csv_safe, csv_safe_option
from scenario_async.cli._output import WrongUsageError, write_data, write_out, wrong_usage

if TYPE_CHECKING:
    from typing import TypedDict

    from scenario_async.sync import CatalogStore, ExportFormat

    class _Filters(TypedDict):
        allow_empty: bool
        scope: str | None
        type: str | None
        status: str | None
        privacy: str | None
        tags: tuple[str, ...]
        collection: str | None
        deleted: bool | None


__all__ = ["export"]

_STANDARD_OUTPUT = "-"


@click.command(
    cls=StrictCommand,
    short_help="Write the models of a store to a file.",
    epilog="""
\b
Formats:
  parquet  The columns that people filter on, with real lists and times, and
           the records as text. Needs: pip install 'scenario-async[export]'
  csv      The same columns without the records; times in UTC, lists comma
           separated. For a spreadsheet add --csv-safe: names and tags are
           other people's, and may be formulas.
  jsonl    One record on each line, exactly as the service sent it; the full
           one where sync --details fetched it since it last changed.
  json     One array of the same records.

Models come in the order of their ids. An older file is replaced when the new one is whole, and
keeps its mode; a new one is its owner's alone to read (0600).

A value of --status, --type, --tag or --collection that no model of the store has is wrong usage,
unless the service documents it. Where no model fits, an older file stays as it is, with exit code
1. --allow-empty is how to say that both are meant.

\b
Examples:
  scenario-async export models.db models.parquet
  scenario-async export models.db trained.csv --status trained
  scenario-async export models.db - --format jsonl | jq -r .name
""",
)
@store_argument
@click.argument("path", metavar="FILE")
@click.option(
    "--format",
    "format_",
    type=Choice(["parquet", "csv", "jsonl", "json"]),
    show_default="by the suffix of FILE",
    help="What is written.",
)
@csv_safe_option
@click.option("--scope", metavar="SCOPE", help="Only models of this scope; see status.")
@click.option("--privacy", type=Choice(["private", "public", "unlisted"]), help="Only such models.")
@click.option("--status", metavar="STATUS", help="Only models of this status.")
@click.option("--type", metavar="TYPE", help="Only models of this type.")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only models with this tag. Repeatable."
)
@click.option("--collection", metavar="ID", help="Only models in this collection.")
@click.option("--with-deleted", is_flag=True, help="Also models that are marked as deleted.")
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Replace an older file also where no model fits, and take values that no model has.",
)
async def export(
    store: str,
    path: str,
    format_: ExportFormat | None,
    *,
    csv_safe: bool,
    scope: str | None,
    privacy: str | None,
    status: str | None,
    type: str | None,  # noqa: A002 - the option's name
    tags: tuple[str, ...],
    collection: str | None,
    with_deleted: bool,
    allow_empty: bool,
) -> None:
    """Write the models of a store to FILE, or to standard output where that is "-".

    STORE is a path, or a URL as for "scenario-async sync".
    """
    given: _Filters = {
        "allow_empty": allow_empty,
        "scope": scope,
        "privacy": privacy,
        "status": status,
        "type": type,
        "tags": tags,
        "collection": collection,
        "deleted": None if with_deleted else False,
    }
    opened = opened_store(store, create=False)
    from scenario_async.sync import EmptyExportError  # noqa: PLC0415 - the extra is there
    from scenario_async.sync import export as write_file  # noqa: PLC0415 - as above
    from scenario_async.sync._export import format_of, models_of  # noqa: PLC0415 - as above

    if path == _STANDARD_OUTPUT:
        check_csv_safe(format_, csv_safe=csv_safe)
        await _to_standard_output(opened, format_, given, csv_safe=csv_safe)
        return
    with wrong_usage():
        chosen = format_ or format_of(path)
    check_csv_safe(chosen, csv_safe=csv_safe)
    async with opened as source:
        with wrong_usage():
            await models_of(source, **given)
        try:
            with extra_needed():
                count = await write_file(source, path, format=chosen, csv_safe=csv_safe, **given)
        except EmptyExportError as error:
            raise click.ClickException(
                f"no model of the store fits: {path!r} stays as it is; --allow-empty replaces it"
            ) from error
    line = f"{count:,} {'model' if count == 1 else 'models'} in {path}\n"
    await write_out(line.encode(errors="surrogateescape"))


async def _to_standard_output(
    opened: CatalogStore, format_: ExportFormat | None, given: _Filters, *, csv_safe: bool
) -> None:
    from scenario_async.sync._export import encoded, models_of  # noqa: PLC0415 - the extra is there

    if format_ is None:
        raise WrongUsageError("standard output has no suffix: add --format csv, jsonl or json")
    if format_ == "parquet":
        raise WrongUsageError("Parquet needs a file: name one in place of '-'")
    async with opened as source:
        with wrong_usage():
            models = await models_of(source, **given)
        async with aclosing(encoded(models, format_, csv_safe=csv_safe)) as parts:
            async for _, data in parts:
                await write_data(data)
