"""``scenario-async status``: what a store has, and how its last runs went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncclick as click
import msgspec

from scenario_async.cli._durations import duration
from scenario_async.cli._options import StrictCommand
from scenario_async.cli._output import (
    run_lines,
    stamp,
    store_lines,
    terminal_width,
    write_data,
    write_lines,
)
from scenario_async.cli._stores import account_option, opened_store, store_argument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from scenario_async.sync import RunRecord, StoreCounts

__all__ = ["status"]


@click.command(
    cls=StrictCommand,
    short_help="What a store has, and how its last runs went.",
    epilog="""
With --max-age the exit code is 1 where the last run that finished is older: a health check of a
sync that runs again and again. What there is to say is said all the same.
""",
    examples=(
        "scenario-async status models.db",
        "scenario-async status models.db --max-age 15m",
        "scenario-async status models.db --json | jq .scopes",
        "scenario-async status postgresql://user@host/database",
    ),
)
@store_argument
@account_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object in place of tables.")
@click.option(
    "--max-age",
    callback=duration,
    metavar="TIME",
    help="Fail where the last run that finished is older, such as 90s, 15m or 1d.",
)
async def status(
    store: str, *, account: str | None, as_json: bool, max_age: timedelta | None
) -> None:
    """Say what a store has: its models, its scopes, and its last ten runs.

    STORE is a path, or a URL as for "scenario-async sync".
    """
    async with opened_store(store, create=False, account=account) as opened:
        counts, runs = await opened.counts(), await opened.runs()
    if as_json:
        await write_data(_json(counts, runs))
    else:
        await write_lines(_lines(counts, runs))
    if max_age is not None:
        _check_age(runs, max_age)


def _lines(counts: StoreCounts, runs: Sequence[RunRecord]) -> list[str]:
    width = terminal_width()
    lines = store_lines(counts, width=width)
    if runs:
        lines += ["", *run_lines(runs, width=width)]
    return lines


def _check_age(runs: Sequence[RunRecord], limit: timedelta) -> None:
    ended = [run.finished_at for run in runs if run.status == "finished" and run.finished_at]
    if not ended:
        raise click.ClickException("none of the last runs has finished")
    if datetime.now(UTC) - max(ended) > limit:
        raise click.ClickException(f"no run has finished since {stamp(max(ended))}")


def _json(counts: StoreCounts, runs: Sequence[RunRecord]) -> bytes:
    return msgspec.json.encode({**msgspec.structs.asdict(counts), "runs": runs}) + b"\n"
