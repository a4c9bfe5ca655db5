"""Other people's text on pages."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scenario_async.gallery._placeholder import initials, placeholder
from scenario_async.gallery._record_view import Field, label_of, sections_of
from scenario_async.gallery._text import ago, in_path, json_of, line, paragraph

SIGNED = "https://cdn.example/a.webp?Expires=1&Signature=SECRET&Key-Pair-Id=SECRET"
NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        f"see {SIGNED} and",
        SIGNED.replace("/", "\\/"),
        "cdn.example/a?Signature=SECRET",
        "//cdn.example/a?X-Amz-Signature=SECRET&x=1",
        "https://user:SECRET@cdn.example/",
        '{"policy": "Policy=SECRET"}',
    ],
)
def test_what_gives_access_is_in_no_text(text: str) -> None:
    for shown in (line(text), line(text, 200), paragraph(text), json_of(json.dumps({"a": text}))):
        assert "SECRET" not in shown
    assert "SECRET" not in json_of('{"a": "' + text.replace('"', "") + '", broken')


@given(st.text(), st.integers(2, 40))
@example("\u202egpj.exe\0\x1b[2J", 40)
def test_a_line_steers_nothing_and_is_as_short_as_asked_for(text: str, limit: int) -> None:
    shown = line(text, limit)

    assert len(shown) <= limit
    assert not set(shown) & {"\u202e", "\0", "\x1b", "\n", "\r", "\u2028"}


def test_a_hostile_text_takes_no_longer_than_any_of_its_length() -> None:
    text = "x-amz-" * 10_000
    began = time.process_time()

    assert paragraph(text) == text
    assert json_of('"\\' * 20_000)
    assert time.process_time() - began < 1.0, "a few milliseconds, or else several seconds"


def test_a_long_record_takes_no_more_memory_than_a_few_copies_of_it() -> None:
    record = json.dumps({"description": "a\n" * 100_000})
    tracemalloc.start()
    try:
        assert json_of(record)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15 * len(record)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), json_values))
def test_a_record_is_shown_as_it_was_sent(record: dict[str, object]) -> None:
    shown = json_of(json.dumps(record))

    if "http" not in str(record) and "\ufffd" not in shown:
        assert json.loads(shown) == record


@given(
    st.dictionaries(st.sampled_from(("id", "tags", "class", "newThing")) | st.text(), json_values)
)
def test_any_record_has_fields_that_can_be_shown(record: dict[str, object]) -> None:
    for section in sections_of(json.dumps(record)):
        assert section.fields
        assert all(
            field.kind in ("text", "long", "link", "list", "fields") for field in section.fields
        )


def test_what_is_deep_or_long_is_cut() -> None:
    deep: object = "the bottom"
    for _ in range(9):
        deep = {"a": [deep]}

    (deepest,) = sections_of(json.dumps({"x": deep}))[0].fields
    while deepest.parts:
        deepest = deepest.parts[0]
    (long,) = sections_of(json.dumps({"x": list(range(1000))}))[0].fields

    assert deepest.text == "…"
    assert [part.text for part in long.parts[-2:]] == ["199", "… and 800 more"]


def test_fields_come_in_a_readable_order_with_those_that_nobody_knows_last() -> None:
    record = {
        "newThing": {"aB": [1, {"deep": None}, {"x": True}]},
        "createdAt": "2026-10-15T00:00:00.000Z",
        "id": "m",
        "ownerId": "",
        "tags": ["a", "b"],
        "parameters": {},
        "complianceMetadata": {"licenseTerms": "https://a.example/terms"},
        "exampleAssetIds": ["x"],
        "uiConfig": {"longText": "one\ntwo"},
    }

    sections = sections_of(json.dumps(record))

    titles = [section.title for section in sections]
    assert titles == ["About", "Sorted by", "Where it comes from", "How it is used", "Other"]
    assert [field.label for field in sections[0].fields] == ["ID", "Created at"]
    assert [part.text for part in sections[1].fields[0].parts] == ["a", "b"]
    (terms,) = sections[2].fields[0].parts
    assert terms == Field(label="License terms", kind="link", text="https://a.example/terms")
    assert sections[3].fields[0].parts[0].kind == "long"
    (other,) = sections[4].fields
    assert (other.label, other.parts[0].label) == ("New thing", "A B")
    assert [part.text for part in other.parts[0].parts] == ["1", ""]


@pytest.mark.parametrize(
    "number", ["1e999", "-1E400", "1" * 5000, "1.50", "12345678901234567890123", "0"]
)
def test_a_number_of_any_size_is_shown_as_it_was_sent(number: str) -> None:
    about, other = sections_of(f'{{"id": "m", "seed": {number}, "b\\ud800": "\\ud800"}}')

    assert about.fields[0].text == "m"
    assert [field.text for field in other.fields] == [number, "\ufffd"]
    assert other.fields[1].label == "B"
    assert json_of(f'{{"seed": {number}}}') == f'{{\n  "seed": {number}\n}}'


@pytest.mark.parametrize(
    "record",
    ["", "[]", '{"a": "\\ud800"}', '{"id": ', '{"a": ' * 5000 + "1" + "}" * 5000, '{"a": 1e999}'],
)
def test_a_record_that_cannot_be_read_is_shown_as_it_is(record: str) -> None:
    assert all(section.fields for section in sections_of(record))
    assert json_of(record)[:1] == record[:1]


def test_names_on_the_wire_become_words() -> None:
    names = [
        "uiConfig",
        "negativePromptEmbedding",
        "ownerId",
        "collectionIds",
        "URLs",
        "__",
        "fps2",
    ]
    labels = [label_of(name) for name in names]
    assert labels[:4] == ["UI config", "Negative prompt embedding", "Owner ID", "Collection IDs"]
    assert all(labels)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=61), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=31), "14 Sep 2026"),
        (timedelta(days=-1), "16 Oct 2026"),
    ],
)
def test_an_age_is_said_in_words(before: timedelta, words: str) -> None:
    assert ago(NOW - before, NOW) == words


@given(st.text(), st.text())
@example("m", '"><script>&')
def test_a_drawn_picture_is_an_image_whatever_the_name(key: str, name: str) -> None:
    drawn = placeholder(key, initials(name)).decode()

    assert drawn.startswith("<svg")
    assert "<script" not in drawn


def test_what_can_be_no_part_of_a_path_is_none() -> None:
    assert [in_path(text) for text in ("", ".", "..", "\ud800")] == [None] * 4
    assert in_path("a/b?c#d é") == "a%2Fb%3Fc%23d%20%C3%A9"
