"""What decides about a copy without doing anything: scopes, windows, plans, rows, comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import InvalidRow, Model
from scenario_async._decoding import RowDecoder
from scenario_async._formats.csv_rows import as_text
from scenario_async._query.query import LARGEST_PAGE, wire_time
from scenario_async.sandbox import Catalogue
from scenario_async.sync._comparison import Comparison, Known, compare, without_same
from scenario_async.sync._rows import ModelRow, changed_fields, content_hash, read_row
from scenario_async.sync._runs.costs import (
    models_for_walk,
    requests_by_id,
    requests_by_status,
    requests_for_walk,
)
from scenario_async.sync._runs.deletions import allowed_deletions
from scenario_async.sync._scopes import Scope
from scenario_async.sync._state import FullWalk, Plan, ScopeState, later, plan
from scenario_async.sync._store.filters import ids_of
from scenario_async.sync._store.values import moment_of
from scenario_async.sync._windows import cut, without

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from scenario_async.sync._scopes import Kind
    from scenario_async.sync._windows import Window

# Scopes


names = st.text(
    st.characters(codec="ascii", exclude_characters=",:", categories=("L", "N", "P")), min_size=1
)
scopes = st.one_of(
    st.just(Scope("private")),
    st.just(Scope("public")),
    names.map(lambda name: Scope("private", (name,))),
    names.map(lambda name: Scope("unlisted", (name,))),
    st.just(Scope("unlisted")),
    st.lists(names, min_size=1, max_size=4).map(lambda some: Scope("public", tuple(some))),
)


@given(scopes)
def test_a_scope_is_read_from_its_text(scope: Scope) -> None:
    assert Scope.parse(str(scope)) == scope


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("private", Scope("private")),
        ("public", Scope("public")),
        ("collection:a", Scope("private", ("a",))),
        ("collection: a ", Scope("private", ("a",))),
        ("public:collection:a", Scope("public", ("a",))),
        ("public:collection:b, a", Scope("public", ("b", "a"))),
        ("unlisted", Scope("unlisted")),
        ("unlisted:collection:a", Scope("unlisted", ("a",))),
    ],
)
def test_each_form_of_a_scope_is_understood(text: str, scope: Scope) -> None:
    assert Scope.parse(text) == scope
    assert scope.public is text.startswith("public")


@pytest.mark.parametrize(
    "text",
    [
        *("", " private", "Private", "all", "unlisted:", "a", "private:", "public:", "public:a"),
        *("collection", "collection:", "collection: ", "collection:a,", "collection:,a"),
        *("private:collection:a", "public:collection:", "public:collection:a,,b"),
        *("public:public:collection:a", "collections:a"),
    ],
)
def test_what_is_no_scope_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(
        ValueError, match='a scope is "private", "public", "unlisted", "collection:ID"'
    ):
        Scope.parse(text)


def test_private_collections_are_named_one_by_one() -> None:
    expected = 'give "collection:a" and "collection:b"'
    with pytest.raises(ValueError, match=expected):
        Scope.parse("collection:a,b")


def test_a_scope_that_is_too_long_for_a_key_is_refused() -> None:
    text = "public:collection:" + ",".join(f"collection_{number:024}" for number in range(40))
    with pytest.raises(ValueError, match="give the collections in several scopes"):
        Scope.parse(text)


@given(scopes)
def test_every_kind_of_query_lists_what_the_scope_has(scope: Scope) -> None:
    kinds: tuple[Kind, ...] = ("full", "created")
    if scope.public:
        kinds = (*kinds, "updated", "newest")
    for kind in kinds:
        parameters = scope.query(kind).parameters()
        assert parameters["privacy"] == scope.privacy
        within = parameters.get("collectionIds" if scope.public else "collectionId", "")
        assert within == ",".join(scope.collections)
        by = "updatedAt" if kind in ("updated", "newest") else "createdAt"
        assert parameters["sortBy"] == by
        assert parameters["sortDirection"] == ("desc" if kind == "newest" else "asc")


# Windows

LAST = 12
starts = st.integers(0, LAST - 1)


def positions(windows: Sequence[Window]) -> list[int]:
    """All places of windows, up to one that stands for the end of the line."""
    return [one for start, stop in windows for one in range(start, LAST if stop is None else stop)]


@st.composite
def lines(draw: st.DrawFn) -> list[Window]:
    """Windows in order that do not overlap; the last one may be open."""
    bounds = sorted(draw(st.sets(st.integers(0, LAST - 1), max_size=8)))
    windows: list[Window] = [
        (bounds[position], bounds[position + 1]) for position in range(0, len(bounds) - 1, 2)
    ]
    if len(bounds) % 2:
        windows.append((bounds[-1], None))
    return windows


@given(lines(), starts, st.one_of(st.none(), st.integers(0, LAST - 1)))
def test_what_is_left_of_windows_is_what_was_not_gone_through(
    windows: list[Window], start: int, stop: int | None
) -> None:
    done: Window = (start, stop if stop is None else max(start, stop))
    left = without(windows, done)
    assert positions(left) == [one for one in positions(windows) if one not in positions([done])]
    assert all(stop is None or begin < stop for begin, stop in left)
    # An end that is open stays so until somebody has gone through to the end.
    open_end = bool(windows) and windows[-1][1] is None
    assert (bool(left) and left[-1][1] is None) is (open_end and done[1] is not None)


@given(starts, st.lists(st.integers(0, LAST - 1)))
def test_a_line_that_is_cut_is_still_whole(begin: int, cuts: list[int]) -> None:
    windows = cut(begin, cuts)
    assert positions(windows) == list(range(begin, LAST))
    assert windows[-1][1] is None
    assert {start for start, _ in windows} == {begin, *(one for one in cuts if one > begin)}


# Plans

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
WALK = FullWalk(run=1, began_at=NOW, left=((0, None),))


def ago(*, full: float | None, run: float | None = None) -> ScopeState:
    """A state whose last full walk and last run are so many hours old."""
    full_at = None if full is None else NOW - timedelta(hours=full)
    run_at = full_at if run is None else NOW - timedelta(hours=run)
    return ScopeState(full_at=full_at, run_at=run_at)


PLANS = [
    ("nothing there", ScopeState(), None, True, Plan.FULL),
    ("nothing there, and a full one is not wanted", ScopeState(), False, True, Plan.FULL),
    ("a walk is under way", ScopeState(walk=WALK), None, True, Plan.RESUMED),
    ("a walk is under way, full", ScopeState(walk=WALK, full_at=NOW), True, True, Plan.RESUMED),
    ("a walk is under way, not full", ScopeState(walk=WALK), False, False, Plan.RESUMED),
    ("fresh", ago(full=1), None, True, Plan.INCREMENTAL),
    ("fresh, but a full one is wanted", ago(full=1), True, True, Plan.FULL),
    ("of this moment", ago(full=0), None, True, Plan.INCREMENTAL),
    ("just before it is old", ago(full=23.99), None, True, Plan.INCREMENTAL),
    ("old", ago(full=24), None, True, Plan.FULL),
    ("old, but a full one is not wanted", ago(full=24), False, False, Plan.INCREMENTAL),
    ("from the future", ago(full=-1), None, True, Plan.FULL),
    ("from the future, but not wanted", ago(full=-1), False, True, Plan.INCREMENTAL),
]


@pytest.mark.parametrize(
    ("state", "full", "public", "expected"),
    [one[1:] for one in PLANS],
    ids=[one[0] for one in PLANS],
)
def test_what_a_run_does_follows_from_the_state(
    state: ScopeState, full: bool | None, public: bool, expected: Plan
) -> None:
    day = timedelta(days=1)
    assert plan(state, now=NOW, full=full, full_every=day, public=public) is expected


@pytest.mark.parametrize(
    ("days", "public", "expected"),
    [
        (29, False, Plan.INCREMENTAL),
        (30, False, Plan.FULL),
        (30, True, Plan.INCREMENTAL),
    ],
)
def test_private_models_are_listed_again_where_deletions_may_be_listed_no_more(
    days: int, public: bool, expected: Plan
) -> None:
    year = timedelta(days=365)
    hours = 24 * days
    for state in (ago(full=hours), ago(full=hours + 24, run=hours)):
        assert plan(state, now=NOW, full=None, full_every=year, public=public) is expected
    recent = ago(full=hours, run=1)
    assert plan(recent, now=NOW, full=None, full_every=year, public=public) is Plan.INCREMENTAL


wire_moments = st.datetimes(timezones=st.just(UTC)).map(wire_time)


@given(st.none() | wire_moments, st.lists(st.none() | wire_moments, max_size=4))
def test_a_high_water_mark_never_falls_and_is_the_last_date_that_came(
    known: str | None, dates: list[str | None]
) -> None:
    last = max((date for date in (known, *dates) if date is not None), default=None)
    assert later(moment_of(known), dates) == moment_of(last)


# Rows


def row_of(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "model_a", **fields})


def read(raw: bytes) -> ModelRow:
    row = read_row(raw)
    assert isinstance(row, ModelRow), row
    return row


def test_a_row_needs_only_an_id() -> None:
    assert read(b'{"id":"model_a"}')[1:-2] == (None,) * 12


def test_nulls_are_as_good_as_nothing() -> None:
    names = [name for name in ModelRow._fields if name not in ("id", "content_hash", "record")]
    wire = {
        "collection_ids": "collectionIds",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "deleted_at": "deletedAt",
        "owner_id": "ownerId",
        "thumbnail_asset_id": "thumbnail",
    }
    row = read(row_of(**{wire.get(name, name): None for name in names}))
    assert row[1:-2] == (None,) * 12
    assert read(row_of(thumbnail={"assetId": None})).thumbnail_asset_id is None


def test_the_columns_are_those_of_the_record() -> None:
    catalogue = Catalogue.seeded(public=30, private=30)
    for one in catalogue:
        raw = catalogue.store.encoded(one)
        record = msgspec.json.decode(raw)
        row = read(raw)
        assert row.record.encode() == raw
        assert (row.id, row.name, row.type) == (one.id, one.name, one.type)
        for text, name in (
            (row.tags, "tags"),
            (row.capabilities, "capabilities"),
            (row.collection_ids, "collectionIds"),
        ):
            assert (None if text is None else msgspec.json.decode(text)) == record.get(name)
        assert row.created_at == record.get("createdAt")
        assert row.updated_at == record.get("updatedAt")


def test_nulls_in_lists_stay() -> None:
    row = read(row_of(tags=["a", None], capabilities=[None]))
    assert row.tags == '["a",null]'
    assert row.capabilities == "[null]"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.123Z"),
        ("2026-01-31T12:00:00.000+02:00", "2026-01-31T10:00:00.000Z"),
        ("2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31t12:00:00.000z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31 12:00:00.000Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:00:00-02:00", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_date_of_another_form_becomes_one_that_sorts(text: str, stored: str) -> None:
    row = read(row_of(createdAt=text, updatedAt=text, deletedAt=text))
    assert (row.created_at, row.updated_at, row.deleted_at) == (stored,) * 3


dates = st.datetimes(
    timezones=st.integers(-23 * 60, 23 * 60).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    )
)


@given(dates, st.sampled_from(["seconds", "milliseconds", "microseconds"]))
def test_every_aware_date_is_kept_in_milliseconds(moment: datetime, precision: str) -> None:
    text = moment.isoformat(timespec=precision)
    assert read(row_of(createdAt=text)).created_at == wire_time(datetime.fromisoformat(text))


ODD_DATES = [
    *("2026-01-31T12:00Z", "20260131T120000Z", "2026-01-31T12:00:00,000Z", "2026-01-31T24:00:00Z"),
    *("2026-W05-6T12:00:00.000Z", "2026-01-31T12:00:00+01", "2026-01-31T12:00:00+0100"),
    *("2026-01-31T12:00:60Z", "2026-01-31T12:00:00+01:00:30", "2026-01-31T12:00:00.9999999Z"),
    *("0000-12-31T23:00:00-02:00", "9999-12-31T23:59:59.9999999Z", " 2026-01-31T12:00:00Z"),
]
of_dates = st.text("0123456789-+:.,TtZz W", max_size=30)


@given(dates.map(datetime.isoformat), of_dates, st.integers(0, 30), st.integers(0, 8))
def test_a_copy_reads_a_date_as_a_listing_does(text: str, new: str, at: int, instead: int) -> None:
    check_both(text[:at] + new[:2] + text[at + instead :])
    check_both(new)


@pytest.mark.parametrize("text", ODD_DATES)
def test_a_copy_reads_an_odd_date_as_a_listing_does(text: str) -> None:
    check_both(text)


def check_both(text: str) -> None:
    names = {"createdAt": "created_at", "updatedAt": "updated_at", "deletedAt": "deleted_at"}
    for wire, name in names.items():
        raw = row_of(**{wire: text})
        stored, listed = read_row(raw), RowDecoder(Model).decode(raw)
        assert isinstance(stored, InvalidRow) == isinstance(listed, InvalidRow)
        if isinstance(listed, Model) and isinstance(stored, ModelRow):
            assert getattr(stored, name) == as_text(getattr(listed, name))
            moment = moment_of(getattr(stored, name))  # which the store can read again
            assert moment is not None
            assert wire_time(moment) == getattr(stored, name)


@pytest.mark.parametrize(
    "date", ["2026-01-31", "2026-01-31T12:00:00.000", "yesterday", "", 17, {}, [], True]
)
def test_a_row_with_a_date_that_is_none_does_not_fit(date: object) -> None:
    row = read_row(row_of(createdAt=date))
    assert isinstance(row, InvalidRow)
    assert row.id == "model_a"


def test_no_column_has_a_nul_and_the_record_keeps_it() -> None:
    raw = row_of(name="a\0b", tags=["c\0d", "\0"], thumbnail={"assetId": "\0e"}, type="\0")
    row = read(raw)
    assert row.name == "ab"
    assert row.type == ""
    assert row.tags == '["cd",""]'
    assert row.thumbnail_asset_id == "e"
    assert row.record.encode() == raw
    assert "\\u0000" in row.record


texts = st.lists(
    st.one_of(
        st.sampled_from(["\0", "\\", "u", "0", "\\u0000", '"', "a", "\\u", "000"]),
        st.characters(codec="utf-8"),
    ),
    max_size=12,
).map("".join)


@given(texts, st.lists(texts, max_size=3))
def test_only_nuls_are_taken_out_of_text_and_lists(name: str, tags: list[str]) -> None:
    row = read(row_of(name=name, tags=tags))
    assert row.name == name.replace("\0", "")
    assert row.tags is not None
    assert msgspec.json.decode(row.tags) == [tag.replace("\0", "") for tag in tags]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"model_a","name":"\xff"}',
        b'{"id":"model_a","name":"\\ud83c"}',
        b'{"id":"model_a","description":"\xff"}',
        b'{"id":"model_a","tags":["\xff"]}',
        b'{"id":"model_a","tags":["\\ud83c"]}',
        b'{"id":"model_a","tags":[NaN]}',
    ],
    ids=[
        "invalid UTF-8",
        "lone surrogate",
        "in no column",
        "in a list",
        "half in a list",
        "no number",
    ],
)
def test_a_row_that_is_no_text_does_not_fit_and_keeps_its_bytes(raw: bytes) -> None:
    row = read_row(raw)
    assert isinstance(row, InvalidRow)
    assert row.raw == raw
    assert row.id == "model_a"


list_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(st.sampled_from(["tags", "capabilities", "collectionIds"]), list_values)
def test_a_list_is_stored_where_a_model_takes_it(field: str, value: object) -> None:
    raw = row_of(**{field: value})
    taken = not isinstance(RowDecoder(Model).decode(raw), InvalidRow)
    assert isinstance(read_row(raw), ModelRow) is taken


@pytest.mark.parametrize("model_id", ["a\0b", "\0", "a" * 501], ids=["inside", "alone", "long"])
@pytest.mark.parametrize("name", ["A", 5], ids=["good otherwise", "bad otherwise"])
def test_a_row_whose_id_cannot_be_stored_is_told_apart_by_no_id(
    model_id: str, name: object
) -> None:
    raw = row_of(id=model_id, name=name)
    row = read_row(raw)
    assert isinstance(row, InvalidRow)
    assert (row.id, row.raw) == (None, raw)


def test_an_id_may_be_as_long_as_an_index_takes() -> None:
    assert read(row_of(id="\U0001f600" * 500)).id == "\U0001f600" * 500


# Hashes and changed fields

SIGNATURES = [
    "Expires={}&Policy=p{}&Key-Pair-Id=K&Signature=s{}",
    "p=100&width=640&Expires={}&Policy={}__&Key-Pair-Id=K&Signature={}~",
    "X-Amz-Date={}&X-Amz-Credential={}&X-Amz-Signature={}",
    "X-Goog-Date={}&X-Goog-Expires={}&X-Goog-Signature={}",
    "Expires={}&AWSAccessKeyId={}&Signature={}",
    "se={}&sp={}&sig={}",
]
BASE = {"id": "model_a", "name": "A", "tags": ["b", "https://example.com/?page=1"], "n": [1, 2]}


def signed(parameters: str, *values: str) -> dict[str, Any]:
    url = "https://cdn.example.com/asset_a?" + parameters.format(*values)
    return {**BASE, "thumbnail": {"assetId": "asset_a", "url": url}, "more": [url, {"url": url}]}


words = st.text("abcXYZ0123456789-_~", min_size=1, max_size=20)


@given(st.sampled_from(SIGNATURES), st.tuples(words, words, words), st.tuples(words, words, words))
def test_signatures_are_no_change(
    parameters: str, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    old, new = (msgspec.json.encode(signed(parameters, *one)) for one in (first, second))
    assert content_hash(old) == content_hash(new)
    assert changed_fields(old.decode(), new.decode()) == ()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.just("http://a/?b=c"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
records = st.dictionaries(st.sampled_from(["name", "tags", "a", "b", "thumbnail"]), values)


@given(records, records, st.sampled_from(SIGNATURES))
def test_everything_else_is_another_hash(
    first: dict[str, Any], second: dict[str, Any], parameters: str
) -> None:
    url = "https://cdn.example.com/asset_a?" + parameters
    old, new = ({"id": "a", "url": url, **one} for one in (first, second))
    before, after = msgspec.json.encode(old), msgspec.json.encode(new)
    assert (content_hash(before) == content_hash(after)) is (before == after)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "https://cdn.example.com/asset_a?Signature=a",
            "https://cdn.example.com/asset_b?Signature=a",
        ),
        ("https://example.com/?page=1", "https://example.com/?page=2"),
        ("https://example.com/", "https://example.com"),
        ("ftp?Signature=a", "ftp?Signature=b"),
    ],
)
def test_another_thing_behind_a_url_is_a_change(old: str, new: str) -> None:
    before, after = row_of(url=old), row_of(url=new)
    assert content_hash(before) != content_hash(after)
    assert changed_fields(before.decode(), after.decode()) == ("url",)


def test_a_quote_inside_something_like_a_url_hides_nothing() -> None:
    old = row_of(name='http://a?sig=1 "b"')
    assert changed_fields(old.decode(), row_of(name="B").decode()) == ("name",)


@pytest.mark.parametrize("value", ["1" * 400, "1e400000", "9" * 140_000], ids=len)
def test_fields_that_changed_are_named_beside_what_nobody_can_read(value: str) -> None:
    url = "https://cdn.example.com/asset_a?Signature="
    old, new = (f'{{"id":"a","name":"{name}","more":{value},"url":"{url}{name}"}}' for name in "ab")
    read(old.encode())
    assert changed_fields(old, new) == ("name",)


def test_a_change_of_a_record_that_is_nested_too_deeply_is_still_one() -> None:
    old, new = (f'{{"id":"{name}","more":{"[" * 500_000}{"]" * 500_000}}}' for name in "ab")
    assert changed_fields(old, new) == ("",)
    assert changed_fields(old, old) == ()


def test_all_fields_are_new_beside_a_record_that_is_none() -> None:
    assert changed_fields("by hand", '{"id":"a","name":"A"}') == ("id", "name")


# Comparisons


def test_a_page_is_compared_with_what_the_store_knows() -> None:
    rows = {name: read(row_of(id=name)) for name in "abcdefg"}
    same = {name: row.content_hash for name, row in rows.items()}
    known = {
        "b": Known("other", deleted=False, member=True, missing=False),
        "c": Known(same["c"], deleted=False, member=True, missing=False),
        "d": Known(same["d"], deleted=True, member=True, missing=False),
        "e": Known(same["e"], deleted=False, member=False, missing=False),
        "f": Known(same["f"], deleted=False, member=True, missing=True),
        "g": Known("other", deleted=True, member=False, missing=False),
        "z": Known("not on this page", deleted=False, member=True, missing=False),
    }
    comparison = compare([*reversed(rows.values())], known)
    assert [row.id for row in comparison.new] == ["a", "d", "g"]
    assert [row.id for row in comparison.changed] == ["b"]
    assert comparison.unchanged == 3
    assert comparison.joined == ["a", "e", "g"]
    assert comparison.found == ["f"]


def test_of_a_repeated_row_the_last_one_counts() -> None:
    first, second = read(row_of(name="first")), read(row_of(name="second"))
    assert compare([first, second], {}).new == [second]
    known = {"model_a": Known(first.content_hash, deleted=False, member=True, missing=False)}
    assert compare([first, second], known).changed == [second]
    assert compare([second, first], known).unchanged == 1


def test_a_record_in_other_bytes_is_unchanged_unless_its_hash_was_emptied() -> None:
    rows = [read(row_of(id=name, name="A")) for name in "abcd"]
    hashes = {"a": "other", "b": "", "c": "other", "d": rows[3].content_hash}
    known = {
        name: Known(content_hash, deleted=False, member=True, missing=False)
        for name, content_hash in hashes.items()
    }
    records = {name: f'{{"name": "A", "id": "{name}"}}' for name in "ab"} | {"c": '{"id":"c"}'}
    told: list[Comparison] = []

    def steps() -> Generator[None, None, None]:
        told.append((yield from without_same(compare(rows, known), known, records)))

    assert len(list(steps())) == 3
    (comparison,) = told
    assert [row.id for row in comparison.changed] == ["b", "c"]
    assert comparison.fields == {"a": (), "b": (), "c": ("name",)}
    assert comparison.unchanged == 2


# What runs cost, and how many deletions are allowed


@given(models=st.integers(0, 100_000), bulk_refused=st.booleans())
def test_more_models_never_cost_fewer_requests(models: int, bulk_refused: bool) -> None:
    def costs(count: int) -> list[int]:
        return [
            requests_for_walk(count),
            requests_by_id(count, bulk_refused=bulk_refused),
            requests_by_status([count]),
        ]

    for fewer, more in zip(costs(models), costs(models + 1), strict=True):
        assert 0 <= fewer <= more <= fewer + 1


@given(models=st.integers(0, 100_000))
def test_a_walk_has_a_page_for_each_part_of_nearly_a_page(models: int) -> None:
    pages = requests_for_walk(models)
    assert pages * LARGEST_PAGE > models
    # A tenth more than full pages would be.
    assert pages <= models / (0.9 * LARGEST_PAGE) + 1
    assert models_for_walk(pages) <= models < models_for_walk(pages + 1)


@given(models=st.integers(0, 100_000), share=st.floats(0, 1))
def test_a_share_of_a_scope_may_be_deleted_unless_it_is_small(models: int, share: float) -> None:
    allowed = allowed_deletions(share, models)
    if share == 1 or models <= 20:
        assert allowed is None
    else:
        assert allowed is not None
        assert allowed <= share * models < allowed + 1


@pytest.mark.parametrize("models", [0, 5, 1_000])
def test_a_number_of_deletions_holds_for_every_scope(models: int) -> None:
    assert [allowed_deletions(limit, models) for limit in (0, 1, 30, None)] == [0, 1, 30, None]


# Ids that are asked for


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=()), max_size=3)))
def test_ids_are_kept_once_each_in_their_order_but_for_those_that_cannot_be(
    values: list[str],
) -> None:
    kept = ids_of(iter(values))

    assert kept == list(dict.fromkeys(one for one in values if one in (kept or ())))
    for one in values:
        possible = "\0" not in one and not any("\ud800" <= char <= "\udfff" for char in one)
        assert (one in (kept or ())) == possible
