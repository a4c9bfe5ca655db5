"""Which fault is shown to which request."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenario_async.sandbox._catalogue import is_picture
from scenario_async.sandbox._requests import Request

from .faults import Fault
from .page_faults import PageFault
from .picture_faults import PictureFault

if TYPE_CHECKING:
    from scenario_async.sandbox._api import Page

    from .faults import Phase

BASE_PATH = "/v1"

Predicate = Callable[[Request], bool]


@dataclass(slots=True)
class _Entry:
    fault: Fault
    remaining: int | None
    skip: int
    path: str | re.Pattern[str] | None
    when: Predicate | None
    pictures: bool

    def concerns(self, request: Request, page: Page | None) -> bool:
        if self.remaining == 0 or not _on_path(self.path, request.path):
            return False
        if self.pictures != is_picture(request.path):
            return False
        if not self.fault.concerns(request) or not (self.when is None or self.when(request)):
            return False
        return page is None or not isinstance(self.fault, PageFault) or self.fault.fits(page)

    def due(self) -> bool:
        """Count one matching request; tell whether the fault is to be shown to it."""
        if self.skip:
            self.skip -= 1
            return False
        return True

    def spend(self) -> None:
        if self.remaining is not None:
            self.remaining -= 1


class FaultSchedule:
    """The faults that a sandbox is to show, in the order in which they were added.

    Safe from any thread, while requests arrive. ``len()`` counts the faults that are still to come.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def __repr__(self) -> str:
        with self._lock:
            return f"<{type(self).__name__} {[entry.fault for entry in self._entries]}>"

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        after: int = 0,
        path: str | re.Pattern[str] | None = None,
        when: Predicate | None = None,
        pictures: bool = False,
    ) -> None:
        """Show ``fault`` to requests.

        A request matches if it is on ``path``, ``when`` is true for it, and the fault can be on it:
        ``ExpiredToken`` and ``RepeatedToken`` want a request with a token, ``EndToken`` a last
        page, and all faults that change a page of models want one that is about to be answered.

        Of the faults that take the place of the answer, the first one added that matches is
        shown; the others wait for a later request. Delays, cut bodies and changed pages add up
        with them.

        Args:
            fault: What to show.
            times: To how many matching requests; ``None`` for all from then on.
            after: How many matching requests to let pass first.
            path: How the path begins, with or without ``/v1``: a regular expression, so that a
                plain beginning such as ``/models`` works as well.
            when: Asked about each request; must be quick and may not raise.
            pictures: Show it to requests for pictures, and to no others. Without it only
                ``ExpiredURL`` and ``PictureContent`` are, which are for nothing else.

        Raises:
            TypeError: ``fault`` is not a fault, as a class without its parentheses.
            ValueError: ``times`` or ``after`` is negative, or ``path`` no regular expression.
        """
        if not isinstance(fault, Fault):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise TypeError(f"fault must be one, such as ServerError(), not {fault!r}")
        try:
            _ = path is None or re.compile(path)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from None
        if after < 0 or (times is not None and times < 0):
            raise ValueError("times and after count requests: give 0 or more")
        for_pictures = pictures or isinstance(fault, PictureFault)
        entry = _Entry(
            fault=fault, remaining=times, skip=after, path=path, when=when, pictures=for_pictures
        )
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._entries.clear()

    def take(
        self, phases: Collection[Phase], request: Request, page: Page | None = None
    ) -> list[Fault]:
        """Take the faults of these phases that are due for a request, and count them as shown."""
        if not self._entries:
            return []
        taken: list[Fault] = []
        filled: set[Phase] = set()
        with self._lock:
            for entry in self._entries:
                phase = entry.fault.phase
                if phase not in phases or not entry.concerns(request, page) or not entry.due():
                    continue
                if phase in filled:
                    continue
                if phase != "page":
                    filled.add(phase)
                entry.spend()
                taken.append(entry.fault)
            self._entries = [entry for entry in self._entries if entry.remaining != 0]
        return taken


def _on_path(wanted: str | re.Pattern[str] | None, path: str) -> bool:
    if wanted is None:
        return True
    return any(re.match(wanted, one) for one in (path, path.removeprefix(BASE_PATH)))
