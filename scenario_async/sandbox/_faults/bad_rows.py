"""Rows that break in one way each, whole otherwise."""

from __future__ import annotations

from typing import Final, Literal

from scenario_async.sandbox._catalogue import Row, encode_row

BadRowKind = Literal[
    "lone-surrogate",
    "nan",
    "control-character",
    "huge-number",
    "wrong-type",
    "missing-id",
    "not-an-object",
    "invalid-utf8",
]
"""How a row is broken.

``lone-surrogate``: the name has half of a surrogate pair, escaped. ``nan``: a bare ``NaN``.
``control-character``: the name has a raw line break. ``huge-number``: a number of 400 digits.
``wrong-type``: an object for tags and a number for a date. ``missing-id``: no id.
``not-an-object``: a text. ``invalid-utf8``: bytes in the name that are no UTF-8.
"""

_NAME: Final = b"Broken on purpose"
_NUMBER: Final = b'"accessRestrictions":0'


def bad_row_id(kind: BadRowKind) -> str:
    """Give the id inside a broken row."""
    return f"model_sandbox-bad-row-{kind}"


def bad_row(kind: BadRowKind) -> bytes:
    """Give a broken row."""
    if kind == "not-an-object":
        return f'"{bad_row_id(kind)}"'.encode()
    if kind == "wrong-type":
        return encode_row(_row(kind, tags={"0": "not a list"}, createdAt=17))
    row = _row(kind, accessRestrictions=0)
    wrong, right = {
        "lone-surrogate": (_NAME + b" \\ud83c", _NAME),
        "control-character": (_NAME + b" \n\x01", _NAME),
        "invalid-utf8": (_NAME + b" \xff\xfe\xc3", _NAME),
        "nan": (b'"accessRestrictions":NaN', _NUMBER),
        "huge-number": (b'"accessRestrictions":' + b"9" * 400, _NUMBER),
        "missing-id": (b"{", f'{{"id":"{row.id}",'.encode()),
    }[kind]
    return encode_row(row).replace(right, wrong, 1)


def _row(kind: BadRowKind, **fields: object) -> Row:
    return Row(
        id=bad_row_id(kind),
        name=_NAME.decode(),
        privacy="private",
        type="custom",
        status="trained",
        created=0,
        updated=0,
        fields=fields,
    )
