"""The loop over the rows of a page: what becomes of each, however they are sliced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import InvalidRow, Model, PageEvent
from scenario_async._decoding import AskableRow, Identity, ListedRow, PageReader, RowDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pages_of_ids = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=6)
ids = st.sampled_from("abcde")
rows_of_any_kind = st.lists(
    st.one_of(
        ids.map(lambda one: b'{"id":"%b"}' % one.encode()),
        ids.map(lambda one: b'{"id":"%b","tags":5}' % one.encode()),
        ids.map(lambda one: b'{"id":"%b","type":"other"}' % one.encode()),
        st.sampled_from([b"null", b"{}", b'{"id":5}', b'{"id":"\xff"}', b'{"id":"a"', b"NaN"]),
    ),
    max_size=12,
)


class Nameless(msgspec.Struct):
    name: str | None = None


class Defaulted(msgspec.Struct):
    id: str = ""


class Renamed(msgspec.Struct):
    id: str = msgspec.field(name="authorId", default="")


def row(model_id: str) -> bytes:
    return b'{"id":"%b"}' % model_id.encode()


def bad(model_id: str) -> bytes:
    return b'{"id":"%b","tags":5}' % model_id.encode()


def reader(
    rows: Sequence[bytes],
    seen: dict[str | bytes, int] | None = None,
    depth: int = 0,
    on_invalid: Callable[[InvalidRow], object] | None = None,
    kind: type[Any] = Model,
    **options: Any,
) -> PageReader[Any]:
    decoder = RowDecoder(kind)
    return PageReader(decoder, rows, on_invalid=on_invalid, seen=seen, depth=depth, **options)


def sighted_by(page: PageReader[Any], at_once: int = 100) -> list[tuple[str, Any]]:
    sighted: list[tuple[str, Any]] = []
    while page.left:
        sighted += page.take(at_once)
    return sighted


def given_by(page: PageReader[Any]) -> list[str]:
    return [model_id for model_id, record in sighted_by(page) if record is not None]


@given(pages_of_ids)
def test_each_id_is_given_once_in_order_and_each_repetition_is_counted(
    pages: list[list[str]],
) -> None:
    seen: dict[str | bytes, int] = {}
    readers = [reader([*map(row, page)], seen, depth) for depth, page in enumerate(pages)]
    got = [given_by(one) for one in readers]
    flat = [model_id for page in pages for model_id in page]
    assert [model_id for page in got for model_id in page] == list(dict.fromkeys(flat))
    events = [one.event(last=False) for one in readers]
    assert [event.models for event in events] == [len(page) for page in got]
    assert [event.models + event.repeated for event in events] == [len(page) for page in pages]


def test_a_row_of_a_table_has_what_the_service_sent_but_for_nulls_in_lists() -> None:
    raw = (
        b'{"id":"a","name":"A","type":"custom","status":"trained","privacy":"private",'
        b'"capabilities":["txt2img",null],"tags":[null,"red"],"collectionIds":["c"],'
        b'"createdAt":"2026-01-02T00:00:00.000Z","updatedAt":"2026-01-03T00:00:00.000Z",'
        b'"deletedAt":"2026-01-04T00:00:00.000Z","thumbnail":{"assetId":"asset_a"},"other":5}'
    )
    created_at, updated_at, deleted_at = (datetime(2026, 1, day, tzinfo=UTC) for day in (2, 3, 4))
    assert RowDecoder(ListedRow).decode(raw) == ListedRow(
        id="a",
        name="A",
        type="custom",
        status="trained",
        privacy="private",
        capabilities=["txt2img"],
        tags=["red"],
        collection_ids=["c"],
        created_at=created_at,
        updated_at=updated_at,
        thumbnail_asset_id="asset_a",
        deleted_at=deleted_at,
        record=raw.decode(),
    )
    bare = RowDecoder(ListedRow).decode(row("a"))
    assert isinstance(bare, ListedRow)
    assert msgspec.structs.astuple(bare) == ("a", *[None] * 11, '{"id":"a"}')


@given(rows_of_any_kind, st.data())
def test_any_split_into_slices_gives_the_same_and_reports_bad_rows_in_their_place(
    rows: list[bytes], data: st.DataObject
) -> None:
    def asked(raw: msgspec.Raw | bytes) -> bool:
        return b"other" not in bytes(raw)

    def read(sizes: Callable[[], int]) -> tuple[list[object], PageEvent]:
        happened: list[object] = []

        def note(one: InvalidRow) -> None:
            happened.append(one.raw)

        page = reader(rows, on_invalid=note, check=asked, known={"e"})
        while page.left:
            size, before = sizes(), len(happened)
            for one in page.take(size):
                happened.append(one)  # noqa: PERF402 - between two of them a row may be reported
            assert len(happened) <= before + size
        return happened, page.event(last=False)

    one_by_one = read(lambda: 1)
    assert read(lambda: data.draw(st.integers(1, 5))) == one_by_one
    assert read(lambda: 100) == one_by_one


@given(rows_of_any_kind)
def test_a_broken_row_hides_no_good_one(rows: list[bytes]) -> None:
    good = [raw for raw in rows if isinstance(RowDecoder(Model).decode(raw), Model)]
    page = reader(rows)
    assert given_by(page) == given_by(reader(good))
    assert page.event(last=False).invalid == len(rows) - len(good)


@given(pages_of_ids, st.data())
def test_a_page_that_is_asked_for_again_gives_its_models_again(
    pages: list[list[str]], data: st.DataObject
) -> None:
    seen: dict[str | bytes, int] = {}
    rows = [[*map(row, page)] for page in pages]
    first = [given_by(reader(page, seen, depth)) for depth, page in enumerate(rows)]
    for depth in data.draw(st.lists(st.sampled_from(range(len(pages)))) if pages else st.just([])):
        assert given_by(reader(rows[depth], seen, depth)) == first[depth]


def test_a_page_gives_the_id_that_a_later_page_gave_before() -> None:
    # The later page was asked for first, as by a caller that holds both.
    seen: dict[str | bytes, int] = {}
    assert given_by(reader([row("a"), row("b")], seen, depth=3)) == ["a", "b"]
    assert given_by(reader([row("a")], seen, depth=2)) == ["a"]


def test_a_known_row_is_not_typed_again_and_its_id_tells_where_it_stands() -> None:
    page = reader([row("a"), bad("b"), row("c")], known={"b"})
    assert sighted_by(page) == [("a", Model(id="a")), ("b", None), ("c", Model(id="c"))]
    assert page.event(last=True) == PageEvent(models=2, repeated=1, invalid=0, last=True)


def test_without_a_taker_the_first_bad_row_is_kept_and_the_rest_goes_on() -> None:
    page = reader([bad("bad_1"), row("a"), bad("bad_2")])
    assert given_by(page) == ["a"]
    assert page.error is not None
    assert page.error.model_id == "bad_1"
    assert page.event(last=True) == PageEvent(models=1, repeated=0, invalid=2, last=True)


def test_a_taker_gets_every_bad_row_in_order_and_there_is_no_error() -> None:
    taken: list[InvalidRow] = []
    page = reader([bad("bad_1"), row("a"), b"null", b'{"name":"NaN"}'], on_invalid=taken.append)
    assert given_by(page) == ["a"]
    assert page.error is None
    assert [(one.id, one.raw) for one in taken] == [
        ("bad_1", bad("bad_1")),
        (None, b"null"),
        (None, b'{"name":"NaN"}'),
    ]
    assert page.event(last=False) == PageEvent(models=1, repeated=0, invalid=3, last=False)


def test_a_bad_row_that_came_on_a_page_before_is_repeated() -> None:
    def asked(raw: msgspec.Raw | bytes) -> bool:
        return b"other" not in bytes(raw)

    taken: list[InvalidRow] = []
    seen: dict[str | bytes, int] = {}
    sighted_by(reader([bad("a"), b"null"], seen, 0, taken.append))
    rows = [b'{"id":"a","tags":6}', b"null", b"{}", *[b'{"id":"b","type":"other"}'] * 2]
    page = reader(rows, seen, 1, taken.append, check=asked)
    assert sighted_by(page) == []

    assert [one.raw for one in taken] == [bad("a"), b"null", b"{}"]
    event = page.event(last=True, listing=3)
    assert event == PageEvent(models=0, repeated=2, invalid=1, last=True, filtered=2)
    assert event.listing == 3


def test_what_a_taker_raises_comes_out() -> None:
    def refuse(one: InvalidRow) -> None:
        raise one.error

    with pytest.raises(Exception, match="bad_1") as caught:
        sighted_by(reader([bad("bad_1")], on_invalid=refuse))
    assert type(caught.value).__name__ == "APIResponseValidationError"
    assert caught.value.__context__ is None


def test_a_bad_row_does_not_use_up_its_id() -> None:
    assert given_by(reader([bad("a"), row("a")], on_invalid=lambda _: None)) == ["a"]


def test_rows_of_a_type_without_an_id_are_told_apart_all_the_same() -> None:
    rows = [
        b'{"id":"a","name":"x"}',
        b'{"id":"b","name":"x"}',
        b'{"id":"a","name":"y"}',
        b'{"name":"z"}',
    ]
    page = reader(rows, kind=Nameless)
    assert sighted_by(page) == [("a", Nameless("x")), ("b", Nameless("x")), ("a", None)]
    assert page.event(last=True) == PageEvent(models=2, repeated=1, invalid=1, last=True)
    assert page.error is not None


@pytest.mark.parametrize(
    ("decoder", "has_id"),
    [
        (RowDecoder(Model), True),
        (RowDecoder(ListedRow), True),
        (RowDecoder(Identity), True),
        (RowDecoder(AskableRow), True),
        (RowDecoder(Renamed, lambda raw: Renamed(bytes(raw).decode())), True),
        (RowDecoder(Defaulted), False),
        (RowDecoder(Renamed), False),
        (RowDecoder(Nameless), False),
        (RowDecoder(dict[str, object]), False),
    ],
)
def test_it_is_known_for_which_types_a_record_has_the_id_of_its_row(
    decoder: RowDecoder[Any], has_id: bool
) -> None:
    assert decoder.has_id is has_id


@pytest.mark.parametrize("kind", [Defaulted, Renamed])
def test_rows_are_told_apart_by_the_id_on_the_wire_whatever_the_callers_struct_calls_id(
    kind: type[Defaulted | Renamed],
) -> None:
    rows = [b'{"id":"%b","authorId":"one"}' % model_id for model_id in (b"a", b"b", b"c")]
    assert given_by(reader(rows, kind=kind)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "raw", [b"{}", b'{"name":"n"}', b'{"id":null}', b'{"id":5}', b'{"id":"\xff"}']
)
@pytest.mark.parametrize("kind", [Defaulted, Nameless])
def test_a_row_without_a_readable_id_is_invalid_whatever_the_callers_struct_says(
    raw: bytes, kind: type[Defaulted | Nameless]
) -> None:
    taken: list[InvalidRow] = []
    assert given_by(reader([raw, raw], kind=kind, on_invalid=taken.append)) == []
    assert [(one.id, one.raw) for one in taken] == [(None, raw)] * 2


def test_a_page_without_rows_is_an_event_too() -> None:
    page = reader([])
    assert not page.left
    assert page.event(last=False) == PageEvent(models=0, repeated=0, invalid=0, last=False)
