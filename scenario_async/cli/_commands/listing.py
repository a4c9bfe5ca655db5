"""From a query to standard output: what every ``list`` command does."""

from __future__ import annotations

import math
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import asyncclick as click

from scenario_async import BadRequestError
from scenario_async._formats import FORMATS, MODELS, Style, new_encoder
from scenario_async._query import LARGEST_PAGE, did_you_mean
from scenario_async.cli._options import Choice, Option, Whole, format_options, gathered, section
from scenario_async.cli._output import (
    Counts,
    WrongUsageError,
    counts_shown,
    debug_log,
    say,
    terminal_width,
    warnings_said,
    writer_of,
    wrong_usage,
)
from scenario_async.types import ModelType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence

    from scenario_async import InvalidRow, Listing, Model, Models
    from scenario_async.cli._connection import Connection

__all__ = [
    "LIST_FORMATS",
    "OutputOptions",
    "Scope",
    "check_collections",
    "listing_options",
    "write_listing",
]

Scope: TypeAlias = "Callable[[Models], Callable[..., Listing[Model]]]"
"""Which method of the client lists. Its arguments are checked by tests: they come from options."""

LIST_FORMATS = tuple(name for name, one in FORMATS.items() if one.kind != "binary")
"""The formats of a listing on standard output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputOptions:
    """The options for what becomes of the models; see their help."""

    format_: str
    csv_safe: bool
    limit: int | None
    on_invalid: Literal["fail", "skip"]
    quiet: bool


listing_options: Option = gathered(
    "options",
    OutputOptions,
    [
        section(
            "Output",
            format_options(
                LIST_FORMATS, default="table", show_default=True, help="How models are written."
            ),
            click.option(
                "--limit",
                type=Whole(min=1),
                metavar="N",
                help="Stop after so many models; no page behind them is requested.",
            ),
            click.option(
                "--on-invalid",
                type=Choice(["fail", "skip"]),
                default="fail",
                show_default=True,
                help="Where a record cannot be read: fail, or name it on standard error and go on.",
            ),
            click.option("--quiet", is_flag=True, help="Show no progress."),
        )
    ],
)
"""Declares these options on a command and hands them over as ``options``."""


async def write_listing(
    connection: Connection,
    options: OutputOptions,
    scope: Scope,
    filters: Mapping[str, Any],
    collections: Sequence[str] = (),
) -> None:
    """List one scope on standard output.

    Raises:
        WrongUsageError: The options do not fit.
        ScenarioError: The listing failed. What was written before is all there was.
    """
    with wrong_usage():
        style = Style(csv_safe=options.csv_safe, width=terminal_width())
        encoder = new_encoder(options.format_, MODELS, style)
    format_ = FORMATS[options.format_]
    write = writer_of(format_)
    # Not `in`, to which 0 is the same as False.
    given = {
        name: value
        for name, value in filters.items()
        if not (value is None or value is False or value == ())
    }
    if options.limit is not None:
        given.setdefault("page_size", _page_size(options.limit))
    if options.on_invalid == "skip":
        given["on_invalid"] = _name_skipped
    counts = Counts()
    with debug_log(shown=connection.verbose), warnings_said():
        async with connection.open(counts.hooks(), quiet=options.quiet) as service:
            check_collections(collections, service.collections)
            with wrong_usage():
                listing = scope(service.client.models)(*collections, **given)
            wanted = not (options.quiet or connection.verbose)
            meant = _types_meant(given.get("types", ()))
            try:
                with counts_shown(counts, wanted=wanted, streamed=format_.streamed):
                    async with aclosing(_pages(listing, options.limit)) as pages:
                        async for models in pages:
                            await write(encoder.batch(models))
            except BadRequestError as error:
                for one in meant:
                    error.add_note(one)
                raise
            await write(encoder.end())
            for one in () if counts.models else meant:
                say(f"No models: {one}")


def _types_meant(types: Sequence[str]) -> list[str]:
    """What to say of types that may be misspelled. The service has new ones at any time."""
    known = get_args(ModelType)
    hints = {one: did_you_mean(one, known) for one in types if one not in known}
    return [f"--type {one} is new, or misspelled{hint}" for one, hint in hints.items() if hint]


async def _pages(
    listing: Listing[Model], limit: int | None
) -> AsyncGenerator[Sequence[Model], None]:
    """The models page by page, up to the limit."""
    if limit is None:
        async with aclosing(listing.pages()) as pages:
            async for page in pages:
                yield page.models
        return
    # One by one, because `pages()` would have the next page on its way before it is known that
    # nobody needs it.
    page = await listing
    while True:
        yield page.models[:limit]
        limit -= len(page.models)
        if limit <= 0 or not page.has_next_page():
            return
        page = await page.get_next_page()


def _page_size(limit: int) -> int:
    """As few pages as can be, and of equal size: 501 models are 2 pages of 251."""
    return math.ceil(limit / math.ceil(limit / LARGEST_PAGE))


def _name_skipped(row: InvalidRow) -> None:
    say(f"Skipped: {row.error}")


def check_collections(wanted: Sequence[str], known: Collection[str] | None) -> None:
    """See that a sandbox has these collections: its ids are not known before.

    Args:
        wanted: The ids that are given.
        known: Those of the sandbox; ``None`` where it is not a sandbox that is asked.

    Raises:
        WrongUsageError: It has not; says which there are.
    """
    for one in wanted:
        if known is not None and one not in known:
            raise WrongUsageError(
                f"the sandbox has no collection {one!r}; it has {', '.join(known)}"
            )
