"""What is measured: which contenders walk which listing, how often.

The slow contenders run where a bar or the table needs them: all of it takes about 40 minutes.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from contenders import Privacy  # noqa: TC002 - msgspec reads it
from measure import Mode  # noqa: TC002 - msgspec reads it

Compression = Literal["plain", "gzip"]

SHORT = 300
MODELS = 10_000
MANY = 100_000
TURNS = 5
FEWER_TURNS = 3

SEQUENTIAL = ("ours-one-at-a-time", "hand-written", "bytes-only")
OFFICIAL = ("official-100", "official-500")
OFFICIAL_ON_AIOHTTP = ("official-100-aiohttp", "official-500-aiohttp")
LOADING = ("ours-sync", "bare-load", "dlt-sqlite", "dlt-duckdb-parquet")
# No bar needs these.
FOR_THE_TABLE = {"official-100": 3, "official-100-aiohttp": 2, "official-500-aiohttp": 2}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One listing, walked or loaded by several contenders in turns.

    Attributes:
        name: How it is called on the command line and in the results.
        title: What it is, for a heading.
        models: How many models are listed.
        privacy: Which ones.
        compression: How the answers come.
        latency: Seconds that the service waits before each answer.
        contenders: Who takes part.
        modes: What is measured.
        turns: How often each contender runs in each mode.
        at_most: The contenders that take part in the first turns only, because they take so long,
            and in how many.
        retrieved: How many models are retrieved by id; 0 where they are listed.
    """

    name: str
    title: str
    contenders: tuple[str, ...]
    models: int = MODELS
    privacy: Privacy = "private"
    compression: Compression = "plain"
    latency: float = 0.0
    modes: tuple[Mode, ...] = ("time",)
    turns: int = TURNS
    at_most: dict[str, int] = {}
    retrieved: int = 0


CASES = (
    Case(
        name="short",
        title="300 private models, no latency",
        models=SHORT,
        contenders=("ours", "hand-written", "bytes-only", *OFFICIAL),
        turns=FEWER_TURNS,
    ),
    Case(
        name="short-300ms",
        title="300 private models, 300 ms a page",
        models=SHORT,
        latency=0.3,
        contenders=("ours", "hand-written", "bytes-only", *OFFICIAL),
        turns=FEWER_TURNS,
    ),
    Case(
        name="plain",
        title="10,000 private models, no latency",
        contenders=("ours", "ours-again", *SEQUENTIAL, *OFFICIAL, *OFFICIAL_ON_AIOHTTP),
        modes=("time", "hold"),
        at_most=FOR_THE_TABLE,
    ),
    Case(
        name="gzip",
        title="10,000 private models, no latency, gzip",
        compression="gzip",
        contenders=("ours", "ours-again", *SEQUENTIAL, *OFFICIAL, *OFFICIAL_ON_AIOHTTP),
        modes=("time", "hold"),
        at_most=FOR_THE_TABLE,
    ),
    Case(
        name="kept",
        title="10,000 private models, all of them kept, no latency",
        contenders=("ours-kept", "plain-lists-kept", "official-500-kept"),
        modes=("time", "hold"),
        at_most={"official-500-kept": 2},
    ),
    Case(
        name="plain-50ms",
        title="10,000 private models, 50 ms a page",
        latency=0.05,
        contenders=("ours", *SEQUENTIAL, *OFFICIAL),
        turns=FEWER_TURNS,
    ),
    Case(
        name="gzip-50ms",
        title="10,000 private models, 50 ms a page, gzip",
        compression="gzip",
        latency=0.05,
        contenders=("ours", "hand-written", "bytes-only", "official-500"),
        turns=FEWER_TURNS,
    ),
    Case(
        name="plain-300ms",
        title="10,000 private models, 300 ms a page",
        latency=0.3,
        contenders=("ours", "ours-again", *SEQUENTIAL, *OFFICIAL),
    ),
    Case(
        name="gzip-300ms",
        title="10,000 private models, 300 ms a page, gzip",
        compression="gzip",
        latency=0.3,
        contenders=("ours", "hand-written", "bytes-only", "official-500"),
        turns=FEWER_TURNS,
    ),
    Case(
        name="public",
        title="10,000 public models, no latency",
        privacy="public",
        contenders=("ours", "hand-written", "bytes-only", *OFFICIAL),
        turns=FEWER_TURNS,
    ),
    Case(
        name="public-50ms",
        title="10,000 public models, 50 ms a page",
        privacy="public",
        latency=0.05,
        contenders=("ours", "hand-written", "bytes-only", *OFFICIAL),
        turns=FEWER_TURNS,
    ),
    Case(
        name="public-300ms",
        title="10,000 public models, 300 ms a page",
        privacy="public",
        latency=0.3,
        contenders=("ours", "hand-written", *OFFICIAL),
        turns=FEWER_TURNS,
        at_most={"official-100": 1},
    ),
    Case(
        name="retrieved-100ms",
        title="700 models by id, 100 ms an answer",
        latency=0.1,
        retrieved=700,
        contenders=("ours-retrieved", "ours-retrieved-one-by-one"),
        at_most={"ours-retrieved-one-by-one": 1},
    ),
    Case(
        name="many",
        title="100,000 private models, no latency",
        models=MANY,
        contenders=("ours", *SEQUENTIAL, "official-500"),
        at_most={"official-500": 1},
    ),
    Case(
        name="load",
        title="10,000 private models into a database, no latency",
        contenders=LOADING,
        at_most={"dlt-sqlite": 2, "dlt-duckdb-parquet": 1},
    ),
    Case(
        name="load-many",
        title="100,000 private models into a database, no latency",
        models=MANY,
        contenders=LOADING,
        turns=FEWER_TURNS,
        at_most={"dlt-duckdb-parquet": 1},
    ),
)

QUICK = (
    "plain",
    "gzip-50ms",
    "kept",
    "plain-300ms",
    "public-300ms",
    "retrieved-100ms",
    "many",
    "load",
)
_QUICK_MODELS = {SHORT: SHORT, MODELS: 1_500, MANY: 3_000}
_QUICK_RETRIEVED = 40


def with_turns(case: Case, turns: int) -> Case:
    """The case with this number of turns, or in proportion where it has fewer than usual."""
    return msgspec.structs.replace(case, turns=max(1, round(case.turns * turns / TURNS)))


def quick(case: Case) -> Case:
    """The same case so small that its figures say nothing, to see whether all of it works."""
    return msgspec.structs.replace(
        case,
        models=_QUICK_MODELS[case.models],
        latency=case.latency / 10,
        retrieved=min(case.retrieved, _QUICK_RETRIEVED),
        turns=1,
    )
