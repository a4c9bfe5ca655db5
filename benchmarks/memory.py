"""How much memory a process holds, as Linux counts it. Bytes throughout."""

from __future__ import annotations

import ctypes
import gc
import os
import re
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def settle() -> None:
    """Give back what the program no longer needs, so that what it holds now is what it uses."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def start_peak() -> int:
    """Begin to watch the peak, and give what the process holds now.

    https://docs.kernel.org/filesystems/proc.html: writing 5 to ``clear_refs`` resets the peak.
    """
    _CLEAR.write_text(_RESET_PEAK)
    return _read("VmRSS")


def peak() -> int:
    """The most that the process held at once since ``start_peak``."""
    return _read("VmHWM")


def peak_of(process: int) -> int:
    """The most that another process ever held at once."""
    return _read("VmHWM", Path(f"/proc/{process}/status"))


def total() -> int:
    """What this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _read(name: str, status: Path = _STATUS) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"the kernel does not tell {name}: these benchmarks need Linux")
    return int(found[1]) * 1024
