"""The answers given last, kept as they were sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

    from scenario_async.sandbox._answers import Answer


class _Kept(NamedTuple):
    version: int
    answer: Answer


class PageCache:
    """The answers given last, up to a number of bytes. Safe from any thread.

    Args:
        limit: How many bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Kept] = {}
        self._size = 0

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def get(self, key: Hashable, version: int) -> Answer | None:
        """Return the answer kept of this version; one of another version is forgotten."""
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is None:
                return None
            if kept.version != version:
                self._size -= _weight(kept.answer)
                return None
            self._kept[key] = kept  # now the last to be thrown away
            return kept.answer

    def put(self, key: Hashable, version: int, answer: Answer) -> None:
        """Keep an answer, and throw the oldest ones away if there is no room for it."""
        with self._lock:
            replaced = self._kept.pop(key, None)
            self._size += _weight(answer) - (0 if replaced is None else _weight(replaced.answer))
            self._kept[key] = _Kept(version, answer)
            while self._size > self._limit:
                oldest = next(iter(self._kept))
                self._size -= _weight(self._kept.pop(oldest).answer)


def _weight(answer: Answer) -> int:
    # Small answers weigh as well: their keys and objects are about this large.
    return len(answer.body) + 1024
