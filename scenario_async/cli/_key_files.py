"""The keys of the accounts of a sandbox as files, one for each, which nobody else can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click
import msgspec

from scenario_async._system_errors import system_reason

from ._output import WrongUsageError

if TYPE_CHECKING:
    from scenario_async.sandbox import SandboxAccounts

__all__ = ["write_key_files"]

_INVENTED = b'{"api_key":"sandbox-key-'


def write_key_files(folder: Path, accounts: SandboxAccounts) -> None:
    """Write a file for each account, named as it is, in the place of the one of an earlier run.

    A file is what a fleet reads from ``file:PATH``: a JSON object with the key, the secret and the
    URL of the sandbox, so that no service but the sandbox is asked with it.

    Raises:
        WrongUsageError: There is another file of that name; none is written then.
        click.ClickException: A file cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in accounts:
            _check_replaceable(folder / name)
        for name, account in accounts.items():
            content = {
                "api_key": account.api_key,
                "api_secret": account.api_secret,
                "base_url": accounts.base_url,
            }
            _replace(folder / name, msgspec.json.encode(content) + b"\n")
    except OSError as error:
        raise click.ClickException(
            f"cannot write keys into {folder}: {system_reason(error)}"
        ) from error


def _check_replaceable(path: Path) -> None:
    begin = b""
    try:
        # A pipe would wait for somebody to write, and a device may have no end.
        if not path.is_fifo():
            with path.open("rb") as file:
                begin = file.read(len(_INVENTED))
    except FileNotFoundError:
        return
    if begin != _INVENTED:
        raise WrongUsageError(
            f"{path} is not the key of a sandbox: give --keys a folder of its own"
        )


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place when it is whole: a fleet may be reading it."""
    # Made with the mode 0600.
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(written).replace(path)
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise
