"""``scenario-async get``: single models, whole or in short."""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async._errors import error_for_status
from scenario_async._formats import FORMATS, MODELS, Style, new_encoder
from scenario_async.cli._connection import connection_options
from scenario_async.cli._filters import filters, ids
from scenario_async.cli._options import StrictCommand, format_options, section
from scenario_async.cli._output import Counts, counts_shown, debug_log, writer_of, wrong_usage

if TYPE_CHECKING:
    from scenario_async import APIStatusError, Missing
    from scenario_async.cli._connection import Connection

__all__ = ["get"]

_FORMATS = tuple(name for name, one in FORMATS.items() if one.whole and one.kind == "text")


@click.command(
    cls=StrictCommand,
    short_help="Get single models, whole.",
    epilog="""
The exit code is 4 where there is no such model, and 3 where it may not be read. Models are given in
the order of their ids; the first that cannot be had ends the run.

Each model is a request. --summary asks for 50 in one, and cannot tell a model that may not be read
from one that is not there.
""",
    examples=(
        "scenario-async get model_0123",
        "scenario-async get model_0123 | jq .inputs",
        "scenario-async get model_0123 model_0456 --summary --format jsonl",
    ),
)
@click.argument("model_ids", metavar="ID...", nargs=-1, required=True, callback=ids)
@section(
    "Output",
    format_options(
        _FORMATS,
        default="json",
        show_default=True,
        help="json: indented, an array for several ids. jsonl: one line each, as the service sent "
        "it.",
    ),
    click.option(
        "--summary",
        is_flag=True,
        help="Without inputs and layout, as in a listing: 50 models in a request.",
    ),
    click.option("--quiet", is_flag=True, help="Show no progress."),
)
@filters("project_id", "original_assets")
@connection_options
async def get(
    connection: Connection,
    model_ids: tuple[str, ...],
    format_: str,
    project_id: str | None,
    *,
    summary: bool,
    quiet: bool,
    original_assets: bool,
) -> None:
    """Get models with all that is known of them, inputs and layout included."""
    from scenario_async import Missing  # noqa: PLC0415 - slow, and not for help

    encoder = new_encoder(format_, MODELS, Style(indented=True, alone=len(model_ids) == 1))
    write = writer_of(FORMATS[format_])
    counts = Counts()
    with debug_log(shown=connection.verbose):
        async with connection.open(counts.hooks(), quiet=quiet) as service:
            with wrong_usage():
                records = service.client.models.retrieve_many(
                    model_ids,
                    full=not summary,
                    original_assets=original_assets or None,
                    project_id=project_id,
                )
            wanted = not (quiet or connection.verbose)
            with counts_shown(counts, wanted=wanted, streamed=True):
                async with aclosing(records):
                    async for record in records:
                        if isinstance(record, Missing):
                            raise _error_of(record)
                        counts.models += 1
                        await write(encoder.batch([record]))
                await write(encoder.end())


def _error_of(missing: Missing) -> APIStatusError:
    """The first model that cannot be had ends the run."""
    sentence = f"there is no model {missing.id!r}"
    if missing.status_code == HTTPStatus.FORBIDDEN:
        sentence = f"the model {missing.id!r} may not be read"
    return error_for_status(missing.status_code)(
        sentence,
        status_code=missing.status_code,
        reason=missing.reason,
        request_id=missing.request_id,
    )
