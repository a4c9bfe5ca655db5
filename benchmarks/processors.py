"""Which processor the two sides of a measurement run on, so that neither gets in the other's way.

The server gets the last processor and the contenders the one before it. Where there is one only, or
where the system cannot do it, the scheduler decides.
"""

from __future__ import annotations

import os
from typing import Literal

_FEWEST = 2


def use_processor(side: Literal["server", "contender"]) -> None:
    """Keep this process, and the threads it starts from now on, on one processor."""
    if not hasattr(os, "sched_setaffinity"):
        return
    available = sorted(os.sched_getaffinity(0))
    if len(available) >= _FEWEST:
        os.sched_setaffinity(0, {available[-1 if side == "server" else -2]})
