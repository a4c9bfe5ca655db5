"""Models as bytes, in each of the formats: for ``list``, ``get`` and ``export``."""

from .arrow import ArrowColumns, chosen_columns
from .records import MODELS, Records, Style
from .registry import (
    ENCODED,
    FORMATS,
    Encoder,
    ExportFormat,
    Format,
    format_of,
    new_encoder,
)
from .terminal_text import escaped, printable, steers, without_steering

__all__ = [
    "ENCODED",
    "FORMATS",
    "MODELS",
    "ArrowColumns",
    "Encoder",
    "ExportFormat",
    "Format",
    "Records",
    "Style",
    "chosen_columns",
    "escaped",
    "format_of",
    "new_encoder",
    "printable",
    "steers",
    "without_steering",
]
