"""What the models of a store are like, by the command line: bars, JSON and a picture."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from scenario_async._formats import printable, steers
from scenario_async.cli._output import statistics_lines, statistics_svg
from scenario_async.sync import CatalogStore, Counts, RunTotals, StoreSizes, StoreStatistics

if TYPE_CHECKING:
    from support.command_line import Run

NAMES = st.text() | st.sampled_from(["flux.1-lora", "\x1b[2J", "猫" * 30, "a\u202eb", ""])
BYTES = st.integers(0, 10**13)
GROUPS = st.dictionaries(NAMES, st.integers(1, 10**7), max_size=5)
MONTHS = st.dates().map(lambda day: f"{day:%Y-%m}".rjust(7, "0"))
RUNS = RunTotals(
    runs=3,
    by_status={"finished": 2, "failed": 1},
    first_at=datetime(2026, 1, 31, tzinfo=UTC),
    last_at=datetime(2026, 2, 1, tzinfo=UTC),
    work=Counts(requests=1, retries=2),
)
NO_RUNS = RunTotals(runs=0, by_status={}, first_at=None, last_at=None, work=Counts())
# Numbers are never cut: a terminal has 16 columns at least.
STATISTICS = st.builds(
    StoreStatistics,
    models=st.integers(0, 10**7),
    by_type=GROUPS,
    by_status=GROUPS,
    by_privacy=GROUPS,
    by_capability=GROUPS,
    by_tag=GROUPS,
    by_month=st.dictionaries(MONTHS, st.integers(1, 10**7), max_size=5),
    sizes=st.builds(
        StoreSizes, **dict.fromkeys(StoreSizes.__struct_fields__, st.integers(0, 10**13))
    ),
    runs=st.sampled_from([RUNS, NO_RUNS]),
)


def plain(lines: list[str]) -> list[str]:
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


@settings(max_examples=50)
@given(found=STATISTICS, width=st.none() | st.integers(16, 200), top=st.integers(1, 6))
def test_bars_fit_whatever_they_are_of(found: StoreStatistics, width: int | None, top: int) -> None:
    lines = plain(statistics_lines(found, width=width, top=top))

    assert not any(map(steers, "".join(lines)))
    assert all(cell_len(line) <= width for line in lines if width is not None)
    text = "\n".join(lines)
    for groups in (found.by_type, found.by_tag):
        for name, number in list(groups.items())[:top]:
            assert f"{number:,}" in text
            assert width is not None or printable(name) in text
        assert width is not None or len(groups) <= top or f"{len(groups) - top} more" in lines
    if found.by_month and width is None:
        months = [line for line in lines if re.match(r"\d{4}-\d\d  ", line)]
        assert 1 <= len(months) <= 24
        assert months[-1].startswith(max(found.by_month))


def statistics(**groups: dict[str, int]) -> StoreStatistics:
    kinds = ("by_type", "by_status", "by_privacy", "by_capability", "by_tag", "by_month")
    empty: dict[str, dict[str, int]] = {kind: {} for kind in kinds}
    sizes = StoreSizes(store=4096, records=999, largest_record=99, details=1_234_567, detailed=1)
    return StoreStatistics(models=1200, sizes=sizes, runs=RUNS, **{**empty, **groups})


def test_lines_are_aligned_and_say_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = statistics(
        by_type={"flux.1-lora": 1000, "custom": 125, "a": 5, "b": 1},
        by_month={"2023-12": 7, "2025-11": 40, "2026-02": 80},
    )
    assert statistics_lines(found, width=None, top=3) == [
        "Models   1,200",
        "Records  999 B, the largest 99 B",
        "Details  1.2 MB of 1 model",
        "Store    4.1 kB",
        "Runs     3 (2 finished, 1 failed), 1 request, 2 retries, 2026-01-31 to 2026-02-01",
        "",
        "Type",
        "flux.1-lora  1,000  " + "█" * 40,
        "custom         125  " + "█" * 5,
        "a                5  ▎",
        "1 more",
        "",
        "Created",
        "before           7",
        *(f"{year}-{month:02}          0" for year, month in _months((2024, 3), (2025, 10))),
        "2025-11         40  " + "█" * 20,
        "2025-12          0",
        "2026-01          0",
        "2026-02         80  " + "█" * 40,
    ]
    assert all(len(line) <= 20 for line in plain(statistics_lines(found, width=20, top=3)))
    colored = statistics_lines(found, width=80, top=3)
    assert plain(colored)[:1] == ["Models   1,200"] != colored[:1]


def _months(first: tuple[int, int], last: tuple[int, int]) -> list[tuple[int, int]]:
    numbers = range(first[0] * 12 + first[1] - 1, last[0] * 12 + last[1])
    return [(number // 12, number % 12 + 1) for number in numbers]


def test_a_picture_needs_nothing_from_elsewhere_and_names_are_text_in_it() -> None:
    drawn = statistics_svg(statistics(by_tag={"<script>alert(1)</script>&": 3}), top=5)

    texts = "".join(ET.fromstring(drawn).itertext()).replace("\xa0", " ")  # noqa: S314 - our own
    assert "<script>alert(1)</script>&" in texts
    assert "█" * 40 in texts
    assert "<script" not in drawn
    assert re.findall(r"https?://[^\"]*", drawn) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"@import|@font-face|url\((?!#)|href", drawn)


def test_the_command_counts_what_fits_in_each_form(ask: Run) -> None:
    ask("sync", "models.db", "--private", "--public")
    everything = ask("stats", "models.db", "--json")
    assert (everything.code, everything.err) == (0, "")

    async def count() -> StoreStatistics:
        async with CatalogStore.open("models.db") as store:
            return await store.statistics()

    assert msgspec.json.decode(everything.out, type=StoreStatistics) == asyncio.run(count())
    public = ask("stats", "models.db", "--scope", "public", "--status", "trained", "--json")
    found = json.loads(public.out)
    assert found["by_privacy"] == {"public": found["models"]}
    assert found["by_status"] == {"trained": found["models"]}

    bars = ask("stats", "models.db", "--top", "1")
    assert (bars.code, bars.err) == (0, "")
    assert f"Models   {json.loads(everything.out)['models']:,}" in bars.out.decode().splitlines()
    assert ask("stats", "models.db", "--svg", "bars.svg").out == b""
    assert Path("bars.svg").read_bytes() == ask("stats", "models.db", "--svg", "-").out


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ("--status traned", 2, "no model of the store has --status traned; did you mean"),
        ("--scope publik", 2, "the store has no scope 'publik'; it has 'private'"),
        ("--json --svg x.svg", 2, "--json and --svg are two ways to write the same"),
        ("--svg models.db", 1, "cannot write 'models.db': it is a file of the store itself"),
        ("--svg no/x.svg", 1, "cannot write 'no/x.svg': there is no folder 'no'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    ask: Run, options: str, code: int, sentence: str
) -> None:
    ask("sync", "models.db", "--private")
    ran = ask("stats", "models.db", *options.split())
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, b"", 1)
    assert ran.err.startswith(f"Error: {sentence}")
