"""Commands and options as this command line has them: declared, shown in help, and checked."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncclick as click
from asyncclick.formatting import wrap_text

from scenario_async._formats import FORMATS
from scenario_async._query import did_you_mean
from scenario_async.cli._output import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Choice",
    "Command",
    "Numbers",
    "Option",
    "StrictCommand",
    "Whole",
    "WithExamples",
    "format_options",
    "formats_help",
    "gathered",
    "owners_of",
    "section",
    "with_options",
]

_TITLE = "section"
_NAMES = 30  # columns of the help; where click begins a new line behind longer names

Command: TypeAlias = Callable[..., Awaitable[None]]
Option: TypeAlias = Callable[[Command], Command]


class Choice(click.Choice[str]):
    """One of several values, the nearest of which is named to whoever misspells it."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """What is said of another value."""
        sentence = super().get_invalid_choice_message(value, ctx).rstrip(".")
        return sentence + (did_you_mean(str(value), self.choices) or ".")


class Whole(click.IntRange):
    """A range of whole numbers."""

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        try:
            return int(super().convert(number, param, ctx))
        except click.BadParameter:
            self.fail(f"must be {_range_in_words(self)}, not {value}.", param, ctx)

    def _describe_range(self) -> str:
        return _range_in_words(self)


class Numbers(click.FloatRange):
    """A range of numbers, none of which is infinite."""

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        try:
            return float(super().convert(number, param, ctx))
        except click.BadParameter:
            self.fail(f"must be {_range_in_words(self)}, not {value}.", param, ctx)

    def _describe_range(self) -> str:
        return _range_in_words(self)


def _range_in_words(numbers: click.IntRange | click.FloatRange) -> str:
    """What click would put as ``x>=1``, in the help and where a number is outside of it."""
    if numbers.max is not None:
        return f"from {numbers.min} to {numbers.max}"
    return f"more than {numbers.min}" if numbers.min_open else f"{numbers.min} or more"


class WithExamples(click.Command):
    """A command whose help ends with command lines to copy.

    Args:
        *args: As click has them.
        examples: The command lines.
        **more: As click has them.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **more: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(*args, **more)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is below the options."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(textwrap.indent(f"{line}\n", "  "))


class StrictCommand(WithExamples):
    """A command whose options are given once each, but for those that are repeatable.

    Of several values click would keep the last one without a word. Its help shows the options by
    the titles of their sections.
    """

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, in columns that are the same in all sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(vars(parameter).get(_TITLE, ""), []).append(record)
        others = sections.pop("", [])
        titled = {**sections, "Other options" if sections else "Options": others}
        room = max(len(names) for lines in titled.values() for names, _ in lines)
        for title, lines in titled.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(names.ljust(min(room, _NAMES)), what) for names, what in lines]
                )

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Look for repeated options and for those of other commands, and parse."""
        if not ctx.resilient_parsing:
            try:
                _, _, given = await self.make_parser(ctx).parse_args(list(args))
            except click.NoSuchOption as error:
                if owners := owners_of(error.option_name, ctx.find_root().command):
                    own = ctx.command_path.partition(" ")[2]
                    sentence = f"{error.option_name} is an option of {owners}, and not of {own}"
                    raise click.UsageError(sentence, ctx) from error
                raise
            for option, times in Counter(given).items():
                if times > 1 and isinstance(option, click.Option) and _takes_one(option):
                    raise click.UsageError(
                        f"{option.opts[0]} takes one value, and is given {times} times", ctx
                    )
        # What is too many may be a secret that was given without its option, and click shows it.
        ctx.allow_extra_args = True
        left = await super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            raise click.UsageError(f"{counted(len(left), 'argument')} too many", ctx)
        return left


def owners_of(option: str, command: click.Command) -> str:
    """The commands within this one that have such an option, by what is written for them."""
    return ", ".join(name for name, one in _commands(command) if option in _options_of(one))


def _commands(command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            if isinstance(inner, click.Group):
                yield from ((f"{name} {more}", one) for more, one in _commands(inner))
            else:
                yield name, inner


def _options_of(command: click.Command) -> list[str]:
    return [one for parameter in command.params for one in parameter.opts]


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)


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
    return with_options(options)


def formats_help(formats: Sequence[str]) -> str:
    """What each of these formats is, as lines of the help of a command."""
    room = max(map(len, formats)) + 4
    lines = ["\b", "Formats:"]
    for name in formats:
        first = f"  {name}".ljust(room)
        lines.append(wrap_text(FORMATS[name].about, 76, first, " " * room))
    return "\n".join(lines)


def section(title: str, *options: Option) -> Option:
    """Declare these options on a command, under this title of its help.

    Options of the same title are shown together, wherever they are declared.
    """

    def declare(command: Command) -> Command:
        before = len(_declared(command))
        command = with_options(options)(command)
        for parameter in _declared(command)[before:]:
            vars(parameter)[_TITLE] = title
        return command

    return declare


def _declared(command: Command) -> list[click.Parameter]:
    """The parameters of a command that is still a function, where click keeps them."""
    declared: list[click.Parameter] = vars(command).get("__click_params__", [])
    return declared


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

        return with_options(options)(run)

    return declare


def with_options(options: Iterable[Option]) -> Option:
    """Declare these options on a command, in this order."""

    def declare(command: Command) -> Command:
        for option in reversed(tuple(options)):
            command = option(command)
        return command

    return declare
