"""Records that say the same in other bytes: nothing changed, and nothing is fetched again."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogue_copies import copying

from scenario_async.sandbox import Catalogue
from scenario_async.sync import sync
from scenario_async.sync._rows import changed_fields, content_hash

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
records = st.dictionaries(st.text(max_size=6), values, max_size=6)
SIGNED = "https://cdn.example/a.png?Expires=1&Policy=p&Signature="


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        entries = list(cast("dict[str, Any]", value).items())
        order.shuffle(entries)
        return {name: shuffled(entry, order) for name, entry in entries}
    if isinstance(value, list):
        return [shuffled(item, order) for item in cast("list[object]", value)]
    return value


def written_otherwise(record: Any, order: random.Random, *, ascii_only: bool, indent: bool) -> str:
    text = json.dumps(
        shuffled(record, order), ensure_ascii=ascii_only, indent=2 if indent else None
    )
    return text.replace("/", "\\/") if ascii_only else text


@given(records, st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_order_space_and_escapes_say_nothing(
    record: dict[str, Any], order: random.Random, ascii_only: bool, indent: bool
) -> None:
    old = json.dumps({**record, "url": f"{SIGNED}one"}, ensure_ascii=False)
    new = written_otherwise(
        {**record, "url": f"{SIGNED}two"}, order, ascii_only=ascii_only, indent=indent
    )

    assert changed_fields(old, new) == ()


@given(records, st.text(max_size=6), values)
def test_what_a_field_says_is_not_lost(record: dict[str, Any], name: str, value: Any) -> None:
    new = {**record, name: value}
    # As JSON, where true is not 1.
    same = name in record and json.dumps(record[name], sort_keys=True) == json.dumps(
        value, sort_keys=True
    )

    found = changed_fields(json.dumps(record), json.dumps(new))
    assert found == (() if same else (name,))


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_a_store_whose_records_are_written_otherwise_counts_nothing_as_changed(
    tmp_path: Path, *, ascii_only: bool
) -> None:
    catalogue = Catalogue.seeded(public=0, private=40, odd=False)
    order = random.Random(1)  # noqa: S311 - for a test
    renamed, emptied = catalogue.ids()[3], catalogue.ids()[4]

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store, details=True)
        kept: dict[str, str] = {}
        async for model in copy.store.models():
            kept[model.id] = written_otherwise(
                json.loads(model.record), order, ascii_only=ascii_only, indent=True
            )
        for model_id, record in kept.items():
            changed = content_hash(record.encode())
            await copy.execute(
                "UPDATE models SET record = ?, content_hash = ?, details_hash = ? WHERE id = ?",
                *(record, changed, changed, model_id),
            )
        catalogue.update(renamed, name="another name")
        await copy.execute("UPDATE models SET content_hash = '' WHERE id = ?", emptied)

        report = await sync(copy.scenario, copy.store, full=True, details=True)
        assert (report.changed, report.unchanged, report.new) == (2, 38, 0)
        assert report.details == 2
        after = {model.id: model.record async for model in copy.store.models()}
        other = {one for one, record in after.items() if record != kept[one]}
        assert other == {renamed, emptied}
