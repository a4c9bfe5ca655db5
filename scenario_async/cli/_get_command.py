"""``scenario-async get``: single models, whole."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import asyncclick as click

from scenario_async import NotFoundError

from ._connection import connection_options
from ._formats import JSONArray, JSONLines, JSONRecord
from ._messages import debug_log, wrong_usage
from ._options import StrictCommand, filters, ids
from ._output import write_data

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Sequence

    from scenario_async import Model, Models

    from ._connection import Connection
    from ._formats import Format

__all__ = ["get"]


@click.command(
    cls=StrictCommand,
    short_help="Get single models, whole.",
    epilog="""
The exit code is 4 where there is no such model, and 3 where it may not be read. Models are given in
the order of their ids; the first that cannot be had ends the run.

\b
Examples:
  scenario-async get model_0123
  scenario-async get model_0123 | jq .inputs
  scenario-async list private --format jsonl | jq -r .id \\
    | xargs scenario-async get --format jsonl > whole.jsonl
""",
)
@click.argument("model_ids", metavar="ID...", nargs=-1, required=True, callback=ids)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "jsonl"]),
    default="json",
    show_default=True,
    help="json: indented, an array for several ids. jsonl: one line each, as the service sent it.",
)
@filters("project_id", "original_assets")
@connection_options
async def get(
    connection: Connection,
    model_ids: tuple[str, ...],
    format_: Literal["json", "jsonl"],
    project_id: str | None,
    original_assets: bool,
) -> None:
    """Get models with all that is known of them, inputs and layout included."""
    written: Format = JSONLines()
    if format_ == "json":
        written = JSONRecord() if len(model_ids) == 1 else JSONArray(pretty=True)

    async def retrieve(models: Models, model_id: str) -> Model:
        with wrong_usage():
            try:
                return await models.retrieve(
                    model_id, original_assets=original_assets or None, project_id=project_id
                )
            except NotFoundError as error:
                raise NotFoundError(
                    f"there is no model {model_id!r}", status_code=404, request_id=error.request_id
                ) from error

    with debug_log(shown=connection.verbose):
        async with (
            connection.open() as service,
            _under_way([retrieve(service.client.models, one) for one in model_ids]) as tasks,
        ):
            for task in tasks:
                await write_data(written.page([await task]))
            await write_data(written.end())


@asynccontextmanager
async def _under_way(
    calls: Sequence[Coroutine[None, None, Model]],
) -> AsyncGenerator[Sequence[asyncio.Task[Model]]]:
    """Run the calls at once; the client has its own bound. Leaving ends those under way."""
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
