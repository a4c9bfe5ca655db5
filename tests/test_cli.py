"""The command line inside this process: every option, every exit code, every sentence."""

from __future__ import annotations

import errno
import inspect
import itertools
import json
import logging
import os
import re
import shlex
import sys
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncclick as click
import pytest

from scenario_async import AsyncScenario, Models
from scenario_async._argument_errors import ArgumentError, InPython, Parameter
from scenario_async._formats import printable
from scenario_async.cli._options import StrictCommand
from scenario_async.cli._output.messages import option_names
from scenario_async.cli._program import command
from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    Dropped,
    IgnoredBounds,
    NotJSON,
    RepeatedToken,
    Sandbox,
    ServerError,
)
from scenario_async.sandbox._answers import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from support.command_line import Run

    from scenario_async.sandbox import Fault

SECRET = "invented-secret-4f1c"
PUBLIC, PRIVATE = 40, 620


@pytest.fixture(scope="module")
def running_sandbox() -> Generator[Sandbox]:
    catalogue = Catalogue.seeded(public=PUBLIC, private=PRIVATE, unlisted=5)
    with Sandbox(catalogue, api_secret=SECRET).in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


def subcommand(*names: str) -> click.Command:
    found: click.Command = command
    for name in names:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return found


def all_commands(*names: str) -> list[tuple[str, ...]]:
    """What is written for each command and each group of them, from this one downwards."""
    found = subcommand(*names)
    inner = list(found.commands) if isinstance(found, click.Group) else []
    return [names, *(each for name in inner for each in all_commands(*names, name))]


SCOPES: dict[str, Callable[..., object]] = {
    "private": Models.private,
    "unlisted": Models.private,  # `Models.list` takes what the others do as well
    "public": Models.public,
    "collection": Models.collection,
}


