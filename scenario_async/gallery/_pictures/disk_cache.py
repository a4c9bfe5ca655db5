"""Pictures as files in a folder, up to a bound: what was not used for longest is removed first."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["DiskCache", "KeptFile", "file_name", "to_remove"]

_KEPT = re.compile(r"[0-9a-f]{64}")
_HALF_WRITTEN = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{16}\.part")
# A file is written in one go: one that is older was left by a process that was killed.
_ABANDONED = 60 * 10**9
# One part in so many is removed beyond what is needed, or each picture would list the folder.
_SPARE = 16


class KeptFile(NamedTuple):
    """A file of the folder.

    Attributes:
        name: Its name.
        size: Its bytes.
        used: When it was used last, in nanoseconds.
    """

    name: str
    size: int
    used: int


class DiskCache:
    """Files by keys. All methods block: call them in threads, also several at once.

    Several processes may use one folder. Each looks anew at what there is when it has written a
    sixteenth of the bound: together they exceed it by no more than that for each.

    A folder that cannot be made or written keeps nothing, and that is not an error.

    Args:
        folder: Made with the first file. Other files in it are left alone.
        most_bytes: How many bytes the files have at most.
        clock: The time in nanoseconds, as of file systems.
    """

    def __init__(
        self, folder: Path, most_bytes: int, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._folder = folder
        self._most = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        # Since the folder was looked through: what it had, and what was written.
        self._size = 0
        self._unseen = most_bytes

    def get(self, key: str) -> bytes | None:
        """What is kept for a key; that counts as a use."""
        path = self._folder / file_name(key)
        now = self._clock()
        try:
            content = path.read_bytes()
        except OSError:
            return None
        with suppress(OSError):  # removed meanwhile, or a folder that can only be read
            os.utime(path, ns=(now, now))
        return content

    def put(self, key: str, content: bytes) -> bool:
        """Keep a content, as a whole file or not at all, and tell whether it is kept."""
        if len(content) > self._most:
            return False
        name = file_name(key)
        half_written = self._folder / f"{name}.{secrets.token_hex(8)}.part"
        with self._lock:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._make_room(len(content))
                half_written.write_bytes(content)
                now = self._clock()
                os.utime(half_written, ns=(now, now))
                half_written.replace(self._folder / name)
            except OSError:
                with suppress(OSError):
                    half_written.unlink(missing_ok=True)
                return False
            self._size += len(content)
            self._unseen += len(content)
        return True

    def remove(self, key: str) -> None:
        """Keep nothing for a key."""
        with suppress(OSError):
            (self._folder / file_name(key)).unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove what killed processes left, and what exceeds the bound."""
        with self._lock, suppress(OSError):
            self._look(0)

    def _make_room(self, room: int) -> None:
        if self._size + room > self._most or self._unseen + room > self._most // _SPARE:
            self._look(room)

    def _look(self, room: int) -> None:
        files = list(self._files())
        self._size = sum(one.size for one in files)
        self._unseen = 0
        if self._size + room > self._most:
            sizes = {one.name: one.size for one in files}
            for name in to_remove(files, max(0, self._most - room - self._most // _SPARE)):
                with suppress(OSError):  # Windows keeps what another process reads
                    (self._folder / name).unlink(missing_ok=True)
                    self._size -= sizes[name]

    def _files(self) -> Iterator[KeptFile]:
        """The files that are kept; those that were left half written are removed on the way."""
        now = self._clock()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(OSError):  # removed by another process meanwhile
                    if _KEPT.fullmatch(entry.name):
                        found = entry.stat(follow_symlinks=False)
                        yield KeptFile(entry.name, found.st_size, found.st_mtime_ns)
                    elif _HALF_WRITTEN.fullmatch(entry.name):
                        written = entry.stat(follow_symlinks=False).st_mtime_ns
                        if now - written > _ABANDONED:
                            Path(entry.path).unlink()


def file_name(key: str) -> str:
    """The name of the file for a key, which may be any string and does not show in it."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def to_remove(files: Iterable[KeptFile], most_bytes: int) -> list[str]:
    """The names of the files that were not used for longest, so many that the rest fits."""
    by_use = sorted(files, key=lambda one: (one.used, one.name))
    excess = sum(one.size for one in by_use) - most_bytes
    names: list[str] = []
    for one in by_use:
        if excess <= 0:
            break
        names.append(one.name)
        excess -= one.size
    return names
