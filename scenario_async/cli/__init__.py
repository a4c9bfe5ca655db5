"""The command ``scenario-async``: list models, keep a copy of them, run a sandbox.

It needs the extra ``scenario-async[cli]``; nothing outside this package imports what that brings.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scenario_async._signals import ending_signals_taken

from ._signals import end_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_EXTRA = frozenset({"asyncclick", "rich"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Without the name of the program; ``None`` takes those of the process.

    Returns:
        The exit code: see ``scenario-async --help``.
    """
    # Before anything else: importing the rest takes its time.
    with ending_signals_taken(end_at_once):
        try:
            from ._program import run  # noqa: PLC0415 - the extra may be missing
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA:
                raise
            sys.stderr.write(
                'scenario-async needs its command line extra: pip install "scenario-async[cli]"\n'
            )
            return 2
        return run(arguments)
