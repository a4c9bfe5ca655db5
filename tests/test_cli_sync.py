"""A copy of the catalogue by the command line: sync, status and export."""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest

from scenario_async import AsyncScenario
from scenario_async.cli._output.summaries import run_lines, summary_lines
from scenario_async.cli._output.sync_progress import progress_words
from scenario_async.sandbox import BadRow, Catalogue, NotJSON, RateLimited, Sandbox, ServerError
from scenario_async.sync import (
    CatalogStore,
    ExportError,
    RunRecord,
    ScopeReport,
    StoredModel,
    StoreError,
    SyncReport,
    export,
)
from scenario_async.sync import sync as sync_models
from scenario_async.sync._export.file import STORED, encoded
from scenario_async.sync._export.replacement import Replacement

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from support.command_line import Ran, Run

    from scenario_async.sandbox import Request

PUBLIC, PRIVATE = 60, 120
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"  # as logs have it
OWN = [f"models.db{suffix}" for suffix in ("-wal", "-shm", "-journal", "-lock")]
parquet: Any = import_module("pyarrow.parquet")  # it has no types


@pytest.fixture(scope="module")
def running_sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=PUBLIC, private=PRIVATE)
    with Sandbox(catalogue).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def changing(ask: Run, monkeypatch: pytest.MonkeyPatch) -> Generator[Catalogue]:
    """The models of a sandbox of its own, which ``ask`` asks from now on."""
    del ask  # its environment comes first
    catalogue = Catalogue.seeded(public=0, private=40)
    with Sandbox(catalogue).in_thread() as sandbox:
        monkeypatch.setenv("SCENARIO_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("SCENARIO_SDK_API_KEY", sandbox.api_key)
        monkeypatch.setenv("SCENARIO_SDK_API_SECRET", sandbox.api_secret)
        yield catalogue


def make_store() -> None:
    async def make() -> None:
        async with CatalogStore.open("models.db"):
            pass

    asyncio.run(make())


def of_private_models(request: Request) -> bool:
    return request.query.get("privacy") == "private"


class TestSync:
    def test_every_model_is_stored_and_counted(self, ask: Run, sandbox: Sandbox) -> None:
        ran = ask("sync", "models.db", "--private", "--public")
        assert (ran.code, ran.err) == (0, "")
        lines = [line.split() for line in ran.out.decode().splitlines()]
        assert lines[0][:4] == ["Scope", "Run", "New", "Changed"]
        assert lines[1][:3] == ["private", "full", str(PRIVATE)]
        assert lines[2][:3] == ["public", "full", str(PUBLIC)]
        assert lines[3][:3] == ["in", "all", str(PRIVATE + PUBLIC)]
        with closing(sqlite3.connect("models.db")) as database:
            stored = {row[0] for row in database.execute("SELECT id FROM models")}
        assert stored == {*sandbox.catalogue.ids("private"), *sandbox.catalogue.ids("public")}

    def test_the_report_can_be_json(self, ask: Run) -> None:
        ran = ask("sync", "models.db", "--private", "--json")
        report = msgspec.json.decode(ran.out, type=SyncReport)
        assert (ran.code, ran.err, report.new, report.run) == (0, "", PRIVATE, 1)
        assert [(one.scope, one.mode, one.complete) for one in report.scopes] == [
            ("private", "full", True)
        ]

    def test_a_second_run_lists_little_unless_all_is_wanted(self, ask: Run) -> None:
        ask("sync", "sqlite:///models.db", "--public")
        again = ask("sync", "models.db", "--public", "--json").report()
        assert again["scopes"][0]["mode"] == "incremental"
        everything = ask("sync", "models.db", "--public", "--full", "--json").report()
        assert everything["scopes"][0]["mode"] == "full"
        assert (everything["new"], everything["unchanged"]) == (0, PUBLIC)

    def test_collections_are_scopes_each_once(self, ask: Run, sandbox: Sandbox) -> None:
        first, second = sandbox.catalogue.collection_ids[:2]
        options = ("--collection", first, "--collection", first, "--public-collection", second)
        report = ask("sync", "models.db", *options, "--json").report()
        assert [one["scope"] for one in report["scopes"]] == [
            f"collection:{first}",
            f"public:collection:{second}",
        ]
        assert report["scopes"][0]["new"] == len(sandbox.catalogue.ids(collection_id=first))

    def test_unlisted_models_are_scopes_as_well(self, run: Run, changing: Catalogue) -> None:
        collection = changing.collection_ids[0]
        names = [changing.add(privacy="unlisted") for _ in range(3)]
        within = changing.add(privacy="unlisted", collection_ids=[collection])
        options = ("--unlisted", "--unlisted-collection", collection, "--json")
        report = run("sync", "models.db", *options).report()
        scopes = [(one["scope"], one["new"] + one["unchanged"]) for one in report["scopes"]]
        assert scopes == [("unlisted", 4), (f"unlisted:collection:{collection}", 1)]
        changing.delete(names[0])
        added = changing.add(privacy="unlisted")
        report = run("sync", "models.db", "--unlisted", "--full", "--json").report()
        assert (report["new"], report["deleted"]) == (1, 1)
        exported = run("export", "models.db", "-", "--format", "jsonl", "--scope", "unlisted").out
        ids = {json.loads(line)["id"] for line in exported.splitlines()}
        assert ids == {*names[1:], within, added}

    def test_the_project_is_asked_for_and_remembered(self, ask: Run, sandbox: Sandbox) -> None:
        options = ("sync", "models.db", "--private", "--project-id")
        assert ask(*options, "proj_1").code == 0
        assert {request.query.get("projectId") for request in sandbox.requests} == {"proj_1"}
        ran = ask(*options, "proj_2")
        assert (ran.code, ran.out, "project proj_1" in ran.err) == (1, b"", True)
        assert ask(*options, " ").err.startswith("Error: --project-id is empty")

    def test_everything_is_listed_as_often_as_wanted(self, ask: Run) -> None:
        ask("sync", "models.db", "--public")
        modes = [
            ask("sync", "models.db", "--public", "--full-every", every, "--json").report()
            for every in ("1.5h", "0.001", "1d")
        ]
        assert [one["scopes"][0]["mode"] for one in modes] == ["incremental", "full", "incremental"]

    @pytest.mark.parametrize("option", ["--watch", "--full-every"])
    @pytest.mark.parametrize("time", ["0", "-1", "x", "1w", "5 m s", "", "inf", "nan", "9" * 20])
    def test_what_is_not_a_time_is_wrong_usage(self, run: Run, option: str, time: str) -> None:
        ran = run("sync", "models.db", "--private", "--sandbox", f"{option}={time}")
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.endswith(f"{time!r} is not a time such as 90, 90s, 5m, 6h or 1d\n")
        assert list(Path.cwd().iterdir()) == []

    def test_details_are_fetched_where_they_are_wanted(self, ask: Run) -> None:
        ran = ask("sync", "models.db", "--public", "--details")
        assert ran.code == 0
        assert "Details" in ran.out.decode().splitlines()[0].split()
        assert all(
            json.loads(line)["inputs"]
            for line in ask("export", "models.db", "-", "--format", "jsonl").out.splitlines()
        )

    def test_rejected_rows_have_their_exit_code(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(BadRow("wrong-type"))
        ran = ask("sync", "models.db", "--private", "--json")
        assert (ran.code, ran.report()["rejected"]) == (5, 1)
        assert ran.err == "1 row does not fit: see the table 'rejected' of the store.\n"
        assert ask("sync", "models.db", "--private").code == 0

    def test_more_deletions_than_allowed_have_their_exit_code(
        self, ask: Run, changing: Catalogue
    ) -> None:
        ask("sync", "models.db", "--private")
        for model_id in changing.ids():
            changing.delete(model_id)
        changing.advance(timedelta(days=31))
        changing.add()
        everything = ("sync", "models.db", "--private", "--full", "--json")
        ran = ask(*everything)
        assert ran.code == 6
        assert "max_deletions=1.0 (--max-deletions 100%)" in ran.err
        assert "while syncing the scope 'private'" in ran.err
        assert (ran.report()["new"], ran.report()["deleted"]) == (1, 0)
        for limit in ("0", "39", "10%", "0.9"):
            assert ask(*everything, "--max-deletions", limit).code == 6
        ran = ask(*everything, "--max-deletions", "40")
        assert (ran.code, ran.report()["deleted"]) == (0, 40)

    @pytest.mark.parametrize("limit", ["-1", "1.5", "101%", "half", "nan", "", "%"])
    def test_a_limit_that_is_none_is_wrong_usage(self, run: Run, limit: str) -> None:
        ran = run("sync", "models.db", "--private", "--sandbox", f"--max-deletions={limit}")
        assert (ran.code, ran.out) == (2, b"")
        assert "neither a number of models nor a share" in ran.err
        assert not Path("models.db").exists()

    def test_models_of_another_owner_are_refused_unless_told(
        self, ask: Run, changing: Catalogue
    ) -> None:
        ask("sync", "models.db", "--private")
        for row in list(changing):
            changing.update(row.id, fields={"ownerId": "proj_other"})
        ran = ask("sync", "models.db", "--private", "--full")
        assert ran.code == 1
        assert "'proj_other'" in ran.err
        assert "--new-owner" in ran.err
        ran = ask("sync", "models.db", "--private", "--full", "--new-owner", "--json")
        assert (ran.code, ran.report()["changed"]) == (0, 40)
        assert ask("sync", "models.db", "--private", "--full").code == 0

    def test_requests_are_shown_for_each_scope_and_kept(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(ServerError(500), when=of_private_models)
        ran = ask("sync", "models.db", "--private", "--public")
        titles, *lines = (line.split() for line in ran.out.decode().splitlines())
        place = titles.index("Requests") - len(titles)
        numbers = [int(line[place]) for line in lines]
        private = sum(map(of_private_models, sandbox.requests))
        total = len(sandbox.requests)
        assert numbers == [private, total - private, total]
        (run,) = json.loads(ask("status", "models.db", "--json").out)["runs"]
        assert run["report"]["requests"] == total
        assert [scope["requests"] for scope in run["report"]["scopes"]] == numbers[:2]

    def test_a_scope_is_needed(self, ask: Run, sandbox: Sandbox) -> None:
        ran = ask("sync", "models.db")
        assert (ran.code, ran.out) == (2, b"")
        for option in ("--private", "--public", "--collection ID"):
            assert option in ran.err
        assert not Path("models.db").exists()
        assert len(sandbox.requests) == 0

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("mysql://host/models --private", "Error: a store is 'sqlite:///models.db', a path"),
            ("models.db --private --sandbox-models 5", "Error: --sandbox-models needs --sandbox"),
            ("models.db --collection no --sandbox", "Error: the sandbox has no collection 'no'"),
            ("models.db --private --sandbox --watch 1 --watch 2", "Usage: scenario-async sync "),
            ("models.db --sandbox --collection a\udce9", "Error: the sandbox has no collection"),
        ],
    )
    def test_wrong_usage_is_said_and_makes_no_file(
        self, run: Run, arguments: str, sentence: str
    ) -> None:
        ran = run("sync", *arguments.split())
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.startswith(sentence)
        assert not Path("models.db").exists()

    @pytest.mark.parametrize("command", ["sync {} --private", "status {}", "export {} m.csv"])
    @pytest.mark.parametrize(
        ("store", "sentence"),
        [
            ("new/", "'new/' is a folder: name a file in it, such as 'new/models.db'"),
            (".", "'.' is a folder: name a file in it, such as 'models.db'"),
            ("sqlite:///folder", "'folder' is a folder: name a file in it, such as 'folder/mod"),
            ("/dev/null", "'/dev/null' is not a file that a store could be in"),
            ("", "a store is"),
            # What would end with the command:
            *(
                (name, "this is a database")
                for name in ("sqlite://", ":memory:", "sqlite:///:memory:")
            ),
        ],
    )
    def test_a_store_that_is_not_a_file_is_wrong_usage(
        self, ask: Run, sandbox: Sandbox, command: str, store: str, sentence: str
    ) -> None:
        Path("folder").mkdir()
        ran = ask(*(store if word == "{}" else word for word in command.split()))
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.startswith(f"Error: {sentence}")
        assert [path.name for path in Path.cwd().iterdir()] == ["folder"]
        assert len(sandbox.requests) == 0

    def test_a_password_is_not_said(self, ask: Run) -> None:
        for store in (
            "postgresql://bob:s3cr3tpw/store",
            "bob:s3cr3tpw@host/store",
            "postgresql://bob@127.0.0.1:1/store?password=s3cr3tpw",
            "postgresql://bob@127.0.0.1:1/store?connect_timeout=s3cr3tpw",
        ):
            ran = ask("sync", store, "--private", "--verbose")
            assert ran.code == (1 if "?password" in store else 2)
            assert "s3cr3tpw" not in ran.err
        assert "'connect_timeout'" in ran.err

    def test_no_credentials_make_no_file(self, run: Run) -> None:
        ran = run("sync", "models.db", "--private")
        assert (ran.code, ran.err[:22]) == (2, "Error: no credentials:")
        assert not Path("models.db").exists()

    @pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (500, 4)])
    def test_a_scope_that_fails_leaves_the_others_finished(
        self, ask: Run, sandbox: Sandbox, status: int, code: int
    ) -> None:
        sandbox.faults.add(ServerError(status), times=None, when=of_private_models)
        ran = ask("sync", "models.db", "--private", "--public", "--max-retries", "0", "--json")
        assert (ran.code, ran.err.count("\n")) == (code, 1)
        assert ran.err.startswith("Error: GET /models")
        assert "(while syncing the scope 'private'; request sandbox-" in ran.err
        private, public = ran.report()["scopes"]
        assert (private["complete"], private["new"]) == (False, 0)
        assert (public["complete"], public["new"]) == (True, PUBLIC)
        table = ask("sync", "models.db", "--private", "--max-retries", "0").out.decode()
        assert "private  broke off" in table

    def test_how_long_the_service_asks_to_wait_is_said(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(RateLimited(retry_after=3_600), times=None)
        ran = ask("sync", "models.db", "--private", "--max-retries", "0")
        assert ran.code == 4
        assert "; the service asks to wait 3,600 s; request sandbox-" in ran.err

    def test_a_store_that_cannot_be_made_is_one_sentence(self, ask: Run) -> None:
        ran = ask("sync", "nowhere/models.db", "--private")
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, b"", 1)
        assert ran.err.startswith("Error: nowhere/models.db: there is no folder")

    def test_another_run_at_work_is_said_or_waited_for(
        self, ask: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(sqlite3.connect("models.db-lock")) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            ran = ask("sync", "models.db", "--private")
            assert (ran.code, ran.out) == (1, b"")
            assert ran.err == (
                "Error: models.db: another run is at work on it; --wait waits for its end\n"
            )

            async def until_it_ends(_: float) -> None:
                lock.rollback()
                await anyio.lowlevel.checkpoint()

            monkeypatch.setattr(anyio, "sleep", until_it_ends)
            assert ask("sync", "models.db", "--private", "--wait", "--json").code == 0

    def test_verbose_logs_requests(self, ask: Run) -> None:
        ran = ask("sync", "models.db", "--private", "--verbose")
        assert ran.code == 0
        assert "answered with 200" in ran.err


class TestWatch:
    @pytest.fixture
    def between(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What to do in the pauses, one after the other; then Ctrl-C."""
        actions: list[Any] = []
        sleep = anyio.sleep

        async def pause(seconds: float) -> None:
            if seconds != 300:
                await sleep(seconds)
            elif actions:
                actions.pop(0)()
            else:
                raise asyncio.CancelledError

        monkeypatch.setattr(anyio, "sleep", pause)
        return actions

    def watched(self, ask: Run, *options: str) -> Ran:
        options = ("--private", "--watch", "5m", "--max-retries", "0", *options)
        return ask("sync", "models.db", *options)

    def test_runs_follow_each_other_until_ctrl_c(self, ask: Run, between: list[Any]) -> None:
        between += [lambda: None, lambda: None]
        before = datetime.now(UTC)
        ran = self.watched(ask, "--json")
        assert ran.code == 130
        assert re.fullmatch(
            f"{TIME} Interrupted: what was listed is kept; the same command goes on from there.\n",
            ran.err,
        )
        times = [json.loads(line)["finished_at"] for line in ran.out.splitlines()]
        assert timedelta() <= datetime.fromisoformat(times[0]) - before.replace(microsecond=0)
        assert all(re.fullmatch(TIME, time) for time in times)
        assert [json.loads(line)["run"] for line in ran.out.splitlines()] == [1, 2, 3]

    def test_a_failure_of_a_later_run_is_said_and_the_watching_goes_on(
        self, ask: Run, sandbox: Sandbox, between: list[Any]
    ) -> None:
        between += [lambda: sandbox.faults.add(NotJSON(), times=None), sandbox.faults.clear]
        ran = self.watched(ask, "--json")
        runs = [json.loads(line)["scopes"][0]["complete"] for line in ran.out.splitlines()]
        assert runs == [True, False, True]
        said = ran.err.splitlines()
        assert re.match(f"{TIME} Error: the service did not answer with a page of models", said[0])
        assert said[0].endswith("; the next run is in 300 s")
        assert len(said) == 2

    def test_each_run_is_one_line_of_a_log_with_the_time(
        self, ask: Run, sandbox: Sandbox, between: list[Any]
    ) -> None:
        between += [
            lambda: sandbox.faults.add(ServerError(503), times=None, when=of_private_models),
            sandbox.faults.clear,
            lambda: sandbox.faults.add(BadRow("wrong-type"), times=None),
        ]
        ran = self.watched(ask, "--public", "--full")
        first, second, third, fourth = ran.out.decode().splitlines()
        assert re.fullmatch(
            f"{TIME} run 1: {PRIVATE + PUBLIC} new, 0 changed, 0 unchanged, 0 deleted, "
            r"0 rejected, \d+ requests, \d+\.\d s \(private full, public full\)",
            first,
        )
        assert second.endswith("(private broke off, public full)")
        assert " run 3: 0 new, " in third
        assert re.search(r", [1-9]\d* rejected, ", fourth)
        assert len(ran.err.splitlines()) == 2  # the error of the second run, and the end
        assert re.match(f"{TIME} Error: ", ran.err)

    @pytest.mark.usefixtures("between")
    def test_messages_of_the_next_command_have_no_time(self, ask: Run) -> None:
        self.watched(ask)
        assert ask("status", "nothing.db").err.startswith("Error: ")

    def test_another_run_at_work_may_pass_as_well(self, ask: Run, between: list[Any]) -> None:
        with closing(sqlite3.connect("models.db-lock", isolation_level=None)) as lock:
            between += [lambda: lock.execute("BEGIN EXCLUSIVE"), lambda: lock.execute("ROLLBACK")]
            ran = self.watched(ask)
        assert len(ran.out.splitlines()) == 2
        assert "another run is at work on it; the next run is in 300 s" in ran.err

    def test_a_first_run_that_fails_ends_it(
        self, ask: Run, sandbox: Sandbox, between: list[Any]
    ) -> None:
        between.append(lambda: None)
        sandbox.faults.add(ServerError(401), times=None)
        assert self.watched(ask).code == 3
        assert len(between) == 1


class TestStatus:
    def test_it_says_what_there_is_and_what_was_done(self, ask: Run, sandbox: Sandbox) -> None:
        ask("sync", "models.db", "--private", "--public")
        sandbox.faults.add(ServerError(500), times=None)
        ask("sync", "models.db", "--private", "--max-retries", "0")
        ran = ask("status", "models.db")
        assert (ran.code, ran.err) == (0, "")
        text = ran.out.decode()
        words = [line.split() for line in text.splitlines()]
        assert words[1:6] == [
            ["models", str(PRIVATE + PUBLIC)],
            ["private", str(PRIVATE)],
            ["public", str(PUBLIC)],
            ["deleted", "0"],
            ["rejected", "0"],
        ]
        assert [line[0] for line in words[7:]] == ["Run", "2", "1", "Run"]
        assert "failed" in words[8]
        assert "finished" in words[9]
        assert words[10][:4] == ["Run", "2:", "GET", "/models"]

    def test_it_can_be_json(self, ask: Run) -> None:
        ask("sync", "models.db", "--private")
        status = json.loads(ask("status", "models.db", "--json").out)
        assert (status["models"], status["scopes"]) == (PRIVATE, {"private": PRIVATE})
        assert [run["status"] for run in status["runs"]] == ["finished"]
        assert status["runs"][0]["report"]["new"] == PRIVATE

    def test_it_fails_where_no_run_has_finished_for_too_long(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        ask("sync", "models.db", "--private")
        sandbox.faults.add(ServerError(500), times=None)
        ask("sync", "models.db", "--private", "--max-retries", "0")
        assert (ran := ask("status", "models.db", "--max-age", "1d")).code == 0
        late = ask("status", "models.db", "--max-age", "0.001")
        assert (late.code, late.out) == (1, ran.out)
        assert re.fullmatch(f"Error: no run has finished since {TIME}\n", late.err)
        assert ask("status", "models.db", "--max-age", "soon").code == 2
        with closing(sqlite3.connect("models.db")) as database, database:
            database.execute("DELETE FROM runs WHERE status = 'finished'")
        none = ask("status", "models.db", "--max-age", "1d", "--json")
        assert (none.code, none.err) == (1, "Error: none of the last runs has finished\n")
        assert json.loads(none.out)["models"] == PRIVATE

    def test_a_store_without_runs_has_no_table_of_them(self, run: Run) -> None:
        make_store()
        assert len(run("status", "models.db").out.splitlines()) == 4

    @pytest.mark.parametrize("arguments", ["status none.db", "export none.db models.csv"])
    def test_no_store_is_a_clear_error_and_none_is_made(self, run: Run, arguments: str) -> None:
        ran = run(*arguments.split())
        assert (ran.code, ran.out) == (1, b"")
        assert ran.err == "Error: none.db: there is no such file; a sync makes one\n"
        assert list(Path.cwd().iterdir()) == []


class TestExport:
    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("scenario_async.sync._export.file._BATCH_MODELS", 50)

    @pytest.fixture
    def stored(self, ask: Run) -> list[StoredModel]:
        """The models of a store, some of them with details."""
        assert ask("sync", "models.db", "--private", "--public").code == 0
        with closing(sqlite3.connect("models.db")) as database, database:
            database.execute("""
                UPDATE models SET details_hash = content_hash,
                details = '{"id":"' || id || '",' || char(10) || '"inputs":[]}'
                WHERE substr(id, -1) < '5'
                """)
            database.execute("UPDATE models SET name = 'a \"b\",' || char(10) || 'c' LIMIT 1")

        async def read() -> list[StoredModel]:
            async with CatalogStore.open("models.db") as store:
                return [model async for model in store.models()]

        models = asyncio.run(read())
        assert {model.details is None for model in models} == {True, False}
        return models

    def test_json_has_the_records_as_they_were_sent(
        self, ask: Run, stored: list[StoredModel]
    ) -> None:
        sent = [(model.details or model.record).replace("\n", "").encode() for model in stored]
        ran = ask("export", "models.db", "models.jsonl")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == b"180 models in models.jsonl\n"
        assert Path("models.jsonl").read_bytes().splitlines() == sent
        ask("export", "models.db", "models.JSON")
        assert Path("models.JSON").read_bytes() == b"[\n" + b",\n".join(sent) + b"\n]\n"

    def test_csv_has_a_column_for_each_field(self, ask: Run, stored: list[StoredModel]) -> None:
        ask("export", "models.db", "models.csv")
        text = Path("models.csv").read_bytes().decode()
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert tuple(header) == STORED.columns
        assert len(rows) == len(stored)
        for row, model in zip(rows, stored, strict=True):
            values = dict(zip(header, row, strict=True))
            assert (values["id"], values["name"]) == (model.id, model.name)
            assert values["tags"] == ",".join(model.tags or [])
            at = model.created_at
            assert (values["created_at"] == "") == (at is None)
            assert at is None or datetime.fromisoformat(values["created_at"]) == at
            assert values["deleted_at"] == ""

    def test_formulas_are_text_where_that_is_wanted(self, ask: Run, changing: Catalogue) -> None:
        changing.add(name="=1+1", tags=["@SUM(A1)"], privacy="private")
        ask("sync", "models.db", "--private")
        ask("export", "models.db", "models.csv")
        assert ",=1+1," in Path("models.csv").read_text("utf-8")
        assert ask("export", "models.db", "models.csv", "--csv-safe").code == 0
        assert ",'=1+1," in (text := Path("models.csv").read_text("utf-8"))
        assert ",'@SUM(A1)," in text
        ran = ask("export", "models.db", "-", "--format", "csv", "--csv-safe")
        assert ran.out.decode() == text

    @pytest.mark.usefixtures("stored")
    @pytest.mark.parametrize("arguments", ["models.json", "models.parquet", "- --format jsonl"])
    def test_only_csv_can_be_safe(self, ask: Run, arguments: str) -> None:
        ran = ask("export", "models.db", *arguments.split(), "--csv-safe")
        assert ran.code == 2
        assert "--csv-safe is for CSV" in ran.err

    def test_parquet_has_lists_times_and_records(self, ask: Run, stored: list[StoredModel]) -> None:
        assert ask("export", "models.db", "models.parquet").code == 0
        table: Any = parquet.read_table("models.parquet")
        assert table.to_pylist() == [msgspec.structs.asdict(model) for model in stored]
        kinds = {field.name: str(field.type) for field in table.schema}
        assert kinds["tags"].startswith("list<")
        assert kinds["created_at"] == "timestamp[ms, tz=UTC]"
        assert kinds["record"] == kinds["details"] == "string"

    @pytest.mark.usefixtures("stored")
    @pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
    def test_standard_output_gets_what_a_file_would(self, ask: Run, form: str) -> None:
        ran = ask("export", "models.db", "-", "--format", form)
        assert (ran.code, ran.err) == (0, "")
        ask("export", "models.db", f"models.{form}")
        assert ran.out == Path(f"models.{form}").read_bytes()

    def test_filters_and_the_format_can_be_given(self, ask: Run, stored: list[StoredModel]) -> None:
        options = ("--privacy", "private", "--status", "trained", "--format", "jsonl")
        ask("export", "models.db", "models.txt", *options)
        ids = [json.loads(line)["id"] for line in Path("models.txt").read_bytes().splitlines()]
        assert ids == [m.id for m in stored if (m.privacy, m.status) == ("private", "trained")]
        assert 0 < len(ids) < PRIVATE
        ran = ask("export", "models.db", "-", "--format", "csv", "--scope", "public")
        assert len(list(csv.reader(io.StringIO(ran.out.decode())))) == PUBLIC + 1

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            (("--tag", "y"), ["one"]),
            (("--tag", "x", "--tag", "y"), ["one", "two"]),
            (("--tag", "X", "--tag", "y"), ["one"]),
            (("--type", "kind"), ["one", "two"]),
            (("--collection", "c1"), ["two"]),
            (("--type", "kind", "--with-deleted"), ["gone", "one", "two"]),
            (("--type", "custom"), []),
            (("--type", "none", "--allow-empty"), []),
        ],
    )
    def test_each_filter_does_what_it_says(
        self, run: Run, options: tuple[str, ...], names: list[str]
    ) -> None:
        make_store()
        with closing(sqlite3.connect("models.db")) as database, database:
            for name, tags, collections, deleted in (
                ("gone", "[]", "[]", "2026-01-02T03:04:05.678Z"),
                ("one", '["x","y"]', "[]", None),
                ("two", '["x"]', '["c1"]', None),
            ):
                database.execute(
                    "INSERT INTO models (id, type, tags, collection_ids, deleted_at,"
                    " first_seen_at, content_hash, record)"
                    " VALUES (?, 'kind', ?, ?, ?, '2026-01-01T00:00:00.000Z', '', ?)",
                    (name, tags, collections, deleted, json.dumps({"id": name})),
                )
        ran = run("export", "models.db", "-", "--format", "json", *options)
        assert [record["id"] for record in json.loads(ran.out)] == names

    @pytest.mark.usefixtures("stored")
    @pytest.mark.parametrize("name", ["models.csv", "-"])
    @pytest.mark.parametrize(
        ("filters", "sentence"),
        [
            (("--scope", "privat"), "the store has no scope 'privat'; it has 'private', 'public'"),
            (("--scope", "collection:c"), "the store has no scope 'collection:c'; it has 'pri"),
            (("--status", ""), "--status is empty: give a value, or leave it out"),
            (
                ("--status", "traned"),
                "no model of the store has --status traned; did you mean 'trained'?",
            ),
            (("--type", "custm"), "no model of the store has --type custm; did you mean 'custom'?"),
            (("--tag", "odd one"), "no model of the store has --tag odd one\n"),
            (("--collection", "c"), "no model of the store has --collection c\n"),
        ],
    )
    def test_a_filter_that_nothing_can_fit_replaces_no_file(
        self, ask: Run, name: str, filters: tuple[str, str], sentence: str
    ) -> None:
        Path("models.csv").write_text("old")
        ran = ask("export", "models.db", name, "--format", "csv", *filters)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
        assert ran.err.startswith(f"Error: {sentence}")
        assert Path("models.csv").read_text(encoding="utf-8") == "old"

    @pytest.mark.usefixtures("stored")
    def test_nothing_replaces_no_file_unless_that_is_wanted(self, ask: Run) -> None:
        Path("models.csv").write_text("old")
        options = ("export", "models.db", "models.csv", "--privacy", "unlisted")
        ran = ask(*options)
        assert (ran.code, ran.out) == (1, b"")
        assert ran.err == (
            "Error: no model of the store fits: 'models.csv' stays as it is; "
            "--allow-empty replaces it\n"
        )
        assert [path.name for path in Path.cwd().glob("*csv*")] == ["models.csv"]
        assert Path("models.csv").read_text(encoding="utf-8") == "old"
        for more in (("--allow-empty",), ()):  # what is empty already may be so again
            assert ask(*options, *more).out == b"0 models in models.csv\n"
            assert Path("models.csv").read_text(encoding="utf-8").count("\n") == 1

    @pytest.mark.usefixtures("stored")
    def test_a_new_file_is_its_owners_alone_to_read(self, ask: Run) -> None:
        before = os.umask(0)
        try:
            assert ask("export", "models.db", "models.csv").code == 0
        finally:
            os.umask(before)
        assert Path("models.csv").stat().st_mode & 0o777 == 0o600

    async def test_a_scope_without_models_is_one(self, tmp_path: Path) -> None:
        async with (
            Sandbox(Catalogue()) as sandbox,
            AsyncScenario(
                api_key=sandbox.api_key, api_secret=sandbox.api_secret, base_url=sandbox.base_url
            ) as scenario,
            CatalogStore.open(tmp_path / "models.db") as store,
        ):
            with pytest.raises(ValueError, match="no scope 'public'; it has none yet"):
                await export(store, tmp_path / "models.csv", scope="public")
            await sync_models(scenario, store, scopes=["public"])
            assert await export(store, str(tmp_path / "models.csv"), scope="public") == 0

    @pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "json"])
    async def test_an_empty_store_makes_a_valid_file(self, tmp_path: Path, form: Any) -> None:
        async with CatalogStore.open(tmp_path / "models.db") as store:
            assert await export(store, tmp_path / "out", format=form) == 0
        data = (tmp_path / "out").read_bytes()
        if form == "parquet":
            assert parquet.read_table(io.BytesIO(data)).num_rows == 0
        else:
            header = (",".join(STORED.columns) + "\n").encode()
            assert data == {"csv": header, "jsonl": b"", "json": b"[]\n"}[form]

    async def test_only_a_batch_is_read_ahead(self) -> None:
        read = 0

        async def models() -> AsyncGenerator[StoredModel, None]:
            nonlocal read
            for number in range(500):
                read += 1
                yield stored_model(f"model_{number}")

        parts = encoded(models(), "jsonl")
        assert (await anext(parts))[0] == read == 50
        await parts.aclose()

    @pytest.mark.usefixtures("stored")
    def test_an_older_file_is_replaced_and_keeps_its_mode(self, ask: Run) -> None:
        Path("models.csv").write_text("old")
        Path("models.csv").chmod(0o640)
        Path("link.csv").symlink_to("models.csv")
        assert ask("export", "models.db", "link.csv").code == 0
        assert Path("link.csv").is_symlink()
        assert Path("models.csv").stat().st_mode & 0o777 == 0o640
        assert Path("models.csv").read_text(encoding="utf-8").startswith("id,name")

    @pytest.mark.usefixtures("stored")
    @pytest.mark.parametrize("name", ["models.db", "link.csv", "folder/../models.db", *OWN])
    def test_the_store_itself_is_not_replaced(self, ask: Run, name: str) -> None:
        Path("folder").mkdir()
        Path("link.csv").symlink_to("models.db")
        before = {path: path.read_bytes() for path in Path.cwd().glob("models.db*")}
        ran = ask("export", "models.db", name, "--format", "csv")
        assert (ran.code, ran.out) == (1, b"")
        assert ran.err == (
            f"Error: cannot write '{name}': it is a file of the store itself; name another one\n"
        )
        assert {path: path.read_bytes() for path in Path.cwd().glob("models.db*")} == before

    @pytest.mark.parametrize("what", ["database", "cancelled"])
    async def test_a_file_that_stays_behind_hides_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        failure: BaseException = asyncio.CancelledError()
        if what == "database":
            failure = StoreError("the disk is gone")

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "unlink", refused)
        with pytest.raises(type(failure)):
            async with Replacement(tmp_path / "models.csv"):
                raise failure

    @pytest.mark.parametrize("what", ["disk", "database", "cancelled"])
    async def test_a_failure_leaves_the_older_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        reached = asyncio.Event()

        async def failing(_: CatalogStore, **__: object) -> AsyncGenerator[StoredModel, None]:
            for number in range(60):
                yield stored_model(f"model_{number}")
            assert len(list(folder.iterdir())) == 2
            if what == "cancelled":
                reached.set()
                await anyio.sleep_forever()
            elif what == "database":
                raise StoreError("the disk is gone")

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(CatalogStore, "models", failing)
        if what == "disk":
            monkeypatch.setattr("scenario_async.sync._export.replacement.os.fsync", full)
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "models.csv").write_text("old")
        async with CatalogStore.open(tmp_path / "models.db") as store:
            exporting = asyncio.create_task(export(store, folder / "models.csv"))
            if what == "cancelled":
                await reached.wait()
                exporting.cancel()
            errors = {
                "disk": ExportError,
                "database": StoreError,
                "cancelled": asyncio.CancelledError,
            }
            with pytest.raises(errors[what]):
                await exporting
        assert [path.name for path in folder.iterdir()] == ["models.csv"]
        assert (folder / "models.csv").read_text() == "old"

    @pytest.mark.usefixtures("stored")
    @pytest.mark.parametrize(
        ("arguments", "code", "sentence"),
        [
            ("models.txt", 2, "'models.txt' ends in none of .json, .jsonl, .csv, .parquet: "),
            ("models", 2, "'models' ends in none of .json, .jsonl, .csv, .parquet: "),
            ("-", 2, "standard output has no suffix: add --format json, jsonl or csv"),
            ("- --format parquet", 2, "parquet needs a file: "),
            (
                "nowhere/models.csv",
                1,
                "cannot write 'nowhere/models.csv': there is no folder",
            ),
            ("folder.csv", 1, "cannot write 'folder.csv': it is a folder; name a file in it"),
            ("new/ --format csv", 1, "cannot write 'new/': this names a folder; name a file in"),
            ("/dev/stdout --format csv", 1, "cannot write '/dev/stdout': it is not a file"),
            ("/dev/null --format csv", 1, "cannot write '/dev/null': it is not a file"),
        ],
    )
    def test_what_cannot_be_written_is_one_sentence(
        self, ask: Run, arguments: str, code: int, sentence: str
    ) -> None:
        Path("folder.csv").mkdir()
        ran = ask("export", "models.db", *arguments.split())
        assert (ran.code, ran.out, ran.err.count("\n")) == (code, b"", 1)
        assert ran.err.startswith(f"Error: {sentence}")

    async def test_an_unknown_format_is_named(self, tmp_path: Path) -> None:
        unknown: Any = "xml"
        async with CatalogStore.open(tmp_path / "models.db") as store:
            with pytest.raises(
                ValueError, match="no format 'xml'; there are json, jsonl, csv, parquet"
            ):
                await export(store, tmp_path / "models.xml", format=unknown)
        assert not (tmp_path / "models.xml").exists()

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    pytestmark = pytest.mark.anyio


class TestExtras:
    @pytest.mark.parametrize("arguments", ["sync models.db --public", "status x", "export x y.csv"])
    @pytest.mark.parametrize("module", ["sqlalchemy", "aiosqlite", "greenlet", "xxhash"])
    def test_what_the_store_needs_is_said(
        self,
        ask: Run,
        monkeypatch: pytest.MonkeyPatch,
        forget_modules: Callable[[str], None],
        arguments: str,
        module: str,
    ) -> None:
        forget_modules("scenario_async.sync")
        monkeypatch.setitem(sys.modules, module, None)
        ran = ask(*arguments.split())
        assert (ran.code, ran.out) == (2, b"")
        assert (
            ran.err
            == f"Error: scenario_async.sync needs {module}: pip install 'scenario-async[sync]'\n"
        )

    def test_what_a_sync_needs_is_said_before_anything_else(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, forget_modules: Callable[[str], None]
    ) -> None:
        forget_modules("scenario_async.sync")
        monkeypatch.setitem(sys.modules, "sqlalchemy", None)
        # Neither scopes nor credentials, and another wrong option.
        ran = run("sync", "models.db", "--sandbox-models", "5")
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "pip install 'scenario-async[sync]'" in ran.err

    def test_what_parquet_needs_is_said(self, ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        ask("sync", "models.db", "--public")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        ran = ask("export", "models.db", "models.parquet")
        assert (ran.code, ran.out) == (2, b"")
        assert "pip install 'scenario-async[export]'" in ran.err
        assert ask("export", "models.db", "models.csv").code == 0

    def test_another_absence_is_not_hidden(self, ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "scenario_async.sync", None)
        ran = ask("status", "models.db")
        assert (ran.code, ran.err[:21]) == (1, "Error: this is a bug:")

    def test_the_other_commands_need_no_database(self) -> None:
        program = (
            "import sys\n"
            "from scenario_async import cli\n"
            "code = cli.main(['list', 'public', '--sandbox', '--limit', '3'])\n"
            "print(code, {'sqlalchemy', 'aiosqlite', 'pyarrow'} & set(sys.modules))\n"
        )
        ran = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert ran.stdout.splitlines()[-1] == "0 set()"


def stored_model(model_id: str) -> StoredModel:
    fields: dict[str, Any] = dict.fromkeys(StoredModel.__struct_fields__)
    fields |= {"id": model_id, "record": f'{{"id":"{model_id}"}}'}
    return StoredModel(**fields)


class TestWords:
    def report(self, **counts: Any) -> ScopeReport:
        fields: dict[str, Any] = {"scope": "private", **counts}
        return ScopeReport(**fields)

    def record(self, **fields: Any) -> RunRecord:
        started_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        more: dict[str, Any] = {"finished_at": None, "report": None, "error": None, **fields}
        return RunRecord(id=7, started_at=started_at, **more)

    @pytest.mark.parametrize(
        ("counts", "total", "words"),
        [
            ({}, None, "0 models, 0 pages, 0:10"),
            ({"new": 1, "pages": 1}, None, "1 model, 1 page, 0/s, 0:10"),
            ({"new": 900, "unchanged": 100}, 4000, "1,000 models, 0 pages, 100/s, 0:10, 0:30 left"),
            ({"new": 9, "complete": True}, 9, "9 models, 0 pages, 1/s, 0:10"),
            ({"retries": 1, "rejected": 2}, None, "0 models, 0 pages, 2 rejected, 1 retry, 0:10"),
            ({"retries": 3, "details": 5}, None, "0 models, 0 pages, 5 in full, 3 retries, 0:10"),
            ({"error": "x"}, 50, "0 models, 0 pages, 0:10, broke off"),
        ],
    )
    def test_progress_says_what_is_known(
        self, counts: dict[str, Any], total: float | None, words: str
    ) -> None:
        assert progress_words(self.report(**counts), total, 10.0) == words

    def test_a_single_scope_needs_no_sum_and_has_a_column_of_details_if_it_has_some(self) -> None:
        report = SyncReport(run=1, details=3, scopes=[self.report(details=3, complete=True)])
        title, line = summary_lines(report, width=None)
        assert title.split()[7] == "Details"
        assert line.split()[7] == "3"

    @pytest.mark.parametrize("scope", ["private", "public:collection:collection_0123456789"])
    @pytest.mark.parametrize("width", [120, 80, 60, 40, 20])
    def test_tables_fit_the_terminal_and_no_title_is_cut(self, width: int, scope: str) -> None:
        one = self.report(scope=scope, new=1_234_567, rejected=3, complete=True)
        report = SyncReport(run=1, scopes=[one, one], new=2_469_134)
        run = self.record(status="finished", scopes=[scope, "public"], report=report)
        for lines in (summary_lines(report, width=width), run_lines([run], width=width)):
            plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
            assert max(map(len, plain)) <= width
            assert set(plain[0].split()) <= {
                *("Scope", "Run", "New", "Changed", "Unchanged", "Deleted", "Rejected", "Pages"),
                *("Requests", "Retries", "Seconds", "Started", "(UTC)", "Status", "Scopes"),
            }
        if width >= 80:
            assert "Rejected" in "".join(summary_lines(report, width=width))

    def test_a_run_that_was_killed_has_no_counts(self) -> None:
        record = self.record(status="interrupted", scopes=["private"])
        assert run_lines([record], width=None)[1].split() == [
            *("7", "2026-01-02", "03:04", "interrupted", "private")
        ]
