"""CSV that comes back as it was, whatever is in the cells and whoever reads it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async._formats.csv_rows import CSV, as_text, csv_row
from scenario_async._formats.records import Records, Style
from scenario_async._query.query import wire_time

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff20x"]

cells = st.text(
    st.sampled_from([*LINE_ENDS, *'",;\t =+-@a\x00\x1b\x9b\u202eä'])
    | st.characters(codec="utf-8", exclude_characters="\x00")
)
rows = st.lists(st.lists(cells, min_size=3, max_size=3), max_size=4)


def by_newline(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def by_any_line_end(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines(keepends=True)))


def by_hand(text: str) -> list[list[str]]:
    """As readers do that look for quotes first: every other part is within some."""
    outside = text.split('"')[::2]
    return [part.split(",") for part in "".join(outside).splitlines()]


@given(rows)
@example([["a\rb", "", ""]])
@example([["", "", ""]])
@example([["\u2028", '"', '""']])
def test_what_is_written_reads_back_as_the_same_rows(table: list[list[str]]) -> None:
    text = "".join(map(csv_row, table))

    assert by_newline(text) == table
    assert by_any_line_end(text) == table
    assert [len(row) for row in by_hand(text)] == [3] * len(table)


@given(rows)
def test_safe_rows_read_back_but_for_the_apostrophes(table: list[list[str]]) -> None:
    text = "".join(csv_row(row, safe=True) for row in table)

    for before, after in zip(table, by_any_line_end(text), strict=True):
        for cell, found in zip(before, after, strict=True):
            assert found in (cell, f"'{cell}")
            assert not found.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(table=rows, safe=st.booleans())
@example(table=[["=1", "", ""]], safe=True)
def test_a_file_has_the_names_of_its_columns_once_and_then_a_row_for_each_record(
    table: list[list[str]], *, safe: bool
) -> None:
    columns = ("a", "b", "c")
    file = CSV(Records(columns, msgspec.json.encode), Style(csv_safe=safe))
    records = [SimpleNamespace(**dict(zip(columns, row, strict=True))) for row in table]
    written = file.batch(records[:1]) + file.batch(records[1:]) + file.end()

    lines = [csv_row(columns), *(csv_row(row, safe=safe) for row in table)]
    assert written.decode() == "".join(lines)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_written_as_text_where_that_is_wanted(text: str) -> None:
    assert by_newline(csv_row([text, [text, "b"]], safe=True)) == [[f"'{text}", f"'{text},b"]]
    assert by_newline(csv_row([text, [text, "b"]])) == [[text, f"{text},b"]]


def test_numbers_are_no_formulas() -> None:
    assert csv_row([-5, -0.5, None, True, False], safe=True) == "-5,-0.5,,true,false\n"


def test_plain_text_has_no_quotes() -> None:
    assert csv_row(["a b", "c'd", datetime(2026, 1, 2, tzinfo=UTC)]) == (
        "a b,c'd,2026-01-02T00:00:00.000Z\n"
    )


# Dates

aware = st.datetimes(
    timezones=st.integers(-23 * 60, 23 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    )
)


@given(aware)
@example(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
@example(datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))))
def test_every_aware_date_can_be_written_and_is_the_same_moment(moment: datetime) -> None:
    written = datetime.fromisoformat(wire_time(moment))
    first = datetime(1, 1, 1, tzinfo=UTC)
    last = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)

    # Differences of aware dates know no calendar.
    since_first, before_last = moment - first, last - moment
    if since_first < timedelta():
        assert written == first
    elif before_last < timedelta():
        assert written == last
    else:
        assert timedelta() <= moment - written < timedelta(milliseconds=1)


def test_a_date_at_the_edge_is_text_in_every_table() -> None:
    assert as_text(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == (
        "0001-01-01T00:00:00.000Z"
    )
