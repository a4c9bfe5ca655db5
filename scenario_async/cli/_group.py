"""Commands in groups: the overview of them, and what was meant where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncclick as click

from ._options import WithExamples, owners_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Group"]

_WIDTH = 60  # columns: what an overview has for each command


class Group(WithExamples, click.Group):
    """Commands, whose options are looked for where they were written before their command."""

    def __init__(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - as click has them
        super().__init__(*args, **more)
        self._sections: dict[str, Sequence[click.Command]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands, which the help shows in this order under a title of their own."""
        self._sections[title] = commands
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """The names of the commands, in the order in which they are shown."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command."""
        placed = {command for commands in self._sections.values() for command in commands}
        names = self.list_commands(ctx)
        others = [self.commands[name] for name in names if self.commands[name] not in placed]
        room = max(map(len, names))
        for title, commands in [*self._sections.items(), ("Commands", others)]:
            lines = [
                (str(command.name).ljust(room), command.get_short_help_str(_WIDTH))
                for command in commands
            ]
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and say which commands have an option that is not one of the group's."""
        try:
            return await super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            option = error.option_name
            if owners := owners_of(option, self):
                raise click.UsageError(
                    f"{option} belongs behind the command that it is for: {owners}", ctx
                ) from error
            raise

    async def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name; ``help`` is what people write for ``--help``.

        A store in its place is not quoted: it may have a password.
        """
        if args[0] == "help" and "help" not in self.commands:
            raise click.UsageError("help is an option: write --help, also behind a command", ctx)
        if ":" in args[0]:
            names = ", ".join(self.list_commands(ctx))
            raise click.UsageError(f"a command comes first, such as {names}", ctx)
        return await super().resolve_command(ctx, args)
