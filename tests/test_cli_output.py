"""What the command line writes: formats and table by themselves, and through the command."""

from __future__ import annotations

import asyncio
import csv
import errno
import io
import json
import os
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import asyncclick as click
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from scenario_async import (
    APIConnectionError,
    Model,
    Models,
    PageEvent,
    RequestEvent,
    RetryEvent,
    cli,
)
from scenario_async._formats import (
    FORMATS,
    MODELS,
    Encoder,
    ExportFormat,
    Style,
    new_encoder,
    steers,
)
from scenario_async._formats.table import fitting_widths
from scenario_async.cli._output import Counts, OutputFailedError, write_data, write_out
from scenario_async.cli._program import command
from scenario_async.sandbox import Catalogue, Sandbox, ServerError
from scenario_async.sandbox._answers import Answer, json_answer
from scenario_async.types._model import attach_raw

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path


def model(raw: str | bytes) -> Model:
    data = raw.encode() if isinstance(raw, str) else raw
    made = msgspec.json.decode(data, type=Model)
    attach_raw(made, data)
    return made


def encoder(name: str, **style: Any) -> Encoder:
    return new_encoder(name, MODELS, Style(**style))


def written(output: Encoder, *pages: Sequence[Model]) -> bytes:
    return b"".join([*(output.batch(page) for page in pages), output.end()])


INDENTED = '{\n  "id": "b",\r\n  "name": "two  words",\n  "n": 1.50\n}'
A, B, C = model('{"id":"a"}'), model(INDENTED), model('{"id" : "c","tags":[]}')


