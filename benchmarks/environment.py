"""The machine and the versions that a measurement holds for."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import zlib
from importlib.metadata import version
from pathlib import Path

import memory
import msgspec

PACKAGES = (
    "scenario-async",
    "aiohttp",
    "msgspec",
    "anyio",
    "tenacity",
    "scenario-sdk",
    "httpx",
    "httpx-aiohttp",
    "pydantic",
    "sqlalchemy",
    "aiosqlite",
    "dlt",
    "duckdb",
    "pyarrow",
)
_GIB = 2**30


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was measured.

    Attributes:
        processor: The model of the processor.
        cores: How many of its cores the benchmarks could use.
        memory: What the machine has, in GiB.
        system: Kernel and distribution.
        python: The interpreter.
        zlib: The library that inflates answers.
        packages: Versions by name.
        sqlite: The library behind ``sqlite3``; empty in results from before anything used it.
    """

    processor: str
    cores: int
    memory: int
    system: str
    python: str
    zlib: str
    packages: dict[str, str]
    sqlite: str = ""


def this_environment() -> Environment:
    """What holds here."""
    return Environment(
        processor=this_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory=round(memory.total() / _GIB),
        system=_system(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        zlib=zlib.ZLIB_RUNTIME_VERSION,
        packages={name: version(name) for name in PACKAGES},
        sqlite=sqlite3.sqlite_version,
    )


def this_processor() -> str:
    """The model of the processor."""
    found = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE
    )
    return found[1] if found else platform.machine()


def _system() -> str:
    # The numbers of the kernel; what a builder put behind them says nothing here.
    kernel = re.match(r"[\d.]+", platform.release())
    try:
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        distribution = "unknown distribution"
    return f"{platform.system()} {kernel[0] if kernel else ''}, {distribution}"
