"""What an account is told, and where its credentials come from."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pickle
import sys
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest

from scenario_async.fleet import Credentials, CredentialsError, credentials_of
from scenario_async.fleet._credentials import check_reference, resolving
from scenario_async.fleet._errors import ResolverError
from scenario_async.fleet._settings import settings_of

if TYPE_CHECKING:
    from pathlib import Path


KEY, SECRET = "api_key_of_a_studio", "sk_s3cret_of_a_studio"


def settings(name: Any = "studio-7", **given: Any) -> Any:
    usual: dict[str, Any] = {"credential_ref": "env:X", "scopes": ["private"], "limit_group": None}
    usual |= {"every": timedelta(hours=1), **given}
    return settings_of(name, **usual)


def shown_by(error: BaseException | None) -> str:
    """All that a debugger shows of an error, of those behind it, and of their frames."""
    shown: list[str] = []
    while error is not None:
        shown.append(f"{error!r} {error.args}")
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                shown.append(repr(frame.f_locals))
        error = error.__cause__ or error.__context__
    return "\n".join(shown)


def test_an_account_has_a_limit_of_its_own_unless_it_is_told_otherwise() -> None:
    assert settings().limit_group == "studio-7"
    assert settings(limit_group="project-9").limit_group == "project-9"
    assert settings(scopes=["private", "unlisted"]).scopes == ("private", "unlisted")
    assert settings("public", scopes=["public"]).scopes == ("public",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "name must be text on one line"),
        ({"name": "a\nb"}, "name must be text on one line"),
        ({"name": "a" * 201}, "name must have at most 200 bytes"),
        ({"credential_ref": " env:X"}, "credential_ref must be text on one line"),
        ({"limit_group": ""}, "limit_group must be text on one line"),
        ({"every": timedelta(milliseconds=1)}, "every must be from a second to 366 days"),
        ({"every": timedelta(days=400)}, "every must be from a second to 366 days"),
        ({"scopes": ["private", "public"]}, "add an account of the name 'public'"),
        ({"name": "public"}, "add an account of the name 'public'"),
        ({"scopes": ["collection:c1"]}, "are among those of 'private': give that"),
        ({"scopes": ["public:collection:c1"]}, "are among those of 'public': give that"),
        ({"scopes": []}, "scopes must name at least one scope"),
    ],
)
def test_settings_that_do_not_do_say_what_would(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(**given)


@pytest.mark.parametrize("given", [{"name": 7}, {"every": 3600}, {"scopes": "private"}])
def test_settings_of_the_wrong_type_are_type_errors(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(given))} must be"):
        settings(**given)


def test_credentials_show_nothing() -> None:
    pair = Credentials(api_key=KEY, api_secret=SECRET, project_id="project-9")
    token = Credentials(bearer_auth=SECRET)

    assert repr(pair) == str(pair) == "<Credentials (basic)>"
    assert repr(token) == "<Credentials (bearer)>"
    assert repr(Credentials(public=True)) == "<Credentials (public)>"
    assert SECRET not in repr([pair.api_secret, token.bearer_auth])
    for encode in (dataclasses.asdict, vars, msgspec.to_builtins, msgspec.json.encode):
        with pytest.raises(TypeError) as caught:
            encode(token)
        assert SECRET not in str(caught.value)
    assert pickle.loads(pickle.dumps(pair)) == pair  # noqa: S301 - its own


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no credentials"),
        ({"api_key": KEY}, "api_key without api_secret"),
        ({"api_key": KEY, "api_secret": SECRET, "public": True}, "public=True means no account"),
        ({"bearer_auth": SECRET, "base_url": "ftp://x"}, "base_url"),
        ({"bearer_auth": SECRET, "project_id": ""}, "project_id is empty"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused_at_once(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Credentials(**given)
    assert SECRET not in shown_by(caught.value)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_credentials_come_from_the_environment_and_from_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pair = Credentials(api_key=KEY, api_secret=SECRET)
    monkeypatch.setenv("STUDIO_7", f"{KEY}:{SECRET}")
    file = tmp_path / "studio 7"
    file.write_text(f"{KEY}:{SECRET}\n")
    assert await credentials_of("a", "env:STUDIO_7") == pair
    assert await credentials_of("a", f"file:{file}") == pair
    # As editors of Windows write it.
    file.write_bytes(b"\xef\xbb\xbf" + f"{KEY}:{SECRET}\r\n".encode())
    assert await credentials_of("a", f"file:{file}") == pair

    file.write_text(f'{{"bearer_auth": "{SECRET}", "project_id": "project-9"}}')
    found = await credentials_of("a", f"file:{file}")
    assert found == Credentials(bearer_auth=SECRET, project_id="project-9")


@pytest.mark.anyio
@pytest.mark.one_loop
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such variable in the environment"),
        ("", "this cannot be read: it has KEY:SECRET"),
        (SECRET, "this cannot be read: it has KEY:SECRET"),
        (f"{KEY}:", "api_secret is empty"),
        (f"'{KEY}:{SECRET}'x\x7f", "control character"),
        (f'{{"api_key": "{SECRET}", "api_secret": 7}}', "this cannot be read"),
        (f'{{"{SECRET}": "x"}}', "this cannot be read"),
        (f'{{"api_key": "{SECRET}"}}', "api_key without api_secret"),
        (f'{{"bearer_auth": "{SECRET}", "project_id": true}}', "this cannot be read"),
        (f'{{"bearer_auth": "{SECRET}", "public": "no"}}', "this cannot be read"),
    ],
)
async def test_what_is_wrong_with_credentials_is_said_without_them(
    monkeypatch: pytest.MonkeyPatch, text: str | None, said: str
) -> None:
    if text is not None:
        monkeypatch.setenv("STUDIO_7", text)

    with pytest.raises(CredentialsError, match=f"account 'a', env:STUDIO_7: .*{said}") as caught:
        await credentials_of("a", "env:STUDIO_7")
    assert SECRET not in shown_by(caught.value)


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_file_of_credentials_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="No such file"):
        await credentials_of("a", f"file:{tmp_path / 'nothing'}")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialsError, match="this is not text"):
        await credentials_of("a", f"file:{tmp_path / 'bytes'}")
    (tmp_path / "long").write_text("x" * 70_000)
    with pytest.raises(CredentialsError, match="this is too long"):
        await credentials_of("a", f"file:{tmp_path / 'long'}")
    with pytest.raises(CredentialsError, match="this is not a file"):
        await credentials_of("a", f"file:{tmp_path}")


@pytest.mark.anyio
@pytest.mark.one_loop
@pytest.mark.skipif(sys.platform == "win32", reason="devices and pipes as POSIX has them")
async def test_credentials_are_not_read_from_what_has_no_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        with pytest.raises(CredentialsError, match="this is not a file"):
            await credentials_of("a", f"file:{path}")


@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_function_that_finds_credentials_may_do_anything() -> None:
    async def find(_: str, reference: str) -> Any:
        if reference == "hang":
            await anyio.sleep_forever()
        if reference == "none":
            try:
                os.environ[SECRET]
            except KeyError:
                raise CredentialsError("there are none")  # noqa: B904 - as users do
        if reference == "cancelled":
            raise asyncio.CancelledError
        if reference == "vault":
            raise RuntimeError(SECRET)
        return Credentials(public=True) if reference == "good" else SECRET

    resolve = resolving(find)
    assert await resolve("a", "good") == Credentials(public=True)
    with pytest.raises(CredentialsError, match="there are none") as none:
        await resolve("a", "none")
    assert SECRET not in shown_by(none.value)
    with pytest.raises(ResolverError, match="raised RuntimeError") as caught:
        await resolve("b", "vault")
    assert SECRET not in shown_by(caught.value)
    with pytest.raises(ResolverError, match="returned str, and not Credentials") as caught:
        await resolve("c", "wrong")
    assert SECRET not in shown_by(caught.value)
    with pytest.raises(ResolverError, match="raised CancelledError"):
        await resolve("d", "cancelled")
    with pytest.raises(ResolverError, match="raised TimeoutError"):
        await resolving(find, timeout=0)("d", "hang")


@pytest.mark.parametrize(
    "reference",
    ["", "env:", "file:", "STUDIO_7", "vault:x"]
    # As a shell makes of "env:$STUDIO_7".
    + [kind + text for kind in ("", "env:", "file:") for text in (f"{KEY}:{SECRET}", '{"a": "b"}')],
)
@pytest.mark.anyio
@pytest.mark.one_loop
async def test_a_reference_that_may_be_the_secret_itself_is_not_quoted(reference: str) -> None:
    with pytest.raises(ValueError, match="is not the credentials: 'env:NAME'") as caught:
        check_reference(reference)
    assert SECRET not in str(caught.value)
    with pytest.raises(CredentialsError, match="account 'a': credential_ref says where") as found:
        await credentials_of("a", reference)
    assert SECRET not in str(found.value)


@pytest.mark.parametrize(
    "reference", ["env:STUDIO-7", "file:keys", "file:/run/a:b", r"file:C:\keys\a", "file:./a:b"]
)
def test_a_reference_may_be_any_name_and_path(reference: str) -> None:
    check_reference(reference)
