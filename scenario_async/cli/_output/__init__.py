"""What the commands write: models, tables, messages and progress."""

from .formats import CSV, CSV_COLUMNS, Format, JSONArray, JSONLines, JSONRecord
from .messages import (
    WrongUsageError,
    debug_log,
    in_words,
    say,
    stamp_messages,
    warnings_said,
    wrong_usage,
)
from .output import (
    OutputClosedError,
    OutputFailedError,
    is_terminal,
    terminal_width,
    write_data,
    write_out,
)
from .progress import Counts, Progress, doing
from .summaries import json_line, run_line, run_lines, store_lines, summary_lines
from .sync_progress import SyncProgress
from .table import Table

__all__ = [
    "CSV",
    "CSV_COLUMNS",
    "Counts",
    "Format",
    "JSONArray",
    "JSONLines",
    "JSONRecord",
    "OutputClosedError",
    "OutputFailedError",
    "Progress",
    "SyncProgress",
    "Table",
    "WrongUsageError",
    "debug_log",
    "doing",
    "in_words",
    "is_terminal",
    "json_line",
    "run_line",
    "run_lines",
    "say",
    "stamp_messages",
    "store_lines",
    "summary_lines",
    "terminal_width",
    "warnings_said",
    "write_data",
    "write_out",
    "wrong_usage",
]
