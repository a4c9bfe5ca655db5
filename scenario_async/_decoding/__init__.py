"""From the bytes of an answer to rows, and from rows to records."""

from .envelope import (
    AskableRow,
    InvalidRow,
    PageAnswer,
    RowDecoder,
    decode_assets,
    decode_page,
    decode_record,
    encode,
    invalid_row,
)
from .rows import PageReader, SeenIds

__all__ = [
    "AskableRow",
    "InvalidRow",
    "PageAnswer",
    "PageReader",
    "RowDecoder",
    "SeenIds",
    "decode_assets",
    "decode_page",
    "decode_record",
    "encode",
    "invalid_row",
]
