from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scenario_async import APIResponseValidationError, InvalidRow, Model
from scenario_async._decoding import PageAnswer, RowDecoder, decode_assets, decode_record, encode
from scenario_async._decoding import envelope as _decode
from scenario_async._decoding import salvage as _salvage

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Generator, Sequence

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


ResultT = TypeVar("ResultT")


def result_of(steps: Generator[None, None, ResultT]) -> tuple[ResultT, int]:
    """What the steps lead to, and how many there are."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count + 1
        count += 1


def decode_page(body: bytes) -> PageAnswer:
    page = _decode.decode_page(body)
    return page if isinstance(page, PageAnswer) else result_of(page)[0]


def salvage_envelope(body: bytes) -> tuple[list[bytes], str | None] | None:
    return result_of(_salvage.salvage_envelope(body))[0]


class Small(msgspec.Struct):
    id: str
    name: str | None = None


class Nameless(msgspec.Struct):
    name: str | None = None


class Row(NamedTuple):
    """A row of a page, and what should become of it."""

    raw: bytes
    good: bool
    id: str | None


json_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(json_texts.map("x{}".format), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def good_rows(draw: st.DrawFn) -> Row:
    """A record with an id, some known fields, and others that nobody knows."""
    model_id = draw(st.text("abcdefgh_-0123456789ü", min_size=1, max_size=12))
    fields: dict[str, Json] = {"id": model_id}
    if draw(st.booleans()):
        fields["name"] = draw(json_texts)
    if draw(st.booleans()):
        fields["createdAt"] = "2025-03-04T05:06:07.125Z"
    if draw(st.booleans()):
        fields["trainingImages"] = [{"id": "image_1", "name": "not the model"}]
    fields |= draw(st.dictionaries(json_texts.map("x{}".format), json_values, max_size=2))
    names = draw(st.permutations(list(fields)))
    text = json.dumps(
        {name: fields[name] for name in names},
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 2])),
    )
    return Row(text.encode(), good=True, id=model_id)


BAD_ROWS = [
    # What breaks the envelope as well.
    Row(rb'{"id": "bad", "shortDescription": "cut \ud83d"}', good=False, id="bad"),
    Row(rb'{"shortDescription": "\ude00 cut", "id":"bad"}', good=False, id="bad"),
    Row(b'{"id": "bad", "accessRestrictions": NaN}', good=False, id="bad"),
    Row(b'{"accessRestrictions": -Infinity, "id" : "bad"}', good=False, id="bad"),
    Row(b'{"id": "bad", "name": "a\x01b"}', good=False, id="bad"),
    Row(b'{"id": "bad", "name": "a\nb"}', good=False, id="bad"),
    Row(b'{"id": "bad", "name": "\xff\xfe", "accessRestrictions": NaN}', good=False, id="bad"),
    Row(b"NaN", good=False, id=None),
    Row(rb'"\ud800"', good=False, id=None),
    # What is wrong in the row alone.
    Row(b'{"id": "bad", "name": "\xff\xfe"}', good=False, id="bad"),
    Row(b'{"id": "bad", "name": "\xed\xa0\x80"}', good=False, id="bad"),
    Row(b'{"id": "bad", "name": 5}', good=False, id="bad"),
    Row(b'{"id": "bad", "createdAt": "yesterday"}', good=False, id="bad"),
    Row(b'{"id": "bad", "createdAt": "2025-03-04T05:06:07.125"}', good=False, id="bad"),
    Row(b'{"id": "bad", "tags": "no list"}', good=False, id="bad"),
    Row(b'{"id": "bad", "accessRestrictions": 1e400}', good=False, id="bad"),
    Row(b'{"id": 5}', good=False, id=None),
    Row(b'{"id": null}', good=False, id=None),
    Row(b'{"name": "without id"}', good=False, id=None),
    Row(b"{}", good=False, id=None),
    Row(b"[]", good=False, id=None),
    Row(b'["id"]', good=False, id=None),
    Row(b"null", good=False, id=None),
    Row(b"true", good=False, id=None),
    Row(b"0", good=False, id=None),
    Row(b"1e400", good=False, id=None),
    Row(b"-1.5", good=False, id=None),
    Row(b'"text"', good=False, id=None),
]
rows_of_any_kind = st.lists(good_rows() | st.sampled_from(BAD_ROWS), max_size=6)
TOKENS = [b'"token"', b"null", b'""', None]


@st.composite
def pages(draw: st.DrawFn, rows: st.SearchStrategy[list[Row]]) -> tuple[bytes, list[Row]]:
    """The bytes of a page, spaced and ordered as they may be, and its rows."""
    space = draw(st.sampled_from([b"", b" ", b"\r\n\t"]))
    chosen = draw(rows)
    inner = (space + b"," + space).join(row.raw for row in chosen)
    fields = [b'"models"' + space + b":" + space + b"[" + space + inner + space + b"]"]
    token = draw(st.sampled_from(TOKENS))
    if token is not None:
        fields.append(b'"nextPaginationToken"' + space + b":" + token)
    if draw(st.booleans()):
        fields.append(b'"more": {"models": [1], "nextPaginationToken": "no"}')
    shuffled = draw(st.permutations(fields))
    return b"{" + space + (space + b"," + space).join(shuffled) + space + b"}", chosen


@given(pages(rows_of_any_kind))
def test_all_good_rows_of_a_page_are_found_exactly_and_each_bad_one_costs_itself(
    page: tuple[bytes, list[Row]],
) -> None:
    body, rows = page
    answer = decode_page(body)
    assert [bytes(raw) for raw in answer.rows] == [row.raw for row in rows]
    assert answer.token == ("token" if b'"token"' in body else None)
    assert answer.ids == [row.id for row in rows]
    decoder = RowDecoder(Model)
    for raw, row in zip(answer.rows, rows, strict=True):
        result = decoder.decode(raw)
        if row.good:
            assert isinstance(result, Model)
            assert (result.id, result.raw) == (row.id, row.raw)
        else:
            assert isinstance(result, InvalidRow)
            assert (result.id, result.raw) == (row.id, row.raw)
            assert result.error.model_id == row.id


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_one_bad_row_among_good_ones_costs_one_row(bad: Row) -> None:
    answer = decode_page(b'{"models":[{"id":"a"},%b,{"id":"b"}]}' % bad.raw)
    results = [RowDecoder(Model).decode(raw) for raw in answer.rows]
    assert [type(result) for result in results] == [Model, InvalidRow, Model]
    assert [result.id for result in results] == ["a", bad.id, "b"]


@settings(max_examples=40)
@given(pages(rows_of_any_kind.filter(lambda rows: len(rows) <= 3)))
def test_a_page_that_was_cut_short_anywhere_is_an_error_and_no_partial_page(
    page: tuple[bytes, list[Row]],
) -> None:
    body, _ = page
    for end in range(len(body)):
        with pytest.raises(APIResponseValidationError):
            decode_page(body[:end])


@pytest.mark.parametrize("bad", [row for row in BAD_ROWS if row.raw])
def test_a_page_with_a_bad_row_that_was_cut_short_is_an_error(bad: Row) -> None:
    body = b'{"models":[{"id":"a"},%b,{"id":"b"}],"nextPaginationToken":"t"}' % bad.raw
    for end in range(len(body)):
        with pytest.raises(APIResponseValidationError):
            decode_page(body[:end])


@given(st.binary(max_size=40))
@example(b"")
@example(b" ")
@example(b"null")
@example(b'{"models"')
@example(b'{"models":NaN}')
@example(b'{"models":[NaN]')
@example(b'{"models":[NaN}]')
@example(b'{"models":[NaN]}}')
@example(b'{"models":[NaN]},')
@example(b'{"models":[NaN,]}')
@example(b'{"models":[NaN],}')
@example(b'{"models":[NaN] "x":1}')
@example(b'{"x":NaN}')
@example(b"{NaN:[]}")
@example(b"[NaN]")
@example(b"\xff\xfe{}")
@example(b'\xef\xbb\xbf{"models":[]}')
@example(b"<html><body>502 Bad Gateway</body></html>")
def test_arbitrary_bytes_raise_nothing_but_a_validation_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        decode_page(body)


@given(pages(rows_of_any_kind), st.data())
def test_a_damaged_page_is_a_page_or_a_validation_error(
    page: tuple[bytes, list[Row]], data: st.DataObject
) -> None:
    body = bytearray(page[0])
    place = data.draw(st.integers(0, len(body) - 1))
    body[place : place + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"\x00", b"\xff"])
    )
    try:
        answer = decode_page(bytes(body))
    except APIResponseValidationError:
        return
    assert answer.token is None or answer.token.encode()
    for raw in answer.rows:
        assert isinstance(RowDecoder(Model).decode(raw), Model | InvalidRow)


@given(st.integers(0, 46), st.integers(0, 255).map(lambda byte: bytes([byte])))
@example(41, b"\xff")
def test_a_page_with_one_wrong_byte_is_a_page_or_a_validation_error(
    place: int, byte: bytes
) -> None:
    body = b'{"models":[{"id":"a"}],"nextPaginationToken":"t"}'
    try:
        answer = decode_page(body[:place] + byte + body[place + 1 :])
    except APIResponseValidationError:
        return
    if answer.token is not None:
        answer.token.encode()


@given(st.binary(max_size=40) | good_rows().map(lambda row: row.raw[:-1]))
def test_arbitrary_bytes_are_an_invalid_row(raw: bytes) -> None:
    result = RowDecoder(Model).decode(raw)
    assert isinstance(result, InvalidRow)
    assert result.raw == raw


@pytest.mark.parametrize(
    ("token", "read"),
    [(b"null", None), (b'""', None), (b'"abc"', "abc"), (b'"a\\u00fc"', "aü"), (b'" "', " ")],
)
@pytest.mark.parametrize("row", [b'{"id":"a"}', b"NaN"])
def test_an_empty_token_is_the_end_as_much_as_none(
    token: bytes, read: str | None, row: bytes
) -> None:
    body = b'{"models":[%b],"nextPaginationToken":%b}' % (row, token)
    assert decode_page(body).token == read


@pytest.mark.parametrize("row", [b'{"id":"a"}', b"NaN"])
def test_an_absent_token_is_the_end(row: bytes) -> None:
    assert decode_page(b'{"models":[%b]}' % row).token is None


@pytest.mark.parametrize("token", [b"5", b"0", b"false", b"[]", b"{}", b"1.5"])
@pytest.mark.parametrize("row", [b'{"id":"a"}', b"NaN"])
def test_a_token_that_is_no_text_is_an_error(token: bytes, row: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="page of models"):
        decode_page(b'{"models":[%b],"nextPaginationToken":%b}' % (row, token))


@pytest.mark.parametrize("token", [b'"\\ud800"', b'"a\\udfffb"', b'"\xff"'])
@pytest.mark.parametrize("row", [b'{"id":"a"}', b"NaN"])
def test_a_token_that_cannot_be_sent_back_is_a_validation_error(token: bytes, row: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        decode_page(b'{"models":[%b],"nextPaginationToken":%b}' % (row, token))


def test_a_page_whose_models_are_null_is_empty_and_keeps_its_token() -> None:
    answer = decode_page(b'{"models":null,"nextPaginationToken":"t"}')
    assert list(answer.rows) == []
    assert answer.token == "t"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"nextPaginationToken":"t"}',
        b'{"models":{}}',
        b'{"models":"a"}',
        b'{"models":5}',
        b'{"model":{"id":"a"}}',
        b"[]",
        b'[{"id":"a"}]',
        b'{"reason":"odd, with status 200"}',
    ],
)
def test_json_of_another_shape_is_no_page(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="did not answer with a page of models"):
        decode_page(body)


@pytest.mark.parametrize("depth", [100, 500_000])
def test_a_row_nested_deeply_is_read_or_refused_and_takes_nothing_down(depth: int) -> None:
    nested = b'{"id":"deep","x":' + b"[" * depth + b"]" * depth + b"}"
    result = RowDecoder(Model).decode(nested)
    assert isinstance(result, Model if depth == 100 else InvalidRow)
    assert result.id in {"deep", None}
    body = b'{"models":[{"id":"a"},%b],"nextPaginationToken":"t"}' % nested
    page = decode_page(body)
    assert [bytes(row) for row in page.rows] == [b'{"id":"a"}', nested]
    assert page.token == "t"
    for end in (body.rindex(b"]", 0, -100), len(body) - 1):
        with pytest.raises(APIResponseValidationError):
            decode_page(body[:end])


@given(st.lists(st.text(st.sampled_from('[]{}"\\ab'), max_size=9), max_size=4))
def test_brackets_in_texts_do_not_end_a_row_that_is_nested_deeply(texts: list[str]) -> None:
    nested: bytes = b"[" * 2000 + b"]" * 2000
    row = b'{"x":[%b,%b]}' % (msgspec.json.encode({"t": texts}), nested)
    page = decode_page(b'{"more":%b,"models":[%b, %b]}' % (nested, row, row))
    assert [bytes(one) for one in page.rows] == [row, row]


def test_salvaged_rows_have_their_exact_bytes() -> None:
    rows = [b'{"id":"a", "n":"\xff"}', b"NaN", b'{ "id" :"\xc3\xbc" }', rb'"\u00fc\ud800"']
    found = salvage_envelope(b'{ "models" : [ ' + b" , ".join(rows) + b" ] }\n")
    assert found == (rows, None)


def test_a_long_number_in_another_row_does_not_keep_a_page_from_being_salvaged() -> None:
    long_number = b'{"id":"a","x":%b}' % (b"1" * 5000)
    assert len(decode_page(b'{"models":[%b]}' % long_number).rows) == 1
    assert len(decode_page(b'{"models":[NaN,%b]}' % long_number).rows) == 2


@pytest.mark.parametrize(
    "piece",
    [b'{"id":"a","x":"' + b"x" * 40 + b'"}', b"[" * 50, b"{" * 50, b"[[],", b'{"a":'],
)
def test_a_malformed_page_is_gone_through_once_in_steps_that_do_not_grow(piece: bytes) -> None:
    def longest_and_whole(times: int) -> tuple[int, int]:
        """The most bytes that one step goes on by, and the bytes of all of them together."""
        scanned: list[int] = [0]

        class Counting:
            def __init__(self, pattern: re.Pattern[bytes]) -> None:
                self.pattern = pattern

            def match(self, body: bytes, position: int) -> re.Match[bytes] | None:
                found = self.pattern.match(body, position)
                scanned[-1] += (found.end() if found else len(body)) - position
                return found

        with pytest.MonkeyPatch.context() as patch:
            for name in ("_SPACE", "_SCALAR", "_NEXT_BRACKET"):
                patch.setattr(_salvage, name, Counting(getattr(_salvage, name)))
            body = b'{"models":[NaN,' + b",".join([piece] * times)
            steps = _salvage.salvage_envelope(body)
            for _ in steps:
                scanned += [0]
        return max(scanned[:-1], default=0), sum(scanned)

    few, many = longest_and_whole(1000), longest_and_whole(4000)
    assert few[1] > 1000
    assert many[1] < 5 * few[1]
    assert many[0] < 501 * (len(piece) + 1) + 50


def test_a_body_of_brackets_is_left_long_before_its_end() -> None:
    steps = [
        result_of(_salvage.salvage_envelope(b'{"models":[' + b"[" * n)) for n in (10**6, 10**7)
    ]
    assert steps[0] == steps[1]


def test_two_strings_that_were_cut_do_not_make_one_row_of_two() -> None:
    body = b'{"models":[{"id":"a},{"id":"b}]}'
    with pytest.raises(APIResponseValidationError):
        decode_page(body)


def test_salvage_keeps_the_token_wherever_it_stands() -> None:
    assert salvage_envelope(b'{"nextPaginationToken":"t","models":[NaN]}') == ([b"NaN"], "t")
    assert salvage_envelope(b'{"models":[NaN],"nextPaginationToken":"t"}') == ([b"NaN"], "t")
    assert salvage_envelope(b'{"models":[],"x":{"nextPaginationToken":"t"}}') == ([], None)


@pytest.mark.parametrize(
    "body",
    [b'{"models":[NaN]', b'{"models":[NaN]} x', b'{"models":NaN}', b"{}", b"[]", b"", b'{"a":1}'],
)
def test_salvage_gives_nothing_of_what_is_no_whole_page(body: bytes) -> None:
    assert salvage_envelope(body) is None


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"id":"model_1","createdAt":5}', "$.createdAt"),
        (b'{"id":"model_1","tags":["a",5]}', "$.tags[1]"),
        (b'{"id":"model_1","thumbnail":{"url":5}}', "$.thumbnail.url"),
        (b'{"id":"model_1","trainingImages":[{"id":5}]}', "$.trainingImages[0].id"),
    ],
)
def test_the_error_of_a_row_names_the_model_and_the_field(raw: bytes, field: str) -> None:
    result = RowDecoder(Model).decode(raw)
    assert isinstance(result, InvalidRow)
    error = result.error
    assert (error.model_id, error.field, error.status_code) == ("model_1", field, 200)
    assert "model_1" in str(error)
    assert field in str(error)
    assert isinstance(error.__cause__, msgspec.ValidationError)


def test_the_error_of_a_row_without_id_says_so() -> None:
    result = RowDecoder(Model).decode(b'{"name":"x"}')
    assert isinstance(result, InvalidRow)
    assert result.error.model_id is None
    assert "without a readable id" in str(result.error)
    assert "`id`" in str(result.error)


@pytest.mark.parametrize(
    ("raw", "model_id"),
    [
        (
            b'{"trainingImages":[{"id":"image_1"}],"accessRestrictions":NaN,"id":"model_1"}',
            "model_1",
        ),
        (b'{"trainingImages":[{"id":"image_1"}],"accessRestrictions":NaN}', None),
    ],
)
def test_the_id_of_a_bad_row_is_never_the_id_of_something_inside_it(
    raw: bytes, model_id: str | None
) -> None:
    row = RowDecoder(Model).decode(raw)
    assert isinstance(row, InvalidRow)
    assert row.id in {model_id, None}


def test_neither_the_repr_of_a_bad_row_nor_its_error_shows_the_row() -> None:
    raw = b'{"id":"a","createdAt":5,"thumbnailUrl":"https://cdn.example/a?Signature=abc"}'
    result = RowDecoder(Model).decode(raw)
    assert isinstance(result, InvalidRow)
    assert "Signature" not in repr(result) + str(result.error)
    page = decode_page(b'{"models":[%b]}' % raw)
    assert "Signature" not in repr(page)


def test_a_small_struct_takes_the_fields_that_it_declares() -> None:
    decoder = RowDecoder(Small)
    raw = b'{"id":"a","name":"n","createdAt":5}'
    row = decoder.decode(raw)
    assert row == Small("a", "n")
    assert isinstance(row, Small)


def test_a_plain_dict_is_a_row_type_too() -> None:
    decoder: RowDecoder[dict[str, Any]] = RowDecoder(dict)
    raw = b'{"id":"a","createdAt":5}'
    assert decoder.decode(raw) == {"id": "a", "createdAt": 5}


def test_the_decoder_of_a_type_is_built_once() -> None:
    assert RowDecoder(Small).read == RowDecoder(Small).read


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_an_invalid_row_does_not_keep_its_page_alive(bad: Row) -> None:
    body = b'{"models":[%b,{"id":"b"}],"nextPaginationToken":null}' % bad.raw
    for decoder in (RowDecoder(Model), RowDecoder(Small)):
        assert _references_kept(body, decoder.decode) == 0


def test_a_model_with_nulls_does_not_keep_its_page_alive() -> None:
    body = b'{"models":[{"id":"a","tags":[null]},{"id":"b","tags":[null,5]}]}'
    assert _references_kept(body, RowDecoder(Model).decode) == 0


def test_a_model_does_not_keep_its_page_alive() -> None:
    body = b'{"models":[{"id":"a"},{"id":"b"}],"nextPaginationToken":null}'
    assert _references_kept(body, RowDecoder(Model).decode) == 0


def test_a_raw_row_does_keep_its_page_alive() -> None:
    # So the test above would see it.
    body = b'{"models":[{"id":"a"},{"id":"b"}],"nextPaginationToken":""}'
    assert _references_kept(body, lambda raw: raw) == 2


def test_the_record_of_one_model_is_decoded_with_its_own_bytes() -> None:
    model = RowDecoder(Model).decode(decode_record(b'{"model": {"id": "a", "x": 1}}'))
    assert isinstance(model, Model)
    assert (model.id, model.raw) == ("a", b'{"id": "a", "x": 1}')


def test_the_assets_of_an_answer_are_its_rows() -> None:
    assert [*map(bytes, decode_assets(b'{"assets":[{"id":"a"}, 5]}'))] == [b'{"id":"a"}', b"5"]
    assert not decode_assets(b'{"assets":null}')


@pytest.mark.parametrize(
    ("decode", "expected"),
    [(decode_page, "a page of models"), (decode_record, "a model"), (decode_assets, "assets")],
)
@pytest.mark.parametrize(
    ("body", "malformed"),
    [
        (b"", True),
        (b"<html>", True),
        (b'{"models":[', True),
        (b'{"model":{"id":"a"}', True),
        (b'{"model":' + b"[" * 100_000, True),
        (b"{}", False),
        (b"[]", False),
        (b'{"models":5,"assets":5}', False),
    ],
)
def test_an_answer_that_is_not_as_documented_is_an_error_that_says_what_is_wrong(
    decode: Callable[[bytes], object], expected: str, body: bytes, malformed: bool
) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        decode(body)
    error = caught.value
    cause = error.__cause__
    assert str(error) == f"the service did not answer with {expected}: {cause}"
    assert cause is not None
    # Whole JSON of another shape is what is not malformed.
    assert isinstance(cause, msgspec.ValidationError) is not malformed
    assert (error.malformed, error.status_code) == (malformed, 200)


@given(json_values)
def test_what_is_encoded_is_json(value: Json) -> None:
    assert json.loads(encode(value)) == value


def test_a_page_without_rows_has_no_ids() -> None:
    assert PageAnswer((), None).ids == []


def _references_kept(body: bytes, decode: Callable[[msgspec.Raw | bytes], object]) -> int:
    body = bytes(bytearray(body))  # a constant may be immortal
    before = sys.getrefcount(body)
    answer = decode_page(body)
    rows: Sequence[object] = [decode(raw) for raw in answer.rows]
    del answer
    kept = sys.getrefcount(body) - before
    assert rows
    return kept
