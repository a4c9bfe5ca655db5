"""``scenario-async export``: a store as one file."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import asyncclick as click

from scenario_async._formats import ENCODED, FORMATS, format_of
from scenario_async.cli._completion import files
from scenario_async.cli._options import StrictCommand, format_options, formats_help, section
from scenario_async.cli._output import counted, write_data, write_lines, wrong_usage
from scenario_async.cli._stores import account_option, opened_store, store_argument, store_filters

if TYPE_CHECKING:
    from scenario_async._formats import ExportFormat
    from scenario_async.sync import CatalogStore

__all__ = ["export"]

_STANDARD_OUTPUT = "-"


@click.command(
    cls=StrictCommand,
    short_help="Write the models of a store to a file.",
    epilog=f"""
{formats_help(ENCODED)}

The columns are those that people filter on. json and jsonl have the full record where sync
--details fetched it since it last changed.

Models come in the order of their ids. An older file is replaced when the new one is whole, and
keeps its mode; a new one is its owner's alone to read (0600).

A value of --status, --type, --tag or --collection that no model of the store has is wrong usage,
unless the service documents it. Where no model fits, an older file stays as it is, with exit code
1. --allow-empty is how to say that both are meant.
""",
    examples=(
        "scenario-async export models.db models.parquet",
        "scenario-async export models.db trained.csv --status trained",
        "scenario-async export models.db - --format jsonl | jq -r .name",
    ),
)
@store_argument
@click.argument("path", metavar="FILE", shell_complete=files)
@account_option
@store_filters
@section(
    "The file",
    format_options(ENCODED, show_default="by the suffix of FILE", help="What is written."),
    click.option(
        "--allow-empty",
        is_flag=True,
        help="Replace an older file also where no model fits, and take values that no model has.",
    ),
)
async def export(
    store: str,
    path: str,
    format_: ExportFormat | None,
    *,
    account: str | None,
    csv_safe: bool,
    with_deleted: bool,
    **given: Any,  # noqa: ANN401 - the function of the same name has the same names
) -> None:
    """Write the models of a store to FILE, or to standard output where that is "-".

    STORE is a path, or a URL as for "scenario-async sync".
    """
    given["deleted"] = None if with_deleted else False
    opened = opened_store(store, create=False, account=account)
    from scenario_async.sync import EmptyExportError  # noqa: PLC0415 - the extra is there
    from scenario_async.sync import export as write_file  # noqa: PLC0415 - as above

    with wrong_usage():
        if path == _STANDARD_OUTPUT:
            await _to_standard_output(opened, _piped(format_), csv_safe=csv_safe, **given)
            return
        chosen = format_of(path, format_)
        try:
            async with opened as source:
                count = await write_file(source, path, format=chosen, csv_safe=csv_safe, **given)
        except EmptyExportError as error:
            raise click.ClickException(
                f"no model of the store fits: {path!r} stays as it is; --allow-empty replaces it"
            ) from error
    await write_lines([f"{counted(count, 'model')} in {path}"])


def _piped(format_: ExportFormat | None) -> ExportFormat:
    """The format of an export to standard output.

    Raises:
        ValueError: None is chosen, or one that is not text.
    """
    if format_ is None:
        *texts, last = (name for name in ENCODED if FORMATS[name].kind == "text")
        raise ValueError(
            f"standard output has no suffix: add --format {', '.join(texts)} or {last}"
        )
    if FORMATS[format_].kind != "text":
        raise ValueError(f"{format_} needs a file: name one in place of '-'")
    return format_


async def _to_standard_output(
    opened: CatalogStore,
    format_: ExportFormat,
    *,
    csv_safe: bool,
    **given: Any,  # noqa: ANN401 - as above
) -> None:
    from scenario_async.sync._export import encoded, models_of  # noqa: PLC0415 - the extra is there

    async with opened as source:
        models = await models_of(source, **given)
        async with aclosing(encoded(models, format_, csv_safe=csv_safe)) as parts:
            async for _, data in parts:
                await write_data(data)
