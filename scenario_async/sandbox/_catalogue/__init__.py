"""The models of a sandbox: invented, kept, selected."""

from .catalogue import Catalogue
from .contents import Collection, Contents
from .details import write_detail
from .letters import ID_LENGTH, MOST_EXAMPLES, asset_id, is_asset_id, position
from .pictures import SIDE, picture, picture_size
from .random_changes import ChangeKind, change_at_random
from .rows import Privacy, Row, encode_row, encode_summary, iso, training_images_number
from .selection import Filters, SortBy, Window
from .signed_urls import ORIGIN, is_picture, signed_url
from .store import Store

__all__ = [
    "ID_LENGTH",
    "MOST_EXAMPLES",
    "ORIGIN",
    "SIDE",
    "Catalogue",
    "ChangeKind",
    "Collection",
    "Contents",
    "Filters",
    "Privacy",
    "Row",
    "SortBy",
    "Store",
    "Window",
    "asset_id",
    "change_at_random",
    "encode_row",
    "encode_summary",
    "is_asset_id",
    "is_picture",
    "iso",
    "picture",
    "picture_size",
    "position",
    "signed_url",
    "training_images_number",
    "write_detail",
]
