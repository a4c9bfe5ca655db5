"""``scenario-async fleet``."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from scenario_async._context import operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.command_line import Run
    from support.postgresql import PostgreSQL

    from scenario_async import AsyncScenario


@pytest.fixture
def url(new_postgresql: Callable[[], str]) -> str:
    return new_postgresql()


def test_accounts_are_added_shown_released_and_removed(
    run: Run, url: str, postgresql: PostgreSQL
) -> None:
    added = run("fleet", "add", url, "studio-7", "--credentials", "env:S7", "--every", "15m")
    assert (added.code, added.out, added.err) == (0, b"", "")
    assert run("fleet", "add", url, "public", "--credentials", "file:/run/s").code == 0

    told = run("fleet", "status", url)
    assert told.code == 0
    assert "waiting         2" in told.out.decode()
    assert "Overdue longest: studio-7, since " in told.out.decode()
    shown = run("fleet", "status", url, "--json")
    assert shown.code == 0, shown.err
    as_json = json.loads(shown.out)
    assert (as_json["accounts"], as_json["states"]["set aside"]) == (2, 0)
    late = run("fleet", "status", url, "--max-lag", "0.001s")
    assert late.code == 1
    assert "Error: account 'studio-7' is overdue for" in late.err
    assert run("fleet", "status", url, "--max-lag", "1d").code == 0

    one = run("fleet", "status", url, "studio-7").out.decode()
    assert "every         0:15:00" in one
    assert "Last error" not in one
    assert json.loads(run("fleet", "status", url, "public", "--json").out)["scopes"] == ["public"]
    name = url.rpartition("/")[2]
    postgresql.query(
        "UPDATE fleet_accounts SET state = 'set aside', last_error = E'no\\nway', rows = 5,"
        " seconds = 1, last_success_at = now() WHERE name = 'studio-7'",
        name,
    )
    assert "Last error: no way" in run("fleet", "status", url, "studio-7").out.decode()
    assert "Set aside: studio-7\n" in run("fleet", "status", url).out.decode()
    half = run("fleet", "release", url, "studio-7", "studio-8")
    assert (half.code, half.err) == (1, "Error: the fleet has no account 'studio-8'\n")
    assert "Set aside: studio-7\n" in run("fleet", "status", url).out.decode()
    assert run("fleet", "release", url, "studio-7", "public").code == 0
    assert "Set aside" not in run("fleet", "status", url).out.decode()

    assert run("fleet", "remove", url, "studio-7", "--delete-copy").code == 0
    for command in (["status"], ["release"], ["remove"]):
        gone = run("fleet", *command, url, "studio-7")
        assert gone.code == 1
        assert "the fleet has no account 'studio-7'" in gone.err
        wrong = run("fleet", *command, url, "studio-\udcff")  # as Python reads what is no text
        assert wrong.code == 2
        assert "account must have neither NUL nor surrogates" in wrong.err


def test_what_others_have_written_does_not_steer_a_terminal(
    run: Run, url: str, postgresql: PostgreSQL
) -> None:
    assert run("fleet", "add", url, "studio-7", "--credentials", "env:S7").code == 0
    hostile = "E'\\x1b[2J\\x07\\u202e\\n\\u0085a'"
    columns = ("name", "credential_ref", "limit_group", "last_error")
    for number, state in enumerate(("set aside", "refused", "waiting")):
        told = f"SELECT {hostile} || {number}, {hostile}, {hostile}, {hostile}, ARRAY[{hostile}]"
        postgresql.query(
            f"INSERT INTO fleet_accounts ({', '.join(columns)}, scopes, every, state)"
            f" {told}, '1 h', '{state}'",
            url.rpartition("/")[2],
        )
    name = "\x1b[2J\x07\u202e\n\u0085a2"
    for shown in (
        run("fleet", "status", url),
        run("fleet", "status", url, name),
        run("fleet", "status", url, name + "?"),
        run("fleet", "status", url, "--max-lag", "0.001s"),
    ):
        for line in (shown.out.decode() + shown.err).split("\n"):
            assert line.isprintable(), line


def test_a_worker_gets_its_options_and_says_which_accounts_fail(
    run: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    async def run_fleet(*_: Any, client: AsyncScenario, **options: Any) -> None:
        told.update(options, base_url=client.base_url)
        for error in (ValueError("no way"), asyncio.CancelledError()):
            with suppress(ValueError, asyncio.CancelledError):
                with operation_of(client, "account", "studio-7"):
                    raise error
        logging.getLogger("scenario_async").warning("the database is away")
        logging.getLogger("scenario_async").error("a hook failed", exc_info=error)

    monkeypatch.setattr("scenario_async.fleet._running.run_fleet", run_fleet, raising=False)
    options = ("--concurrency", "7", "--rate", "50", "--timeout", "5", "--connections", "3")
    ran = run("fleet", "run", url, *options, "--base-url", "http://127.0.0.1:1/v1")

    assert ran.code == 0
    assert told == {
        "concurrency": 7,
        "requests_per_minute": 50,
        "base_url": "http://127.0.0.1:1/v1",
    }
    first, line, warning, bug, *traceback = ran.err.splitlines()
    assert first.endswith("Z Syncing up to 7 accounts at once, until Ctrl-C.")
    assert line.endswith("Z Account studio-7: no way")
    assert warning.endswith("Z Warning: the database is away")
    assert bug == "a hook failed"
    assert traceback


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "URL", "a", "--credentials", "key:s3cret"], "--credentials says where the"),
        (["add", "URL", "a", "--credentials", "env:key:s3cret"], "--credentials says where the"),
        (["add", "URL", "a", "--credentials", "env:A", "s3cret"], "1 argument too many"),
        (["postgresql://a:s3cret@b/c"], "a command comes first, such as add, release, remove"),
        (["add", "URL", " a", "--credentials", "env:A"], "ACCOUNT must be text on one line"),
        (
            ["add", "URL", "a", "--credentials", "env:A", "--scope", "public"],
            "add an account of the name 'public'",
        ),
        (["add", "URL", "a", "--credentials", "env:A", "--every", "400d"], "--every must be from"),
        (["add", "models.db", "a", "--credentials", "env:A"], "is one of PostgreSQL"),
        (["status", "URL", "a", "--max-lag", "1h"], "--max-lag is of the whole fleet"),
        (["run", "URL", "--base-url", "ftp://x"], "--base-url"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_made(
    run: Run, arguments: list[str], said: str
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    ran = run("fleet", *(nowhere if one == "URL" else one for one in arguments))

    assert ran.code == 2
    assert said in ran.err
    assert "s3cret" not in ran.err


def test_a_database_without_a_store_is_left_as_it_is(
    run: Run, url: str, postgresql: PostgreSQL
) -> None:
    ran = run("fleet", "status", url)

    assert ran.code == 1
    assert "has no store; the first account makes one" in ran.err
    assert (
        postgresql.query(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url.rpartition("/")[2]
        )
        == []
    )


def test_a_worker_without_the_engine_makes_nothing_and_says_what_to_install(
    run: Run, url: str, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> object:
        return None if name == "pgqueuer" else name

    monkeypatch.setattr("scenario_async._extras.find_spec", found)
    ran = run("fleet", "run", url)

    assert ran.code == 2
    assert ran.err == ("Error: fleet run needs pgqueuer: pip install 'scenario-async[fleet]'\n")
    assert postgresql.query("SELECT to_regclass('state')", url.rpartition("/")[2]) == [""]
