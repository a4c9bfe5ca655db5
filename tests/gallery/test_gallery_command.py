"""The command ``gallery``."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from scenario_async import cli
from scenario_async.cli._commands.gallery import Place, open_browser

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from support.command_line import Run

LONG = 120  # seconds; nothing here takes a tenth of that, but on a very busy machine


@pytest.fixture
def hears() -> Generator[None]:
    """Let processes that a test starts hear Ctrl-C: a job in the background of a shell is deaf."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears")
@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.once)],
)
def test_it_shows_a_sandbox_until_a_signal_ends_it(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "scenario_async", "gallery", "--sandbox", "--port", "0"]
    command += ["--sandbox-models", "5"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with (
        subprocess.Popen(  # noqa: S603 - this interpreter
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)  # or a failure would wait for it
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r" http://(127\.0\.0\.1:\d+)/ ", process.stdout.readline())
        assert found is not None
        with closing(HTTPConnection(found[1], timeout=LONG)) as connection:
            connection.request("GET", "/")
            page = connection.getresponse().read().decode()
        process.send_signal(number)
        assert process.wait(LONG) == code
        assert process.stderr.read() == "Interrupted.\n"

    assert "15 models" in page
    assert not list(tmp_path.iterdir()), "the copy is gone"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "no store: give its path, .*; --sandbox shows invented models"),
        (["none.db"], 1, "there is no such file; a sync makes one"),
        (["other.db"], 1, "not a database"),
        (["sqlite://"], 2, "in memory"),
        (["--sandbox", "--account", "one"], 2, "in SQLite each account has a file of its own"),
        (["none.db", "--host", "a b"], 2, "'a b' is not a host"),
        (["none.db", "--name", "x_?"], 2, "is not a host"),
        (["none.db", "--token", "short"], 2, "the token is easily guessed"),
        (["none.db", "--port", "70000"], 2, "--port"),
        (["none.db", "--sandbox-models", "3"], 2, "--sandbox-models needs --sandbox"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(
    arguments: list[str], code: int, words: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "other.db").write_text("hello" * 1000)

    ran = run("gallery", *arguments)

    assert ran.code == code
    assert re.search(words, ran.err)
    assert "short" not in ran.err
    assert ran.out == b""


def test_a_port_that_is_taken_is_said_with_a_way_out(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("gallery", "--sandbox", "--sandbox-models", "0", "--port", str(port))

    assert ran.code == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in ran.err
    assert "--port 0 takes any free one" in ran.err


def test_an_extra_that_is_missing_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, forget_modules: Callable[[str], None]
) -> None:
    def missing(name: str) -> object:
        return None if name == "jinja2" else name

    forget_modules("scenario_async.gallery")
    monkeypatch.setattr("scenario_async._extras.find_spec", missing)

    ran = run("gallery", "--sandbox", "--port", "0")

    assert ran.code == 2
    assert "pip install 'scenario-async[gallery]'" in ran.err


@pytest.mark.parametrize(
    ("host", "token", "shown"),
    [
        ("127.0.0.1", None, r"http://127\.0\.0\.1:80/"),
        ("localhost", None, r"http://localhost:80/"),
        ("::1", None, r"http://\[::1\]:80/"),
        ("127.0.0.1", "a%token&", r"http://127\.0\.0\.1:80/\?token=a%25token%26"),
        ("0.0.0.0", None, rf"http://{re.escape(socket.gethostname())}:80/\?token=[\w-]{{32}}"),  # noqa: S104 - nobody listens
        ("gallery.example", None, r"http://gallery\.example:80/\?token=[\w-]{32}"),
    ],
)
def test_whoever_can_be_asked_by_other_machines_has_a_token(
    host: str, token: str | None, shown: str
) -> None:
    place = Place.of(host, token, ("proxy.example",))

    assert re.fullmatch(shown, place.url(80))
    assert {host, "proxy.example"} <= set(place.names)
    # Others in the network can claim its names: they are known where a token is asked for.
    assert (set(place.names) > {host, "proxy.example"}) is (place.token is not None)


@pytest.mark.anyio
@pytest.mark.one_loop
@pytest.mark.parametrize(("browser", "said"), [(True, ""), (False, "open the URL yourself")])
async def test_a_browser_is_opened_or_its_lack_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, browser: bool, said: str
) -> None:
    opened: list[str] = []

    def open_(url: str) -> bool:
        opened.append(url)
        if not browser:
            raise webbrowser.Error("none")
        return True

    monkeypatch.setattr("webbrowser.open", open_)

    await open_browser("http://127.0.0.1:1/")

    assert opened == ["http://127.0.0.1:1/"]
    assert said in capsys.readouterr().err


def test_a_host_that_is_not_there_is_said_in_the_words_of_the_system(run: Run) -> None:
    # An address that no machine has: https://www.rfc-editor.org/rfc/rfc5737
    ran = run("gallery", "--sandbox", "--sandbox-models", "0", "--host", "192.0.2.1", "--port", "0")

    assert ran.code == 1
    assert "cannot listen on 192.0.2.1: Cannot assign requested address\n" in ran.err


def test_its_help_needs_no_extra(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gallery", "--help"]) == 0
    assert "scenario-async gallery --sandbox" in capsys.readouterr().out
