"""What the commands write: models, tables, messages and progress."""

from .fleets import account_lines, fleet_lines
from .messages import (
    WrongUsageError,
    cannot_listen,
    counted,
    debug_log,
    in_words,
    say,
    stamp,
    stamp_messages,
    warnings_said,
    wrong_usage,
)
from .output import (
    OutputClosedError,
    OutputError,
    OutputFailedError,
    abandon,
    is_terminal,
    terminal_width,
    write_data,
    write_lines,
    write_out,
    writer_of,
)
from .progress import Counts, counts_shown, doing
from .summaries import (
    json_line,
    run_line,
    run_lines,
    statistics_lines,
    statistics_svg,
    store_lines,
    summary_lines,
)
from .sync_progress import SyncProgress

__all__ = [
    "Counts",
    "OutputClosedError",
    "OutputError",
    "OutputFailedError",
    "SyncProgress",
    "WrongUsageError",
    "abandon",
    "account_lines",
    "cannot_listen",
    "counted",
    "counts_shown",
    "debug_log",
    "doing",
    "fleet_lines",
    "in_words",
    "is_terminal",
    "json_line",
    "run_line",
    "run_lines",
    "say",
    "stamp",
    "stamp_messages",
    "statistics_lines",
    "statistics_svg",
    "store_lines",
    "summary_lines",
    "terminal_width",
    "warnings_said",
    "write_data",
    "write_lines",
    "write_out",
    "writer_of",
    "wrong_usage",
]
