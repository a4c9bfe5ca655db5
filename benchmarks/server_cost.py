"""What a PostgreSQL server on this machine costs: processor time, and bytes of its log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.postgresql import PostgreSQL

_TICKS = os.sysconf("SC_CLK_TCK")
# Positions in /proc/PID/stat after the name, which is in brackets: user, system, and the same of
# children that have ended (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
_OWN = (11, 12)
_WITH_ENDED_CHILDREN = (11, 12, 13, 14)


class ServerCost:
    """Counts what a server has used since it started.

    Args:
        server: It runs on this machine.
    """

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        # It lives as long as the server does.
        oldest = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        self._postmaster = _parent(int(server.query(oldest)[0]))

    def processor_seconds(self) -> float:
        """Of all processes of the server, user and system."""
        used = _ticks(self._postmaster, _WITH_ENDED_CHILDREN)
        used += sum(_ticks(child, _OWN) for child in _children(self._postmaster))
        return used / _TICKS

    def log_bytes(self) -> int:
        """What was written to the write-ahead log."""
        (written,) = self._server.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(written)


def _stat(process: int) -> list[str]:
    text = Path(f"/proc/{process}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _ticks(process: int, fields: tuple[int, ...]) -> int:
    try:
        found = _stat(process)
    except FileNotFoundError:
        return 0  # it has ended, and counts among the children that have
    return sum(int(found[field]) for field in fields)


def _parent(process: int) -> int:
    return int(_stat(process)[1])


def _children(process: int) -> list[int]:
    return [
        int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]