class NearlyFull(io.RawIOBase):
    """A file without a buffer, on a disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        taken = bytes(data[: min(100, self.room - len(self.data))])
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.data += taken
        return len(taken)


@pytest.mark.parametrize("room", [10_000, 250])
def test_what_takes_a_part_at_a_time_gets_all_of_it_or_the_command_fails(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    stream: Any = NearlyFull(room)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, write_through=True))
    data = bytes(range(200)) * 5
    if room < len(data):
        with pytest.raises(OutputFailedError, match="No space left on device"):
            asyncio.run(write_out(data))
    else:
        asyncio.run(write_out(data))
    assert stream.data == data[:room]


class TestRegistry:
    def test_a_command_has_each_format_that_it_can_write(self) -> None:
        def choices(*names: str) -> list[str]:
            found: click.Command = command
            for name in names:
                assert isinstance(found, click.Group)
                found = found.commands[name]
            (option,) = (one for one in found.params if one.name == "format_")
            assert isinstance(option.type, click.Choice)
            return list(option.type.choices)

        text = [name for name, one in FORMATS.items() if one.kind == "text"]
        assert choices("list", "public") == ["table", *text]
        assert choices("get") == [name for name in text if FORMATS[name].whole]
        assert choices("export") == list(get_args(ExportFormat)) == [*text, "parquet"]

    def test_a_module_that_is_missing_is_named_with_its_extra(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "rich", None)
        with pytest.raises(ModuleNotFoundError, match=r"table needs rich: .*\[cli\]'") as caught:
            encoder("table")
        assert caught.value.name == "rich"


class TestJSON:
    def test_lines_are_the_bytes_that_were_sent(self) -> None:
        assert written(encoder("jsonl"), [A, C]) == b'{"id":"a"}\n{"id" : "c","tags":[]}\n'

    def test_a_record_over_several_lines_becomes_one_with_its_texts_and_numbers(self) -> None:
        assert written(encoder("jsonl"), [B]) == b'{"id":"b","name":"two  words","n":1.50}\n'

    @pytest.mark.parametrize("pretty", [False, True])
    @pytest.mark.parametrize("pages", [[], [[]], [[A]], [[A, B], [], [C]]])
    def test_an_array_is_valid_however_the_pages_fall(
        self, pages: list[list[Model]], *, pretty: bool
    ) -> None:
        ids = [one.id for page in pages for one in page]
        records = json.loads(written(encoder("json", indented=pretty), *pages))
        assert [record["id"] for record in records] == ids

    def test_an_array_is_written_page_by_page_and_closed_at_the_end(self) -> None:
        array = encoder("json")
        assert array.batch([A]) == b'[\n{"id":"a"}'
        assert array.batch([C]) == b',\n{"id" : "c","tags":[]}'
        assert array.end() == b"\n]\n"

    def test_a_pretty_array_is_indented_as_a_whole(self) -> None:
        assert written(encoder("json", indented=True), [A]) == b'[\n  {\n    "id": "a"\n  }\n]\n'

    def test_a_single_record_is_indented(self) -> None:
        assert written(encoder("json", indented=True, alone=True), [A]) == b'{\n  "id": "a"\n}\n'


class TestCSV:
    FULL = model(
        '{"id":"a","name":"Nine, \\"ten\\"\\nä","createdAt":"2026-01-02T03:04:05.6+01:00",'
        '"tags":["x y","z"],"collectionIds":[],"custom":true,"trainingImagesNumber":3}'
    )

    def rows(self, data: bytes) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))

    def test_every_column_is_a_field_of_a_model(self) -> None:
        assert set(MODELS.columns) <= set(Model.__struct_fields__)

    def test_values_come_back_whole(self) -> None:
        (row,) = self.rows(written(encoder("csv"), [self.FULL]))
        assert {name: value for name, value in row.items() if value} == {
            "id": "a",
            "name": 'Nine, "ten"\nä',
            "created_at": "2026-01-02T02:04:05.600Z",
            "tags": "x y,z",
            "custom": "true",
            "training_images_number": "3",
        }

    def test_column_names_come_once_also_without_models(self) -> None:
        header = ",".join(MODELS.columns).encode() + b"\n"
        assert written(encoder("csv")) == written(encoder("csv"), [], []) == header
        assert written(encoder("csv"), [A], [C]).count(header) == 1

    def test_pages_are_written_as_they_come(self) -> None:
        output = encoder("csv")
        assert len(self.rows(output.batch([A]))) == 1
        assert output.batch([C]).startswith(b"c,")
        assert output.end() == b""

    def test_formulas_are_text_where_that_is_wanted(self) -> None:
        evil = model('{"id":"a","name":"=1+1","trainingImagesNumber":-3}')
        (row,) = self.rows(written(encoder("csv", csv_safe=True), [evil]))
        assert (row["name"], row["training_images_number"]) == ("'=1+1", "-3")

    def test_a_lone_carriage_return_makes_no_row(self) -> None:
        output = written(encoder("csv"), [model('{"id":"a","name":"one\\rtwo"}'), A]).decode()
        assert [row["id"] for row in csv.DictReader(output.splitlines(keepends=True))] == ["a", "a"]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Generator[io.BytesIO]:
    """Standard output is a terminal; gives what it gets."""
    data = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", Terminal(data, encoding="utf-8"))
        yield data


EVIL = "\x1b[2J\x9b31m\u202e\u2028\x7f\r\U000e0041|\u200d\u00a0\u3000\U0001f600|"
SHOWN = (
    r"\u001b[2J\u009b31m\u202e\u2028\u007f\u000d\udb40\udc41"
    "|\u200d\u00a0\u3000\U0001f600|"
)


@dataclass(frozen=True, slots=True)
class RudeError(ServerError):
    """Its reason steers whatever shows it."""

    def answer(self) -> Answer:
        return json_answer({"reason": EVIL}, status=400)


class TestTerminals:
    def test_what_would_steer_it_is_shown(self) -> None:
        with terminal() as shown:
            asyncio.run(write_data(f"a\n\t{EVIL}\n".encode()))
            assert shown.getvalue().decode() == f"a\n\t{SHOWN}\n"

    @given(st.text())
    def test_json_stays_what_it_is(self, text: str) -> None:
        with terminal() as output:
            asyncio.run(write_data(msgspec.json.encode({"name": text}) + b"\n"))
            shown = output.getvalue().decode()
        assert json.loads(shown) == {"name": text}
        assert not any(map(steers, shown[:-1]))

    def test_files_and_pipes_have_the_data_as_it_is(
        self, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        asyncio.run(write_data(EVIL.encode()))
        assert capfdbinary.readouterr().out == EVIL.encode()

    @pytest.mark.parametrize("form", ["csv", "json", "jsonl", "table"])
    def test_no_format_of_a_list_steers_it(self, form: str) -> None:
        catalogue = Catalogue()
        catalogue.add(name=EVIL, privacy="public")
        with Sandbox(catalogue).in_thread() as sandbox, terminal() as output:
            where = ("--public-access", "--base-url", sandbox.base_url, "--quiet")
            assert cli.main(["list", "public", *where, "--format", form]) == 0
            *_, row = [line for line in output.getvalue().decode().splitlines() if "model_" in line]
        assert "[2J" in row
        assert not any(map(steers, row))

    @pytest.mark.parametrize(
        "arguments",
        [
            ("list", "private"),
            ("list", "private", "--verbose"),
            ("get", "model_1"),
            ("sync", "STORE", "--private"),
            ("sync", "STORE", "--private", "--json"),
        ],
        ids=" ".join,
    )
    def test_the_words_of_the_service_do_not_steer_it(
        self, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = str(tmp_path / "models.db")
        said = io.BytesIO()
        errors = Terminal(said, encoding="utf-8")
        monkeypatch.setattr("sys.stderr", errors)
        monkeypatch.setenv("TERM", "dumb")
        given = [store if one == "STORE" else one for one in arguments]
        with Sandbox(Catalogue()).in_thread() as sandbox, terminal() as output:
            monkeypatch.setenv("SCENARIO_SDK_API_KEY", sandbox.api_key)
            monkeypatch.setenv("SCENARIO_SDK_API_SECRET", sandbox.api_secret)
            quietly = ("--quiet", "--base-url", sandbox.base_url)
            if arguments[0] == "sync":  # a store in which no run ended well does not stay
                assert cli.main([*given, *quietly]) == 0
            sandbox.faults.add(RudeError(), times=None)
            assert cli.main([*given, *quietly]) == 4
            if arguments[0] == "sync":
                assert cli.main(["status", store]) == 0
                assert cli.main(["status", store, "--json"]) == 0
            both = (said.getvalue() + output.getvalue()).decode()
        assert "[2J" in both
        steering = {c for c in both.replace("\x1b[1m", "").replace("\x1b[0m", "") if steers(c)}
        assert steering <= {"\n"}

    def test_the_traceback_of_a_bug_does_not_steer_it(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError(EVIL)

        monkeypatch.setattr(Models, "private", broken)
        assert cli.main(["list", "private", "--sandbox", "--verbose"]) == 1
        said = capsys.readouterr().err
        assert "Traceback" in said
        assert not any(map(steers, said.replace("\n", "")))

    def test_what_is_wrong_with_an_option_does_not_steer_it(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["list", EVIL]) == 2
        said = capsys.readouterr().err
        assert "Error: No such command" in said
        assert not any(map(steers, said.replace("\n", "")))


class TestTable:
    LONG = tuple(
        model(
            f'{{"id":"model_{number:024}","name":"{"名前" * 12} {number}","type":"flux.1-lora",'
            f'"status":"trained","createdAt":"2026-01-02T03:04:05.678Z",'
            f'"tags":["first","second tag"]}}'
        )
        for number in range(3)
    )

    def lines(self, width: int | None, models: Sequence[Model]) -> list[str]:
        return written(encoder("table", width=width), models).decode().splitlines()

    def test_nothing_is_shortened_where_it_is_no_terminal(self) -> None:
        header, line, *_ = self.lines(None, self.LONG)
        assert header.split() == ["ID", "Name", "Type", "Status", "Created", "(UTC)", "Tags"]
        assert line.split("  ") == [
            "model_000000000000000000000000",
            "名前" * 12 + " 0",
            "flux.1-lora",
            "trained",
            "2026-01-02 03:04",
            "first, second tag",
        ]

    @pytest.mark.parametrize("width", [1, 29, 30, 31, 47, 48, 60, 70, 80, 90, 100, 140, 300])
    def test_ids_are_whole_and_lines_fit_at_any_width(self, width: int) -> None:
        _, *lines = self.lines(width, self.LONG)
        assert [line.split()[0] for line in lines] == [one.id for one in self.LONG]
        assert max(map(cell_len, lines)) <= max(width, len(self.LONG[0].id))

    def test_columns_line_up_whatever_the_characters(self) -> None:
        models = [*self.LONG, model('{"id":"b","name":"ascii","type":"custom"}')]
        lines = self.lines(80, models)[1:]
        columns = {
            cell_len(line[: line.index(kind)])
            for line, kind in zip(lines, ["flux", "flux", "flux", "custom"], strict=True)
        }
        assert len(columns) == 1

    def test_an_empty_listing_is_a_header(self) -> None:
        assert len(self.lines(80, [])) == 1

    def test_a_name_cannot_steer_the_terminal_or_break_the_line(self) -> None:
        evil = model('{"id":"a","name":"\\u001b[2J[bold]x[/bold]\\n:smile: \\u202ey"}')
        _, line = self.lines(120, [evil])
        assert line == "a   \ufffd[2J[bold]x[/bold] :smile: \ufffdy"

    @pytest.mark.parametrize(
        ("natural", "least", "room", "widths"),
        [
            ([10, 20, 5], [None, None, None], 100, [10, 20, 5]),
            ([10, 20, 5], [None, None, None], 39, [10, 20, 5]),
            ([10, 20, 5], [None, None, None], 38, [10, 20, 0]),
            ([10, 20, 5], [None, 8, None], 99, [10, 20, 5]),
            ([10, 20, 5], [None, 8, None], 30, [10, 11, 5]),
            ([10, 20, 5], [None, 8, None], 26, [10, 14, 0]),
            ([10, 20, 5], [None, 8, None], 18, [10, 6, 0]),
            ([10, 20, 5], [None, 8, None], 17, [10, 0, 0]),
            ([10, 20, 5], [None, None, None], 18, [10, 0, 0]),
            ([10], [None], 18, [10]),
            ([10, 20, 5], [None, 8, None], 5, [10, 0, 0]),
            ([10, 3, 5], [None, 8, None], 22, [10, 3, 5]),
            ([10, 20, 20], [None, 8, 8], 33, [10, 11, 8]),
        ],
    )
    def test_widths_go_to_the_first_columns_first(
        self, natural: list[int], least: list[int | None], room: int, widths: list[int]
    ) -> None:
        last_first = range(len(natural) - 1, 0, -1)
        assert fitting_widths(natural, least, room, last_first) == widths


class TestCounts:
    def test_the_line_says_what_happened(self) -> None:
        counts = Counts()
        hooks = counts.hooks()
        assert hooks.on_request is not None
        assert hooks.on_retry is not None
        assert hooks.on_page is not None
        hooks.on_request(RequestEvent(method="GET", path="/models", attempt=1))
        hooks.on_page(PageEvent(models=1500, repeated=0, invalid=0, last=False))
        assert counts.line() == "1,500 models, 1 page, 1 request, 0:00"
        error = APIConnectionError("lost")
        hooks.on_retry(RetryEvent(method="GET", path="/m", attempt=1, wait=3.2, error=error))
        hooks.on_page(PageEvent(models=1, repeated=0, invalid=2, last=False))
        assert counts.line() == (
            "1,501 models, 2 pages, 1 request, 1 retry, 2 skipped, 0:00, "
            "waiting 3 s after a lost connection"
        )
        hooks.on_request(RequestEvent(method="GET", path="/models", attempt=2))
        assert counts.line().endswith("2 requests, 1 retry, 2 skipped, 0:00")


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    with Sandbox(Catalogue.seeded(public=90, private=0)).in_thread() as sandbox:
        yield sandbox


class TestThroughTheCommand:
    def listed(
        self, sandbox: Sandbox, capsysbinary: pytest.CaptureFixture[bytes], *options: str
    ) -> bytes:
        where = ("--public-access", "--base-url", sandbox.base_url, "--page-size", "40")
        assert cli.main(["list", "public", *where, *options]) == 0
        return capsysbinary.readouterr().out

    def test_lines_are_the_bytes_of_the_service(
        self, sandbox: Sandbox, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        lines = self.listed(sandbox, capsysbinary, "--format", "jsonl").splitlines()
        request = urllib.request.Request(  # noqa: S310 - the sandbox
            f"{sandbox.base_url}/models?privacy=public",
            headers={"Authorization": "public-auth-token"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the sandbox
            assert b'"models":[' + b",".join(lines) + b"]" in answer.read()

    def test_the_array_has_the_same_records(
        self, sandbox: Sandbox, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        lines = self.listed(sandbox, capsysbinary, "--format", "jsonl").splitlines()
        array = json.loads(self.listed(sandbox, capsysbinary, "--format", "json"))
        assert array == [json.loads(line) for line in lines]

    @pytest.mark.parametrize("form", ["csv", "table"])
    def test_each_model_has_its_line(
        self, sandbox: Sandbox, capsysbinary: pytest.CaptureFixture[bytes], form: str
    ) -> None:
        _, *lines = self.listed(sandbox, capsysbinary, "--format", form).decode().splitlines()
        ids = [line.replace(",", " ").split()[0] for line in lines]
        assert ids == sandbox.catalogue.ids("public")

    @pytest.mark.parametrize("form", ["csv", "table", "jsonl", "json"])
    @pytest.mark.parametrize("date", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-02:00"])
    def test_a_date_at_the_edge_of_the_calendar_ends_no_listing(
        self, capsysbinary: pytest.CaptureFixture[bytes], form: str, date: str
    ) -> None:
        catalogue = Catalogue.seeded(public=2, private=0)
        catalogue.add(privacy="public", name="edge", fields={"createdAt": date})
        with Sandbox(catalogue).in_thread() as sandbox:
            output = self.listed(sandbox, capsysbinary, "--format", form).decode()
        assert output.count("model_") >= 3
        shown = {"csv": ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z")}
        shown["table"] = ("0001-01-01 00:00", "9999-12-31 23:59")
        (line,) = [line for line in output.splitlines() if "edge" in line]
        assert shown.get(form, (date, date))[date.startswith("9")] in line

    def test_the_table_is_the_default(
        self, sandbox: Sandbox, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        table = self.listed(sandbox, capsysbinary, "--format", "table")
        assert self.listed(sandbox, capsysbinary) == table
