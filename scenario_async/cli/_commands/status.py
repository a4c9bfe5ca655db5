"""``scenario-async status``: what a store has, and how its last runs went."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import asyncclick as click
import msgspec

from scenario_async.cli._options import StrictCommand
from scenario_async.cli._output import (
    run_lines,
    store_lines,
    terminal_width,
    write_data,
    write_lines,
)
from scenario_async.cli._stores import opened_store, store_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenario_async.sync import RunRecord, StoreCounts

__all__ = ["status"]


@click.command(
    cls=StrictCommand,
    short_help="What a store has, and how its last runs went.",
    examples=(
        "scenario-async status models.db",
        "scenario-async status models.db --json | jq .scopes",
        "scenario-async status postgresql://user@host/database",
    ),
)
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object in place of tables.")
async def status(store: str, *, as_json: bool) -> None:
    """Say what a store has: its models, its scopes, and its last ten runs.

    STORE is a path, or a URL as for "scenario-async sync".
    """
    async with opened_store(store, create=False) as opened:
        counts, runs = await opened.counts(), await opened.runs()
    if as_json:
        await write_data(_json(counts, runs))
        return
    width = terminal_width(sys.stdout)
    lines = store_lines(counts, width=width)
    if runs:
        lines += ["", *run_lines(runs, width=width)]
    await write_lines(lines)


def _json(counts: StoreCounts, runs: Sequence[RunRecord]) -> bytes:
    return msgspec.json.encode({**msgspec.structs.asdict(counts), "runs": runs}) + b"\n"
