from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import InvalidRow, Model, PageEvent
from scenario_async._decoding.envelope import RowDecoder
from scenario_async._decoding.rows import PageReader, SeenIds

if TYPE_CHECKING:
    from collections.abc import Callable

pages_of_ids = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=6)


class Nameless(msgspec.Struct):
    name: str | None = None


class Defaulted(msgspec.Struct):
    id: str = ""


class Renamed(msgspec.Struct):
    id: str = msgspec.field(name="authorId", default="")


def row(model_id: str) -> bytes:
    return b'{"id":"%b"}' % model_id.encode()


def reader(
    seen: SeenIds | None = None,
    depth: int = 0,
    on_invalid: Callable[[InvalidRow], object] | None = None,
) -> PageReader[Model]:
    return PageReader(RowDecoder(Model), on_invalid, seen or SeenIds(), depth)


def ids(page: PageReader[Model], given: list[str]) -> list[str]:
    models = [page.take(row(model_id)) for model_id in given]
    return [model.id for model in models if model is not None]


@given(pages_of_ids)
def test_each_id_is_given_once_in_order_and_each_repetition_is_counted(
    pages: list[list[str]],
) -> None:
    seen = SeenIds()
    readers = [reader(seen, depth) for depth in range(len(pages))]
    got = [ids(page, given) for page, given in zip(readers, pages, strict=True)]
    flat = [model_id for page in pages for model_id in page]
    assert [model_id for page in got for model_id in page] == list(dict.fromkeys(flat))
    events = [page.event(last=False) for page in readers]
    assert [event.models for event in events] == [len(page) for page in got]
    assert [event.models + event.repeated for event in events] == [len(page) for page in pages]


@given(pages_of_ids, st.data())
def test_a_page_that_is_asked_for_again_gives_its_models_again(
    pages: list[list[str]], data: st.DataObject
) -> None:
    seen = SeenIds()
    first = [ids(reader(seen, depth), given) for depth, given in enumerate(pages)]
    for depth in data.draw(st.lists(st.sampled_from(range(len(pages)))) if pages else st.just([])):
        assert ids(reader(seen, depth), pages[depth]) == first[depth]


def test_a_page_gives_the_id_that_a_later_page_gave_before() -> None:
    # The later page was asked for first, as by a caller that holds both.
    seen = SeenIds()
    assert ids(reader(seen, depth=3), ["a", "b"]) == ["a", "b"]
    assert ids(reader(seen, depth=2), ["a"]) == ["a"]


def test_an_id_belongs_to_the_page_that_gave_it_first() -> None:
    seen = SeenIds()
    assert seen.first_on("a", 2) == 2
    assert seen.first_on("a", 5) == 2
    assert seen.first_on("b", 5) == 5


def test_walks_do_not_share_what_they_have_seen() -> None:
    assert ids(reader(), ["a"]) == ["a"]
    assert ids(reader(), ["a"]) == ["a"]


def test_without_a_taker_the_first_bad_row_is_kept_and_the_rest_goes_on() -> None:
    assert reader().error is None
    page = reader()
    assert page.take(b'{"id":"bad_1","tags":5}') is None
    assert ids(page, ["a"]) == ["a"]
    assert page.take(b'{"id":"bad_2","tags":5}') is None
    assert page.error is not None
    assert page.error.model_id == "bad_1"
    assert page.event(last=True) == PageEvent(models=1, repeated=0, invalid=2, last=True)


def test_a_taker_gets_every_bad_row_in_order_and_there_is_no_error() -> None:
    taken: list[InvalidRow] = []
    page = reader(on_invalid=taken.append)
    for raw in (b'{"id":"bad_1","tags":5}', row("a"), b"null", b'{"name":"NaN"}'):
        page.take(raw)
    assert page.error is None
    assert [(bad.id, bad.raw) for bad in taken] == [
        ("bad_1", b'{"id":"bad_1","tags":5}'),
        (None, b"null"),
        (None, b'{"name":"NaN"}'),
    ]
    assert page.event(last=False) == PageEvent(models=1, repeated=0, invalid=3, last=False)


def test_what_a_taker_raises_comes_out() -> None:
    def refuse(bad: InvalidRow) -> None:
        raise bad.error

    page = reader(on_invalid=refuse)
    with pytest.raises(Exception, match="bad_1") as caught:
        page.take(b'{"id":"bad_1","tags":5}')
    assert type(caught.value).__name__ == "APIResponseValidationError"


def test_a_bad_row_does_not_use_up_its_id() -> None:
    seen = SeenIds()
    page = reader(seen, on_invalid=lambda _: None)
    assert page.take(b'{"id":"a","tags":5}') is None
    assert ids(page, ["a"]) == ["a"]


def test_rows_of_a_type_without_an_id_are_told_apart_all_the_same() -> None:
    page = PageReader(RowDecoder(Nameless), None, SeenIds(), 0)
    rows = [b'{"id":"a","name":"x"}', b'{"id":"b","name":"x"}', b'{"id":"a","name":"y"}']
    assert [page.take(raw) for raw in rows] == [Nameless("x"), Nameless("x"), None]
    assert page.take(b'{"name":"z"}') is None
    assert page.event(last=True) == PageEvent(models=2, repeated=1, invalid=1, last=True)
    assert page.error is not None


@pytest.mark.parametrize("kind", [Defaulted, Renamed])
def test_rows_are_told_apart_by_the_id_on_the_wire_whatever_the_callers_struct_calls_id(
    kind: type[Defaulted | Renamed],
) -> None:
    page = PageReader(RowDecoder(kind), None, SeenIds(), 0)
    rows = [
        page.take(b'{"id":"%b","authorId":"one"}' % model_id) for model_id in (b"a", b"b", b"c")
    ]
    assert None not in rows


def test_a_row_without_an_id_is_invalid_also_where_the_callers_struct_has_a_default() -> None:
    page = PageReader(RowDecoder(Defaulted), lambda _: None, SeenIds(), 0)
    page.take(b"{}")
    page.take(b"{}")
    assert page.event(last=True).invalid == 2


def test_a_page_without_rows_is_an_event_too() -> None:
    assert reader().event(last=False) == PageEvent(models=0, repeated=0, invalid=0, last=False)
