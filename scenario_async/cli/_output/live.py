"""What changes on a terminal while it is shown: a line of counts, and a bar for each scope.

Nothing else here needs so much of rich. It takes as long to import as all the rest of the command
line, so that only what shows something imports this module.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.spinner import Spinner
from rich.table import Column
from rich.text import Text

from .sync_progress import progress_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scenario_async.sync import ScopeReport

__all__ = ["live_line", "scope_bars"]

_PER_SECOND = 8
_BAR = 20


@contextmanager
def live_line(words: Callable[[], str]) -> Generator[None]:
    """Show a line meanwhile, and leave the last one there."""
    spinner: Spinner | None = Spinner("line")

    def line() -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        if spinner is not None:
            frame = spinner.render(time.monotonic())
            text.append(frame if isinstance(frame, Text) else "").append(" ")
        return text.append(words())

    live = Live(
        console=Console(stderr=True, force_terminal=True),
        get_renderable=line,
        refresh_per_second=_PER_SECOND,
        redirect_stdout=False,
    )
    live.start(refresh=True)
    try:
        yield
    finally:
        spinner = None
        live.stop()


def scope_bars() -> Progress:
    """Bars for tasks, each with the ``report`` of a scope as its field."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(_BAR),
        _Words(table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=Console(stderr=True, force_terminal=True),
        refresh_per_second=_PER_SECOND,
        redirect_stdout=False,
    )


class _Words(ProgressColumn):
    """Counts and times. Made anew each time it is shown: the time goes on without models."""

    def render(self, task: Task) -> Text:
        """The words of a scope."""
        report: ScopeReport = task.fields["report"]
        ended = report.complete or report.error is not None
        seconds = report.seconds if ended else task.elapsed or 0.0
        return Text(progress_words(report, task.total, seconds))
