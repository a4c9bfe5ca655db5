"""Keys of the accounts of a sandbox, in files."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncclick as click
import pytest

from scenario_async.cli._key_files import write_key_files
from scenario_async.sandbox import SandboxAccounts, seeded_accounts

if TYPE_CHECKING:
    from support.command_line import Run


@pytest.mark.parametrize(
    ("held", "code", "sentence"),
    [
        ("KEY:SECRET", 2, "{path} is not the key of a sandbox: give --keys a folder of its own"),
        (None, 1, "cannot write keys into {folder}: " + os.strerror(errno.EISDIR)),
    ],
)
def test_keys_replace_nothing_but_keys_of_a_sandbox(
    run: Run, tmp_path: Path, held: str | None, code: int, sentence: str
) -> None:
    path = tmp_path / "account-002"
    if held is None:
        path.mkdir()
    else:
        path.write_text(held)
    ran = run("sandbox", "--accounts", "3", "--private", "1", "--keys", str(tmp_path))
    assert (ran.code, ran.out) == (code, b"")
    assert ran.err == f"Error: {sentence.format(path=path, folder=tmp_path)}\n"
    assert list(tmp_path.iterdir()) == [path]
    assert held is None or path.read_text() == held


@pytest.mark.skipif(sys.platform == "win32", reason="devices and pipes as POSIX has them")
@pytest.mark.parametrize("linked", [True, False])
def test_what_has_no_end_is_not_read_for_a_key(run: Run, tmp_path: Path, *, linked: bool) -> None:
    path = tmp_path / "account-001"
    if linked:
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    ran = run("sandbox", "--accounts", "1", "--private", "1", "--keys", str(tmp_path))
    assert ran.code == 2
    assert f"{path} is not the key of a sandbox" in ran.err


def test_keys_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        with SandboxAccounts(seeded_accounts(2, private=(1, 1))).in_thread() as accounts:
            write_key_files(tmp_path, accounts)
            assert {json.loads(one.read_text())["base_url"] for one in tmp_path.iterdir()} == {
                accounts.base_url
            }


def test_keys_that_cannot_be_written_leave_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with SandboxAccounts(seeded_accounts(1, private=(1, 1))).in_thread() as accounts:
        with pytest.raises(click.ClickException, match=os.strerror(errno.ENOSPC)):
            write_key_files(tmp_path, accounts)
    assert list(tmp_path.iterdir()) == []
