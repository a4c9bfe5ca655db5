"""``scenario-async stats``: what the models of a store are like, in numbers and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick as click
import msgspec

from scenario_async.cli._completion import files
from scenario_async.cli._options import StrictCommand, Whole, section
from scenario_async.cli._output import (
    WrongUsageError,
    statistics_lines,
    statistics_svg,
    terminal_width,
    write_data,
    write_lines,
    write_out,
    wrong_usage,
)
from scenario_async.cli._stores import account_option, opened_store, store_argument, store_filters

if TYPE_CHECKING:
    from scenario_async.sync import CatalogStore, StoreStatistics

__all__ = ["stats"]

_STANDARD_OUTPUT = "-"


@click.command(
    cls=StrictCommand,
    short_help="What the models of a store are like, in bars.",
    epilog="""
The database counts: no model is read. A model may have several tags and capabilities. Months are
those of UTC. Runs are those of the whole store, whatever the options.

A value of --status, --type, --tag or --collection that no model of the store has is wrong usage,
unless the service documents it.
""",
    examples=(
        "scenario-async stats models.db",
        "scenario-async stats models.db --privacy private --top 3",
        "scenario-async stats models.db --json | jq .by_month",
        "scenario-async stats models.db --svg stats.svg",
    ),
)
@store_argument
@account_option
@store_filters
@section(
    "What is written",
    click.option(
        "--top",
        type=Whole(min=1),
        default=10,
        show_default=True,
        metavar="N",
        help="Show so many types, tags and the like, those with the most models.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Write one JSON object with all of them."),
    click.option(
        "--svg",
        metavar="FILE",
        shell_complete=files,
        help='Draw the bars into an SVG file, or "-".',
    ),
)
async def stats(
    store: str,
    *,
    account: str | None,
    top: int,
    as_json: bool,
    svg: str | None,
    with_deleted: bool,
    **filters: Any,  # noqa: ANN401 - ``CatalogStore.statistics`` has the same names
) -> None:
    """Count models by type, status, capability, tag and month of creation.

    STORE is a path, or a URL as for "scenario-async sync".
    """
    if as_json and svg is not None:
        raise WrongUsageError("--json and --svg are two ways to write the same: choose one")
    filters["deleted"] = None if with_deleted else False
    async with opened_store(store, create=False, account=account) as opened:
        found = await _statistics(opened, filters)
        if svg is not None:
            await _write_svg(opened, statistics_svg(found, top=top), svg)
        elif as_json:
            await write_data(msgspec.json.encode(found) + b"\n")
        else:
            await write_lines(statistics_lines(found, width=terminal_width(), top=top))


async def _statistics(opened: CatalogStore, filters: dict[str, Any]) -> StoreStatistics:
    from scenario_async.sync._store import check_scope, check_values  # noqa: PLC0415 - the extra is there

    with wrong_usage():
        await check_scope(opened, filters["scope"])
        await check_values(opened, **filters)
        return await opened.statistics(**filters)


async def _write_svg(opened: CatalogStore, drawn: str, path: str) -> None:
    from scenario_async.sync._export import file_of  # noqa: PLC0415 - the extra is there

    if path == _STANDARD_OUTPUT:
        await write_out(drawn.encode())
        return
    async with file_of(opened, path) as file:
        await file.write(drawn.encode())