class TestOptions:
    # What a program needs and a command line does not; `limit` is the API's name for page_size, and
    # `max_concurrency` is an option of the connection.
    NO_FILTERS = frozenset(
        {"self", "collection_id", "more", "pagination_token", "limit", "type", "on_invalid"}
        | {"strategy", "max_concurrency", "extra_headers", "extra_query", "extra_body", "timeout"}
    )
    NO_PARAMETERS = frozenset(
        {
            "format_",
            "csv_safe",
            "limit",
            "on_invalid",
            "quiet",
            "base_url",
            "public_access",
            "timeout",
        }
        | {"max_retries", "max_concurrency", "rate", "sandbox", "sandbox_models"}
        | {"verbose"}
    )

    @pytest.mark.parametrize("scope", SCOPES)
    def test_each_filter_of_a_scope_is_an_option_and_no_other_is(self, scope: str) -> None:
        parameters = set(inspect.signature(SCOPES[scope]).parameters) - self.NO_FILTERS
        if scope == "collection":
            parameters.add("collection_ids")
        options = {str(p.name) for p in subcommand("list", scope).params} - self.NO_PARAMETERS
        assert options == parameters

    @pytest.mark.parametrize("names", all_commands(), ids=" ".join)
    def test_each_option_says_what_it_does(self, names: tuple[str, ...]) -> None:
        for parameter in subcommand(*names).params:
            if isinstance(parameter, click.Option):
                assert (parameter.help or "").rstrip().endswith("."), parameter.name

    @pytest.mark.parametrize("name", ["max_retries", "max_concurrency"])
    def test_defaults_are_those_of_the_client(self, name: str) -> None:
        defaults = {p.name: p.default for p in subcommand("list", "private").params}
        assert defaults[name] == inspect.signature(AsyncScenario).parameters[name].default

    @pytest.mark.parametrize("names", all_commands(), ids=" ".join)
    def test_help_fits_a_terminal_and_has_no_option_for_a_secret(
        self, run: Run, names: tuple[str, ...]
    ) -> None:
        ran = run(*names, "--help")
        assert (ran.code, ran.err) == (0, "")
        text = ran.out.decode()
        assert max(map(len, text.splitlines())) <= 80
        assert not [word for word in ("--api-key", "--api-secret", "--jwt") if word in text]
        assert "..." not in text.partition("\n\n")[2]  # one line is enough for each command

    @pytest.mark.parametrize("names", all_commands(), ids=" ".join)
    def test_help_ends_with_examples_that_are_right(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
    ) -> None:
        parsed: list[str] = []

        async def note(_: StrictCommand, ctx: click.Context) -> None:
            parsed.append(ctx.command_path)

        monkeypatch.setattr(StrictCommand, "invoke", note)
        lines = run(*names, "--help").out.decode().partition("\nExamples:\n")[2].splitlines()
        assert len(lines) >= 2
        for line in lines:
            own = itertools.takewhile(lambda word: word not in {"|", ">"}, shlex.split(line))
            ran = run(*list(own)[1:])
            assert (line, ran.code, ran.err) == (line, 0, "")
        path = " ".join(("scenario-async", *names))
        assert len(parsed) == len(lines)
        assert all(one.startswith(path) for one in parsed)

    def test_help_has_the_options_by_sections_in_the_same_columns(self, run: Run) -> None:
        _, *sections = re.split(
            r"^(\S.*):\n", run("list", "private", "--help").out.decode(), flags=re.MULTILINE
        )
        titles = dict(zip(sections[::2], sections[1::2], strict=True))
        options = {
            title: re.findall(r"^  (-\S+)", text, re.MULTILINE) for title, text in titles.items()
        }
        assert list(titles)[:5] == [
            *("Which models", "In which order", "Output", "Requests", "Without an account")
        ]
        assert options["Without an account"] == ["--public-access", "--sandbox", "--sandbox-models"]
        assert options["Output"][-2:] == ["--quiet", "--verbose"]
        assert options["Other options"] == ["-h,"]
        columns = {
            len(found[0])
            for title in options
            for found in re.finditer(r"^  -(?:\S| (?! ))+ {2,}", titles[title], re.MULTILINE)
        }
        assert len(columns) == 1

    def test_the_version_is_that_of_the_package(self, run: Run) -> None:
        ran = run("--version")
        assert ran.out.decode().split() == ["scenario-async", cli_version()]

    @pytest.mark.parametrize(
        ("arguments", "sent"),
        [
            ("private --status trained", {"privacy": "private", "status": "trained"}),
            ("private --sort-by createdAt --sort-direction asc", {"sortDirection": "asc"}),
            ("private --created-after 2026-01-01", {"createdAfter": "2026-01-01T00:00:00.000Z"}),
            ("private --created-before 2026-01-01T01:00+01:00", {"sortBy": "createdAt"}),
            ("private --project-id proj_1", {"projectId": "proj_1"}),
            ("private --loaded-only --original-assets", {"loadedOnly": "true"}),
            ("unlisted --status failed", {"privacy": "unlisted", "status": "failed"}),
            ("private --blacklisted", {"blacklisted": "true"}),
            ("private --page-size 7", {"pageSize": "7"}),
            ("public --tag a --tag b", {"privacy": "public", "tags": "a,b"}),
            ("public --type custom", {"types": "custom"}),
            ("public --updated-after 2026-01-01", {"sortBy": "updatedAt"}),
            ("public --updated-before 2026-01-01", {"updatedBefore": "2026-01-01T00:00:00.000Z"}),
            ("public --collection c1 --collection c2", {"collectionIds": "c1,c2"}),
            ("collection c1", {"collectionId": "c1", "privacy": "private"}),
            ("collection c1 --privacy unlisted", {"collectionId": "c1", "privacy": "unlisted"}),
            ("collection c1 c2 --privacy public", {"collectionIds": "c1,c2", "privacy": "public"}),
        ],
    )
    def test_options_reach_the_service(
        self, ask: Run, sandbox: Sandbox, arguments: str, sent: dict[str, str]
    ) -> None:
        ran = ask("list", *arguments.split(), "--limit", "3")
        assert ran.err == ""
        query = sandbox.requests[0].query
        assert {name: query.get(name) for name in sent} == sent

    @pytest.mark.parametrize("names", [("list", "public"), ("get",), ("sync",)], ids=" ".join)
    def test_the_rate_is_one_of_every_command_that_asks(self, names: tuple[str, ...]) -> None:
        assert "rate" in {parameter.name for parameter in subcommand(*names).params}

    def test_the_rate_is_in_requests_a_minute(
        self, ask: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[float | None] = []

        def note(**options: float | None) -> AsyncScenario:
            given.append(options["requests_per_second"])
            return AsyncScenario(**options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

        monkeypatch.setattr("scenario_async.AsyncScenario", note)
        assert ask("list", "public", "--limit", "1", "--rate", "90").code == 0
        assert ask("list", "public", "--limit", "1").code == 0
        assert given == [1.5, None]

    def test_a_listing_of_the_public_route_begins_at_a_row(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        arguments = ("--offset", "3", "--limit", "3", "--format", "jsonl")
        ran = ask("list", "public", "--route", "public", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert ran.ids() == sandbox.catalogue.ids("public")[3:6]

    def test_what_is_not_given_is_not_sent(self, ask: Run, sandbox: Sandbox) -> None:
        ask("list", "private", "--page-size", "9", "--limit", "1")
        assert sandbox.requests[0].query == {"privacy": "private", "pageSize": "9"}


def cli_version() -> str:
    from scenario_async import __version__  # noqa: PLC0415 - the name would hide the test's own

    return __version__


class TestListing:
    def test_all_models_are_given_once_in_order(self, ask: Run, sandbox: Sandbox) -> None:
        ran = ask("list", "private", "--format", "jsonl")
        assert (ran.code, ran.err) == (0, "")
        assert sorted(ran.ids()) == sorted(sandbox.catalogue.ids("private"))

    @pytest.mark.parametrize("route", ["filter", "public"])
    def test_both_routes_give_all_public_models(
        self, ask: Run, sandbox: Sandbox, route: str
    ) -> None:
        ran = ask("list", "public", "--route", route, "--page-size", "7", "--format", "jsonl")
        assert ran.ids() == sandbox.catalogue.ids("public")

    def test_a_collection_gives_its_models(self, ask: Run, sandbox: Sandbox) -> None:
        collection = sandbox.catalogue.collection_ids[1]
        ran = ask("list", "collection", collection, "--format", "jsonl")
        assert sorted(ran.ids()) == sorted(sandbox.catalogue.ids(collection_id=collection))

    @pytest.mark.parametrize(
        ("limit", "size", "requests"),
        [
            *((1, None, 1), (3, None, 1), (500, None, 1), (501, None, 2), (620, None, 2)),
            *((20, 10, 2), (3, 2, 2), (9999, None, 2)),
        ],
    )
    def test_a_limit_costs_no_page_too_many(
        self, ask: Run, sandbox: Sandbox, limit: int, size: int | None, requests: int
    ) -> None:
        sized = () if size is None else ("--page-size", str(size))
        ran = ask("list", "private", "--format", "jsonl", "--limit", str(limit), *sized)
        assert len(ran.ids()) == min(limit, PRIVATE)
        assert len(sandbox.requests) == requests

    def test_a_limit_makes_pages_of_equal_size(self, ask: Run, sandbox: Sandbox) -> None:
        ask("list", "private", "--limit", "501")
        assert {request.query["pageSize"] for request in sandbox.requests} == {"251"}

    def test_a_bad_row_fails_after_the_good_ones(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(BadRow("wrong-type"))
        ran = ask("list", "public", "--format", "jsonl")
        assert (ran.code, len(ran.ids())) == (4, PUBLIC)
        assert "model_sandbox-bad-row-wrong-type" in ran.err
        assert ran.err.count("\n") == 1

    @pytest.mark.parametrize("limit", [(), ("--limit", "100")])
    def test_a_bad_row_can_be_skipped(
        self, ask: Run, sandbox: Sandbox, limit: tuple[str, ...]
    ) -> None:
        sandbox.faults.add(BadRow("wrong-type"))
        ran = ask("list", "public", "--format", "jsonl", "--on-invalid", "skip", *limit)
        assert (ran.code, len(ran.ids())) == (0, PUBLIC)
        assert ran.err.startswith("Skipped: model 'model_sandbox-bad-row-wrong-type' does not fit")
        assert ran.err.count("\n") == 1

    def test_a_listing_that_fails_leaves_no_valid_array(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(ServerError(500), after=1, times=None)
        ran = ask("list", "private", "--format", "json", "--page-size", "300", "--max-retries", "0")
        assert ran.code == 4
        with pytest.raises(json.JSONDecodeError):
            json.loads(ran.out)

    def test_verbose_logs_requests_to_standard_error(self, ask: Run) -> None:
        ran = ask("list", "public", "--format", "jsonl", "--verbose")
        assert len(ran.ids()) == PUBLIC
        assert "GET /models: attempt 1 answered with 200" in ran.err

    def test_verbose_leaves_no_log_behind(self, ask: Run) -> None:
        handlers = list(logging.getLogger("scenario_async").handlers)
        ask("list", "public", "--verbose")
        assert logging.getLogger("scenario_async").handlers == handlers
        assert ask("list", "public").err == ""


class TestGet:
    def test_one_model_is_an_object_with_its_inputs(self, ask: Run, sandbox: Sandbox) -> None:
        model_id = sandbox.catalogue.ids("private")[5]
        ran = ask("get", model_id)
        record = json.loads(ran.out)
        assert (ran.code, ran.err, record["id"]) == (0, "", model_id)
        assert record["inputs"]
        assert ran.out.startswith(b'{\n  "id": ')

    def test_several_models_are_an_array_in_the_order_asked_for(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        ids = sandbox.catalogue.ids("public")[:30:-3]
        assert [record["id"] for record in json.loads(ask("get", *ids).out)] == ids

    def test_jsonl_is_what_the_service_sent(self, ask: Run, sandbox: Sandbox) -> None:
        model_id = sandbox.catalogue.ids("public")[0]
        ran = ask("get", model_id, "--format", "jsonl")
        request = urllib.request.Request(  # noqa: S310 - the sandbox
            f"{sandbox.base_url}/models/{model_id}", headers={"Authorization": "public-auth-token"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the sandbox
            assert answer.read() == b'{"model":' + ran.out.removesuffix(b"\n") + b"}"

    def test_options_reach_the_service(self, ask: Run, sandbox: Sandbox) -> None:
        model_id = sandbox.catalogue.ids("public")[0]
        ask("get", model_id, "--original-assets", "--project-id", "proj_1")
        assert sandbox.requests[0].query == {"originalAssets": "true", "projectId": "proj_1"}

    def test_summaries_are_fifty_in_a_request(self, ask: Run, sandbox: Sandbox) -> None:
        ids = sandbox.catalogue.ids("private")[:120]
        ran = ask("get", *ids, "--summary", "--format", "jsonl")
        assert (ran.code, ran.err, ran.ids()) == (0, "", ids)
        assert [request.path for request in sandbox.requests] == ["/v1/models/get-bulk"] * 3

    @pytest.mark.parametrize("short", [(), ("--summary",)])
    def test_a_missing_model_ends_the_run_with_its_id(
        self, ask: Run, sandbox: Sandbox, short: tuple[str, ...]
    ) -> None:
        first, second = sandbox.catalogue.ids("public")[:2]
        ran = ask("get", first, "model_none", second, "--format", "jsonl", *short)
        assert (ran.code, ran.ids()) == (4, [first])
        sentence = "Error: there is no model 'model_none'"
        assert ran.err.startswith(sentence + ("\n" if short else " (request sandbox-"))

    def test_a_model_of_others_is_refused(self, ask: Run, sandbox: Sandbox) -> None:
        ran = ask("get", min(sandbox.catalogue.foreign_ids))
        assert (ran.code, ran.out) == (3, b"")

    @pytest.mark.parametrize("model_id", ["", " ", ".", "a,b"])
    def test_what_is_no_id_is_wrong_usage(self, ask: Run, sandbox: Sandbox, model_id: str) -> None:
        assert ask("get", model_id).code == 2
        assert len(sandbox.requests) == 0


@dataclass(frozen=True, slots=True)
class NoModels(NotJSON):
    """Answers with an empty page, whatever is asked."""

    def answer(self) -> Answer:
        return json_answer({"models": []})


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("private --sort-by score", "--sort-by score on private models needs --status"),
            ("private --sort-direction asc", "--sort-direction needs --sort-by: "),
            ("private --created-after x", "--created-after is not an ISO 8601 time: 'x'"),
            ("private --page-size 501", "--page-size must be from 1 to 500, not 501"),
            ("private --page-size 0", "--page-size must be from 1 to 500, not 0"),
            ("public --offset 0", "--offset needs --route public: "),
            ("public --tag a,b", "--tag has 'a,b': "),
            (
                "public --created-after 2026-01-01 --sort-by score",
                "--created-after needs --sort-by createdAt, not --sort-by score",
            ),
            (
                "public --created-before 2026-01-01 --updated-after 2026-01-01",
                "--created-before and --updated-after cannot be used together",
            ),
            ("public --tag \udce9", "an argument is not UTF-8"),
            ("collection a b", "several collections need --privacy public: "),
            ("collection a --tag x", "--tag needs --privacy public: "),
            ("collection a --privacy public --status new", "--status cannot be combined with --p"),
            ("private --base-url ftp://x", "--base-url (or SCENARIO_BASE_URL) must be"),
            ("private --sandbox-models 5", "--sandbox-models needs --sandbox"),
            ("private --sandbox --base-url http://x", "--sandbox and --base-url cannot be used"),
        ],
    )
    def test_options_that_do_not_fit_are_named_in_one_sentence(
        self, ask: Run, sandbox: Sandbox, arguments: str, sentence: str
    ) -> None:
        ran = ask("list", *arguments.split())
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
        assert ran.err.startswith(f"Error: {sentence}")
        assert len(sandbox.requests) == 0

    @pytest.mark.parametrize(
        "arguments",
        [
            "",
            "nonsense",
            "list",
            "list nonsense",
            "list private --nonsense",
            "list private --status nonsense",
            "list private --sort-by updatedAt",
            "list private --status trained --status failed",
            "list private --limit 1 --limit=2",
            "list private --max-retries -1",
            "list private --tag x",
            "list collection",
            "list collection a,b",
            "get",
            "get x --format csv",
        ],
    )
    def test_unknown_options_and_values_are_explained(self, run: Run, arguments: str) -> None:
        ran = run(*arguments.split())
        assert (ran.code, ran.out) == (2, b"")
        assert "Usage: scenario-async" in ran.err

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (
                "--summary get x",
                "--summary belongs behind the command that it is for: get",
            ),
            (
                "list --route public public",
                "--route belongs behind the command that it is for: public",
            ),
            (
                "--collection c1 list private",
                (
                    "--collection belongs behind the command that it is for: "
                    "list public, sync, stats, export"
                ),
            ),
            ("--sanbox list private", "No such option '--sanbox'."),
            (
                "list private --route public",
                "--route is an option of list public, and not of list private",
            ),
            ("status m.db --watch 5m", "--watch is an option of sync, and not of status"),
            *(
                (f"list private {option} {value}", f"Invalid value for '{option}': {sentence}.")
                for option, value, sentence in (
                    ("--limit", "x", "'x' is not a whole number"),
                    ("--limit", "0", "must be 1 or more, not 0"),
                    ("--rate", "0", "must be more than 0, not 0"),
                    ("--rate", "inf", "'inf' is not a finite number"),
                    ("--timeout", "soon", "'soon' is not a finite number"),
                )
            ),
            ("sandbox --accounts 3", "--accounts and --keys need each other: keys go into files"),
            ("sandbox --keys keys", "--accounts and --keys need each other: keys go into files"),
            (
                "sandbox --port 70000",
                "Invalid value for '--port': must be from 0 to 65535, not 70000.",
            ),
            ("help", "help is an option: write --help, also behind a command"),
            ("list help", "help is an option: write --help, also behind a command"),
            (
                "list private --status traned",
                (
                    "Invalid value for '--status': 'traned' is not one of 'new', 'training', "
                    "'trained', 'failed', 'deleted'; did you mean 'trained'?"
                ),
            ),
            (
                "list private --status nonsense",
                (
                    "Invalid value for '--status': 'nonsense' is not one of 'new', 'training', "
                    "'trained', 'failed', 'deleted'."
                ),
            ),
            (
                "list private --format CVS",
                (
                    "Invalid value for '--format': 'CVS' is not one of 'table', 'json', 'jsonl', "
                    "'csv'; did you mean 'csv'?"
                ),
            ),
        ],
    )
    def test_what_was_meant_is_said(self, run: Run, arguments: str, sentence: str) -> None:
        ran = run(*arguments.split())
        assert (ran.code, ran.out) == (2, b"")
        # Older versions of click write "option: --name".
        said = re.sub(r"option: (--\w+)", r"option '\1'.", ran.err.splitlines()[-1])
        assert said == f"Error: {sentence}"

    @pytest.mark.parametrize("names", [(), ("list",)], ids=" ".join)
    def test_a_command_that_is_not_named_is_chosen_from_the_help(
        self, run: Run, names: tuple[str, ...]
    ) -> None:
        ran = run(*names)
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.rstrip() == run(*names, "--help").out.decode().rstrip()

    def test_a_type_that_may_be_misspelled_is_said_where_the_service_refuses_it(
        self, ask: Run
    ) -> None:
        ran = ask("list", "public", "--type", "custm", "--type", "lora")
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, b"", 1)
        assert "--type custm is new, or misspelled; did you mean 'custom'?" in ran.err
        assert "lora" not in ran.err

    def test_a_type_that_may_be_misspelled_is_said_where_no_model_has_it(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        # It takes the type, and has no such model.
        sandbox.faults.add(NoModels(), times=None)
        ran = ask("list", "public", "--type", "custm", "--format", "jsonl")
        assert (ran.code, ran.out) == (0, b"")
        assert ran.err == (
            "No models: --type custm is new, or misspelled; did you mean 'custom'?\n"
        )
        assert ask("list", "public", "--type", "zzz", "--format", "jsonl").err == ""

    @pytest.mark.parametrize(
        ("error", "translated"),
        [
            (ArgumentError(Parameter("tags[0]"), " is empty"), "--tag is empty"),
            (ArgumentError("use ", Parameter("api_key")), "use SCENARIO_SDK_API_KEY"),
            (ArgumentError(Parameter("page_size"), " is 0"), "--page-size is 0"),
            (
                ArgumentError(Parameter("offset"), " needs ", Parameter("route", "public")),
                "--offset needs --route public",
            ),
            (ArgumentError(Parameter("offset"), " is 5", InPython("; pages()")), "--offset is 5"),
            # Words that are names of parameters as well.
            (ArgumentError("different types of status"), "different types of status"),
            (ValueError("different types of status"), "different types of status"),
        ],
    )
    def test_parameters_are_called_by_their_options(
        self, error: ValueError, translated: str
    ) -> None:
        assert option_names(error) == translated


class TestCredentials:
    @pytest.mark.parametrize(
        ("environment", "sentence"),
        [
            ({}, "no credentials: set SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET"),
            ({"API_KEY": SECRET}, "SCENARIO_SDK_API_KEY without SCENARIO_SDK_API_SECRET"),
            ({"API_SECRET": SECRET}, "SCENARIO_SDK_API_SECRET without SCENARIO_SDK_API_KEY"),
            ({"API_KEY": SECRET, "JWT": SECRET}, "two kinds of credentials at once"),
            ({"JWT": f"{SECRET}\n"}, "SCENARIO_SDK_JWT has white space around it"),
        ],
    )
    def test_credentials_that_do_not_do_are_wrong_usage(
        self,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        environment: dict[str, str],
        sentence: str,
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(f"SCENARIO_SDK_{name}", value)
        ran = run("list", "private", "--base-url", "http://127.0.0.1:9")
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.startswith(f"Error: {sentence}")
        assert SECRET not in ran.err

    def test_public_access_sends_no_credentials_of_the_environment(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        ran = ask("list", "public", "--public-access", "--limit", "1")
        assert ran.code == 0
        assert sandbox.requests[0].authorization_kind == "public"

    def test_public_access_needs_no_credentials(self, run: Run, sandbox: Sandbox) -> None:
        ran = run("list", "public", "--public-access", "--base-url", sandbox.base_url)
        assert ran.code == 0

    def test_private_models_are_refused_without_an_account(self, ask: Run) -> None:
        assert ask("list", "private", "--public-access").code == 3

    @pytest.mark.parametrize("arguments", ["list private", "list private --verbose", "get x"])
    def test_refused_credentials_are_never_shown(
        self, ask: Run, monkeypatch: pytest.MonkeyPatch, arguments: str
    ) -> None:
        monkeypatch.setenv("SCENARIO_SDK_API_KEY", "invented-key-77aa")
        monkeypatch.setenv("SCENARIO_SDK_API_SECRET", SECRET)
        ran = ask(*arguments.split())
        assert ran.code == 3
        assert "401 Unauthorized" in ran.err
        assert "invented-key-77aa" not in ran.err
        assert SECRET not in ran.err + ran.out.decode()


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "code", "words"),
        [
            (ServerError(401), 3, "401 Unauthorized"),
            (ServerError(403), 3, "403 Forbidden"),
            (ServerError(404), 4, "404 Not Found"),
            (ServerError(429), 4, "429 Too Many Requests"),
            (ServerError(500), 4, "500 Internal Server Error"),
            (ServerError(503, body="html"), 4, "503 Service Unavailable"),
            (NotJSON(), 4, "did not answer with a page of models"),
            (Dropped(), 4, "got no whole answer"),
        ],
    )
    def test_each_failure_is_one_sentence_and_an_exit_code(
        self, ask: Run, sandbox: Sandbox, fault: Fault, code: int, words: str
    ) -> None:
        sandbox.faults.add(fault, times=None)
        ran = ask("list", "private", "--max-retries", "0")
        assert (ran.code, ran.out, ran.err.count("\n")) == (code, b"", 1)
        assert ran.err.startswith("Error: ")
        assert words in ran.err

    def test_a_circle_of_pages_is_a_failure_of_the_service(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(RepeatedToken())
        by_cursor = ("--page-size", "200", "--sort-by", "score", "--status", "trained")
        ran = ask("list", "private", *by_cursor, "--format", "csv")
        assert ran.code == 4
        assert "the same token" in ran.err

    def test_a_service_that_ignores_bounds_of_time_is_warned_of_in_one_line(
        self, ask: Run, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(IgnoredBounds(), times=None)
        ran = ask("list", "private", "--page-size", "100", "--format", "jsonl")
        assert (ran.code, ran.ids()) == (0, sandbox.catalogue.ids("private"))
        assert ran.err.startswith("Warning: the service does not respect createdAfter")
        assert ran.err.count("\n") == 1

    def test_a_service_that_cannot_be_reached_is_named(self, ask: Run) -> None:
        ran = ask("list", "private", "--base-url", "http://127.0.0.1:9/v1", "--max-retries", "0")
        assert (ran.code, ran.out, ran.err.count("\n")) == (4, b"", 1)
        assert "127.0.0.1:9" in ran.err

    def test_a_failure_in_passing_is_tried_again(self, ask: Run, sandbox: Sandbox) -> None:
        sandbox.faults.add(ServerError(503))
        ran = ask("list", "public", "--format", "jsonl")
        assert (ran.code, ran.err, len(ran.ids())) == (0, "", PUBLIC)

    def test_a_bug_is_a_sentence_too(self, ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("this cannot be")

        monkeypatch.setattr(Models, "private", broken)
        ran = ask("list", "private")
        assert (ran.code, ran.out) == (1, b"")
        assert ran.err == (
            "Error: this is a bug: RuntimeError: this cannot be "
            "(list, get and sync show where with --verbose)\n"
        )
        assert "Traceback" in ask("list", "private", "--verbose").err

    def test_a_message_cannot_steer_the_terminal(self) -> None:
        assert printable("a\x1b[31mb\n c\u202ed") == "a\ufffd[31mb c\ufffdd"

    def test_the_absence_of_the_extra_is_explained(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, forget_modules: Callable[[str], None]
    ) -> None:
        forget_modules("scenario_async.cli.")
        monkeypatch.setitem(sys.modules, "asyncclick", None)
        ran = run("--version")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, b"", 1)
        assert 'pip install "scenario-async[cli]"' in ran.err

    def test_another_absence_is_not_hidden(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, forget_modules: Callable[[str], None]
    ) -> None:
        forget_modules("scenario_async.cli.")
        monkeypatch.setitem(sys.modules, "scenario_async.cli._output.summaries", None)
        with pytest.raises(ModuleNotFoundError, match=r"_output\.summaries"):
            run("--version")


class TestOwnSandbox:
    @pytest.fixture(autouse=True)
    def _environment_of_a_user(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        # After `run`, which takes these away. Nothing listens on this port.
        del run
        monkeypatch.setenv("SCENARIO_BASE_URL", "http://127.0.0.1:9/v1")
        monkeypatch.setenv("SCENARIO_SDK_JWT", SECRET)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

    def test_it_takes_nothing_from_the_environment(self, run: Run) -> None:
        ran = run("list", "private", "--sandbox", "--format", "jsonl")
        assert (ran.code, ran.err, len(ran.ids())) == (0, "", 300)

    @pytest.mark.parametrize("number", [3, 300])
    def test_a_few_of_its_models_are_unlisted(self, run: Run, number: int) -> None:
        options = ("--sandbox", "--sandbox-models", str(number), "--format", "jsonl")
        assert len(run("list", "unlisted", *options).ids()) == min(number, 20)

    @pytest.mark.parametrize("scope", ["private", "public"])
    def test_it_has_as_many_models_as_wanted(self, run: Run, scope: str) -> None:
        ran = run("list", scope, "--sandbox", "--sandbox-models", "1200", "--format", "jsonl")
        assert len(ran.ids()) == 1200

    def test_it_gives_single_models_and_works_without_an_account(self, run: Run) -> None:
        listed = run("list", "public", "--sandbox", "--public-access", "--limit", "1")
        model_id = listed.out.decode().splitlines()[1].split()[0]
        assert json.loads(run("get", model_id, "--sandbox").out)["id"] == model_id

    def test_its_collections_are_named_to_those_who_cannot_know_them(self, run: Run) -> None:
        ran = run("list", "collection", "mine", "--sandbox")
        assert ran.code == 2
        known = ran.err.rpartition(" it has ")[2].strip().split(", ")
        assert len(known) == 3
        listed = run("list", "collection", known[0], "--sandbox", "--format", "jsonl")
        assert (listed.code, len(listed.ids()) > 10) == (0, True)

    def test_a_port_that_is_taken_is_one_sentence(self, run: Run, sandbox: Sandbox) -> None:
        port = sandbox.base_url.rpartition(":")[2].partition("/")[0]
        ran = run("sandbox", "--port", port, "--public", "1", "--private", "1")
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, b"", 1)
        assert ran.err == (
            f"Error: cannot listen on 127.0.0.1, port {port}: {os.strerror(errno.EADDRINUSE)}; "
            "--port 0 takes any free one\n"
        )
