"""The end at once of a process. It imports little: it is there before the rest."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from scenario_async._signals import ENDING_SIGNALS

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["end_at_once"]


def end_at_once(number: int, _frame: FrameType | None = None) -> NoReturn:
    """End the process as one that this signal has ended, without cleaning up."""
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    with suppress(OSError):
        # Progress hides the cursor and stays on its line. Not through `sys.stderr`, which may be in
        # the middle of anything.
        os.write(2, b"\x1b[?25h\nInterrupted.\n" if os.isatty(2) else b"Interrupted.\n")
    os._exit(128 + number)
