"""The command as a whole: its parts, and how it ends."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import TYPE_CHECKING

import anyio
import asyncclick as click

from scenario_async import ScenarioError, __version__
from scenario_async._extras import MissingExtraError
from scenario_async._system_errors import system_reason
from scenario_async.cli._commands.export import export
from scenario_async.cli._commands.fleet import fleet
from scenario_async.cli._commands.gallery import gallery
from scenario_async.cli._commands.get import get
from scenario_async.cli._commands.list_models import list_models
from scenario_async.cli._commands.sandbox import sandbox
from scenario_async.cli._commands.stats import stats
from scenario_async.cli._commands.status import status
from scenario_async.cli._commands.sync import sync
from scenario_async.cli._output import (
    OutputClosedError,
    OutputError,
    OutputFailedError,
    abandon,
    in_words,
    say,
    stamp_messages,
)

from ._completion import VARIABLE, completion_option
from ._exit_codes import ExitCode, exit_code_for
from ._group import Group
from ._interrupts import InterruptedRunError, Interruption

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command", "run"]

_NAME = "scenario-async"


@click.group(
    _NAME,
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
\b
Credentials come from the environment, never from an option, because others
on the same machine can read command lines:
  SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET, or SCENARIO_SDK_JWT
SCENARIO_BASE_URL names another service than the usual one.

\b
Exit codes:
  0    done, also where whoever read the output had enough of it, as head does
  1    something on this machine, such as a full disk, a port that is taken,
       a store that another run is at work on, or an export that finds
       nothing to replace a file with
  2    wrong usage: options that do not fit, or no credentials
  3    the service refused the credentials or what they ask for
  4    the service could not be reached, failed, or has no such model
  5    a sync came to its end, and some rows were rejected
  6    a sync found more models gone than --max-deletions allows
  130  Ctrl-C, which ends in order; pressed again it ends at once
  143  SIGTERM, which does the same
""",
    examples=(
        "scenario-async list public --public-access --limit 20",
        "scenario-async list private --status trained --format csv > models.csv",
        "scenario-async get model_0123",
        "scenario-async sync models.db --private --public",
        "scenario-async sync models.db --private --watch 5m",
        "scenario-async status models.db",
        "scenario-async stats models.db",
        "scenario-async export models.db models.parquet",
        "scenario-async gallery models.db --open",
        "scenario-async fleet status postgresql://user@host/database",
        "scenario-async sandbox",
    ),
)
@click.version_option(
    __version__, "-V", "--version", prog_name=_NAME, message="%(prog)s %(version)s"
)
@completion_option
def command() -> None:
    """Scenario's model catalogue on the command line.

    Data goes to standard output; progress, messages and logs go to standard error.
    """


command.add_section("Ask the service", list_models, get)
command.add_section("Keep a copy", sync, status, stats, export, gallery)
command.add_section("Keep many accounts", fleet)
command.add_section("Try it out", sandbox)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and say in one sentence what went wrong.

    Returns:
        The exit code.
    """
    stamp_messages(wanted=False)  # of this command nobody knows yet
    interruption = Interruption()
    try:
        return anyio.run(_command, arguments, interruption, backend="asyncio")
    except SystemExit as error:
        # How asyncclick ends by itself: after completing a command line for a shell, and with a 1
        # where nobody reads its help.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        abandon(sys.stdout)
        return ExitCode.DONE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - a bug is a sentence as well
        if os.environ.get(VARIABLE):
            return ExitCode.FAILED  # nobody wants a sentence in the middle of a command line
        if isinstance(error, (OutputError, OSError)):
            abandon(sys.stdout)
        _explain(error)
        code = exit_code_for(error)
        terminated = code is ExitCode.INTERRUPTED and interruption.signal is signal.SIGTERM
        return ExitCode.TERMINATED if terminated else code


async def _command(arguments: Sequence[str] | None, interruption: Interruption) -> int:
    # Not by calling the command, which the first releases of asyncclick 8.3 cannot.
    with interruption.heeded():
        code: int | None = await command.main(arguments, _NAME, standalone_mode=False)
    return code or ExitCode.DONE


def _explain(error: BaseException) -> None:
    match error:
        case InterruptedRunError(sentence=sentence):
            say(f"Interrupted: {sentence}")
        case KeyboardInterrupt() | click.Abort():
            say("Interrupted.")
        case click.ClickException():
            text = io.StringIO()
            error.show(text)
            for line in text.getvalue().splitlines():
                say(line, laid_out=True)
        case OutputClosedError():
            pass
        case ScenarioError() | OutputFailedError() | MissingExtraError():
            say(f"Error: {in_words(error)}")
        case OSError():
            say(f"Error: {system_reason(error)}")
        case UnicodeEncodeError():
            say("Error: an argument is not UTF-8")
        case _:
            name = type(error).__name__
            where = "list, get and sync show where with --verbose"
            say(f"Error: this is a bug: {name}: {error} ({where})")
