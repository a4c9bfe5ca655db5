"""The file of a store in SQLite: whether it is there, still the same, and open for writing."""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from scenario_async.sync._errors import StoreError

__all__ = ["FILE_SUFFIXES", "StoreFile"]

FILE_SUFFIXES = ("", "-wal", "-shm", "-journal", "-lock")
"""What the names of the files of a store end with: of the database, and of those beside it."""

_OWNER_ONLY = 0o600
_READ_AND_WRITE = 0o666


class StoreFile:
    """A file that SQLite has open. Each question is one to the disk.

    Attributes:
        only_read: Why it cannot be written, as of its opening; ``None`` where it can.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        # A program may go to another folder while it is open.
        self._path = Path(os.path.abspath(name))  # noqa: PTH100 - as SQLAlchemy does
        self._seen: tuple[int, ...] | None = None
        self._made: tuple[int, ...] | None = None
        self.only_read: str | None = None

    def look(self, *, create: bool) -> None:
        """Look at it before it is opened, and make it where there is none.

        Others may not read a new one, as it has private models.

        Raises:
            StoreError: It is not there and may not be made, it cannot be made, or it is not a file.
            OSError: The same, where nothing showed it before.
        """
        self._seen = self._made = None
        self.only_read = None
        folder = self._real().parent
        if not folder.exists():
            raise StoreError(f"{self._name}: there is no folder {str(Path(self._name).parent)!r}")
        if self._path.is_dir() or str(self._name).endswith(("/", os.sep)):
            raise StoreError(f"{self._name}: this is a folder: name a file in it")
        if self._path.exists() and not self._path.is_file():
            raise StoreError(f"{self._name}: this is a device or a pipe, and a store is a file")
        if self._path.exists():
            self.only_read = self._why_only_read(folder)
        elif not create:
            raise StoreError(f"{self._name}: there is no such file; a sync makes one")
        elif not os.access(folder, os.W_OK):
            raise StoreError(f"{self._name}: its folder is read-only")
        else:
            _make(self._real(), _OWNER_ONLY)
            self._made = self._state()

    def engine_url(self) -> URL:
        """What to open: the file, or what can be read of it without leaving anything beside it."""
        if self.only_read is None:
            return URL.create("sqlite+aiosqlite", database=str(self._path))
        query = {"uri": "true", "mode": "ro"}
        if self._is_alone():
            # SQLite would make its files beside this one otherwise, as read-only as it is.
            query["immutable"] = "1"
        return URL.create(
            "sqlite+aiosqlite", database=f"file:{quote(str(self._path))}", query=query
        )

    def remember(self) -> None:
        """This file is it, from now on."""
        self._seen = self._state()

    def check_same(self) -> None:
        """See that the path still leads to the file that is open.

        Raises:
            StoreError: It does not: what was written since went nowhere. Or another program has
                written to a file that is only read here.
        """
        if self._seen is None or self._state() == self._seen:
            return
        if self.only_read is not None and self._state()[:2] == self._seen[:2]:
            raise StoreError(f"{self._name}: the file was changed while it was read; try again")
        raise StoreError(f"{self._name}: the file was removed or replaced while it was open")

    def check_writable(self) -> None:
        """See that it was opened for writing.

        Raises:
            StoreError: It was not.
        """
        if self.only_read is not None:
            raise StoreError(f"{self._name}: {self.only_read}")

    def lock_path(self, suffix: str) -> Path:
        """Where those who use it keep each other away, by whatever links they came.

        It is made where there is none, for all who may write the file.

        Args:
            suffix: What it has behind the name of the file.

        Raises:
            OSError: It cannot be made.
        """
        path = self._beside(suffix)
        _make(path, self._path.stat().st_mode & _READ_AND_WRITE)
        return path

    @property
    def is_new(self) -> bool:
        """Whether it was made when it was opened, and is still the same."""
        return self._made is not None and self._made == self._state()

    @property
    def is_empty(self) -> bool:
        """Whether not even a table is in it."""
        return self._path.stat().st_size == 0

    @property
    def is_open_elsewhere(self) -> bool:
        """Whether others have connections to it, where there are none of our own.

        The last one to go takes the index of the log away, unless it was killed.
        """
        return self._beside("-shm").exists()

    def remove(self) -> None:
        """Remove it, and what SQLite and the lock have left beside it."""
        for suffix in FILE_SUFFIXES:
            with suppress(OSError):
                self._beside(suffix).unlink()
        real = self._real()
        for path in real.parent.glob(f"{glob.escape(real.name)}-lead-*"):
            with suppress(OSError):
                path.unlink()

    def _real(self) -> Path:
        # Not Path.resolve(), which ends a loop of links with an error of its own.
        return Path(os.path.realpath(self._path))

    def _beside(self, suffix: str) -> Path:
        real = self._real()
        return real.with_name(f"{real.name}{suffix}")

    def _is_alone(self) -> bool:
        """Whether all that is committed is in the file itself, so that it can be read alone."""
        log = self._beside("-wal")
        return not self._beside("-journal").exists() and not (log.exists() and log.stat().st_size)

    def _why_only_read(self, folder: Path) -> str | None:
        if not os.access(self._path, os.W_OK):
            return "the file is read-only"
        for suffix in ("-wal", "-shm"):
            path = self._beside(suffix)
            if path.exists() and not os.access(path, os.W_OK):
                return f"the file {path.name!r} beside it is read-only"
        if not os.access(folder, os.W_OK):
            return "its folder is read-only, and SQLite keeps a log beside the file"
        return None

    def _state(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return ()
        if self.only_read is None:
            return found.st_dev, found.st_ino
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _make(path: Path, mode: int) -> None:
    """Make an empty file where there is none; one that is there keeps its mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
