"""How far a command has come, and what it took, in one line on a terminal."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .messages import clock, counted, say
from .output import is_pipe, is_terminal

if TYPE_CHECKING:
    from collections.abc import Generator

    from scenario_async import EventHooks, PageEvent, RequestEvent, RetryEvent

__all__ = ["Counts", "counts_shown", "doing"]


@contextmanager
def doing(what: str, *, shown: bool) -> Generator[None]:
    """Say in a few words what is being done, for as long as it takes and on a terminal alone.

    Args:
        what: It.
        shown: Whether to say anything at all.
    """
    # What cannot go back on its line would keep each of these.
    if not (shown and is_terminal(sys.stderr)) or os.environ.get("TERM", "") in ("", "dumb"):
        yield
        return
    _write(f"{what} ...")
    try:
        yield
    finally:
        _write("\r\x1b[2K")


def _write(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


@dataclass(slots=True)
class Counts:
    """What the events of a client add up to."""

    models: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0
    skipped: int = 0
    pause: str = ""
    started: float = field(default_factory=time.monotonic)

    def hooks(self) -> EventHooks:
        """Functions that count here."""
        from scenario_async import EventHooks  # noqa: PLC0415 - help and completion need none

        return EventHooks(
            on_request=self._count_request, on_retry=self._count_retry, on_page=self._count_page
        )

    def line(self) -> str:
        """All of it in words."""
        parts = [counted(self.models, "model")]
        if self.pages:
            parts.append(counted(self.pages, "page"))
        parts.append(counted(self.requests, "request"))
        if self.retries:
            parts.append(counted(self.retries, "retry", "retries"))
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped")
        parts.append(clock(time.monotonic() - self.started))
        if self.pause:
            parts.append(self.pause)
        return ", ".join(parts)

    def _count_request(self, _: RequestEvent) -> None:
        self.requests += 1
        self.pause = ""

    def _count_retry(self, event: RetryEvent) -> None:
        self.retries += 1
        status = event.error.status_code
        reason = "a lost connection" if status is None else f"status {status}"
        self.pause = f"waiting {event.wait:.0f} s after {reason}"

    def _count_page(self, event: PageEvent) -> None:
        self.pages += 1
        self.models += event.models
        self.skipped += event.invalid


@contextmanager
def counts_shown(counts: Counts, *, wanted: bool, streamed: bool) -> Generator[None]:
    """Show counts meanwhile, and leave the last ones there.

    Where models appear on the terminal meanwhile, it shows the last ones alone, below them. Nothing
    is shown where nobody looks, or where somebody else may be at work on the terminal: a pager or a
    filter, at the other end of a pipe. Plain ASCII, because a terminal for errors may know nothing
    else.

    Args:
        counts: What to show.
        wanted: Whether to show anything at all.
        streamed: Whether models are written as they come, and not when all are known.
    """
    wanted = wanted and is_terminal(sys.stderr)
    alone = wanted and not (streamed and (is_terminal(sys.stdout) or is_pipe(sys.stdout)))
    with ExitStack() as stack:
        if alone:
            from .live import live_line  # noqa: PLC0415 - it is slow to import

            stack.enter_context(live_line(counts.line))
        try:
            yield
        finally:
            counts.pause = ""
    if wanted and streamed and is_terminal(sys.stdout):
        say(counts.line())
