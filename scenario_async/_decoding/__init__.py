"""From the bytes of an answer to rows, and from rows to records."""

from .columns import ListedRow, read_columns
from .envelope import PageAnswer, decode_assets, decode_page, decode_record, encode
from .invalid_row import AskableRow, Identity, InvalidRow, read_id
from .rows import PageReader, RowDecoder, Sighted

__all__ = [
    "AskableRow",
    "Identity",
    "InvalidRow",
    "ListedRow",
    "PageAnswer",
    "PageReader",
    "RowDecoder",
    "Sighted",
    "decode_assets",
    "decode_page",
    "decode_record",
    "encode",
    "read_columns",
    "read_id",
]
