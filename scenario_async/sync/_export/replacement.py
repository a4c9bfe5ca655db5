"""A file that is written beside its place, and moved there when it is whole."""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from scenario_async.sync._errors import ExportError

if TYPE_CHECKING:
    import io
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

__all__ = ["Replacement"]

_OPEN_FILES = ("/dev/fd", "/dev/stderr", "/dev/stdin", "/dev/stdout", "/proc")


class Replacement:
    """A file that takes its place when it is whole."""

    def __init__(self, path: Path) -> None:
        self._named = path
        self._path = path
        self._part = path
        self._file: io.BufferedWriter | None = None

    async def __aenter__(self) -> Self:
        # A few system calls, and no thread in which a cancellation could lose the file.
        with self._failures():
            self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            with self._failures():
                await anyio.to_thread.run_sync(self._finish)
        else:
            self._discard()

    async def write(self, data: bytes) -> None:
        """Append to what is not in its place yet."""
        with self._failures():
            await anyio.to_thread.run_sync(self._write, data)

    async def changes(self) -> bool:
        """Whether it takes the place of a file that has something else in it."""
        with self._failures():
            return await anyio.to_thread.run_sync(self._changes)

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self._discard()
            reason = error.strerror or error
            raise ExportError(f"cannot write {str(self._named)!r}: {reason}") from error
        except BaseException:
            self._discard()
            raise

    def _open(self) -> None:
        # A link stays one. What is not a file, as a device, is not replaced by one; nor is what
        # leads to a file that a process has open.
        if any(self._named.absolute().is_relative_to(one) for one in _OPEN_FILES):
            raise OSError(0, "it is not a file")
        self._path = Path(os.path.realpath(self._named))
        if self._path.is_dir():
            raise OSError(0, "it is a folder; name a file in it")
        if self._path.exists() and not self._path.is_file():
            raise OSError(0, "it is not a file")
        if not self._path.parent.is_dir():
            raise OSError(0, f"there is no folder {str(self._named.parent)!r}")
        self._part = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        # Nobody else's to read, as it may have private models.
        self._file = open(self._part, "xb", opener=_for_its_owner)  # noqa: SIM115 - closed later
        with suppress(FileNotFoundError):
            shutil.copymode(self._path, self._part)

    def _write(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker: it was opened
        self._file.write(data)

    def _changes(self) -> bool:
        assert self._file is not None  # noqa: S101 - as above
        self._file.flush()
        return self._path.exists() and not filecmp.cmp(self._path, self._part, shallow=False)

    def _finish(self) -> None:
        assert self._file is not None  # noqa: S101 - as above
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def _discard(self) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            self._file.close()
        # Whatever is under way tells more than that a file was left behind.
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
