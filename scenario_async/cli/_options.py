"""Options that several commands share, declared once each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import asyncclick as click
from asyncclick.formatting import wrap_text

from scenario_async._formats import FORMATS
from scenario_async._query import Privacy, Route, SortBy, SortDirection, Status, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Choice",
    "Command",
    "Group",
    "Numbers",
    "Option",
    "StrictCommand",
    "filters",
    "format_options",
    "formats_help",
    "gathered",
    "ids",
]

Command: TypeAlias = Callable[..., Awaitable[None]]
Option: TypeAlias = Callable[[Command], Command]


class Choice(click.Choice[str]):
    """One of several values, the nearest of which is named to whoever misspells it."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """What is said of another value."""
        sentence = super().get_invalid_choice_message(value, ctx).rstrip(".")
        return sentence + (did_you_mean(str(value), self.choices) or ".")


class Numbers(click.FloatRange):
    """A range of numbers, none of which is infinite."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Group(click.Group):
    """Commands, whose options are looked for where they were written before their command."""

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and say which commands have an option that is none of the group's."""
        try:
            return await super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            option = error.option_name
            owners = [name for name, command in _commands(self) if option in _options_of(command)]
            if owners:
                raise click.UsageError(
                    f"{option} belongs behind the command that it is for: {', '.join(owners)}", ctx
                ) from error
            raise

    async def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name; ``help`` is what people write for ``--help``."""
        if args[0] == "help" and "help" not in self.commands:
            raise click.UsageError("help is an option: write --help, also behind a command", ctx)
        return await super().resolve_command(ctx, args)


def _commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group, and those of the groups in it, by what is written for them."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", one) for inner, one in _commands(command))
        else:
            yield name, command


def _options_of(command: click.Command) -> list[str]:
    return [one for parameter in command.params for one in parameter.opts]


class StrictCommand(click.Command):
    """A command whose options are given once each, but for those that are repeatable.

    Of several values click would keep the last one without a word.
    """

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Look for repeated options, and parse."""
        if not ctx.resilient_parsing:
            _, _, given = await self.make_parser(ctx).parse_args(list(args))
            for option, times in Counter(given).items():
                if times > 1 and isinstance(option, click.Option) and _takes_one(option):
                    raise click.UsageError(
                        f"{option.opts[0]} takes one value, and is given {times} times", ctx
                    )
        return await super().parse_args(ctx, args)


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)


def ids(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Check ids as the callback of a parameter: the API separates several by commas."""
    for one in given:
        if not one.strip() or "," in one:
            raise click.BadParameter(f"{one!r} is not an id: give ids one by one, and none empty")
    return tuple(one.strip() for one in given)


def format_options(formats: Sequence[str], **about: Any) -> Option:  # noqa: ANN401 - as click has it
    """Declare ``--format`` on a command, and ``--csv-safe`` where CSV is one of these formats.

    Args:
        formats: Those that the command has.
        **about: What else click is to know of ``--format``.
    """
    options = [click.option("--format", "format_", type=Choice(formats), **about)]
    if "csv" in formats:
        options.append(
            click.option(
                "--csv-safe",
                is_flag=True,
                help="In csv, write an apostrophe before text that a spreadsheet would take for a "
                "formula: names and tags are other people's.",
            )
        )
    return _with_options(options)


def formats_help(formats: Sequence[str]) -> str:
    """What each of these formats is, as lines of the help of a command."""
    room = max(map(len, formats)) + 4
    lines = ["\b", "Formats:"]
    for name in formats:
        first = f"  {name}".ljust(room)
        lines.append(wrap_text(FORMATS[name].about, 76, first, " " * room))
    return "\n".join(lines)


_FILTERS: dict[str, Option] = {
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
    "privacy": click.option(
        "--privacy",
        type=Choice(get_args(Privacy)),
        default="private",
        show_default=True,
        help="Which models of the collection.",
    ),
    "route": click.option(
        "--route",
        type=Choice(get_args(Route)),
        default="filter",
        show_default=True,
        help="Ask GET /models?privacy=public, or GET /models/public.",
    ),
    "offset": click.option(
        "--offset", type=int, metavar="N", help="Begin with this row, from 0; --route public only."
    ),
    "page_size": click.option(
        "--page-size", type=int, metavar="N", help="Rows in one request, 500 at most."
    ),
    "project_id": click.option("--project-id", metavar="ID", help="The project that is asked for."),
    "blacklisted": click.option(
        "--blacklisted", is_flag=True, help="Also blacklisted models; team admins only."
    ),
    "loaded_only": click.option(
        "--loaded-only", is_flag=True, help="Only models that are loaded now."
    ),
    "original_assets": click.option(
        "--original-assets", is_flag=True, help="Give assets without transformation."
    ),
}


def filters(*names: str) -> Option:
    """Declare these filters on a command, in this order. The client has the same names for them."""
    return _with_options([_FILTERS[name] for name in names])


def gathered(name: str, kind: type[Any], options: Sequence[Option]) -> Option:
    """Declare these options on a command, and hand them to it as one value.

    Args:
        name: The parameter of the command that takes the value.
        kind: The dataclass of the value; its fields are the parameters of the options.
        options: The options.
    """
    own = [field.name for field in fields(kind)]

    def declare(command: Command) -> Command:
        @wraps(command)
        async def run(**given: object) -> None:
            value = kind(**{name: given.pop(name) for name in own})
            await command(**{name: value}, **given)

        return _with_options(options)(run)

    return declare


def _with_options(options: Sequence[Option]) -> Option:
    """Declare these options on a command, in this order."""

    def declare(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return declare
