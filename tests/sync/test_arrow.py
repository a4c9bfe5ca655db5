"""Stores and listings as tables of Arrow: one schema, whatever is in them."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.catalogue_copies import copying

from scenario_async import APIResponseValidationError, AsyncScenario, InternalServerError
from scenario_async._decoding import InvalidRow, ListedRow, RowDecoder
from scenario_async._extras import MissingExtraError
from scenario_async._formats import ArrowColumns, new_encoder
from scenario_async._listing.arrow import arrow_table
from scenario_async.sandbox import Catalogue, Sandbox, ServerError
from scenario_async.sync import CatalogStore, ModelSelection, StoredModel, StoreError, export, sync
from scenario_async.sync._comparison import ScopePage
from scenario_async.sync._export.file import STORED as STORED_RECORDS
from scenario_async.sync._rows import ModelRow, read_row
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.writer import ScopeWriter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.one_loop]
pyarrow: Any = import_module("pyarrow")  # they have no types
parquet: Any = import_module("pyarrow.parquet")

TEXT = pyarrow.string()
TEXTS = pyarrow.list_(TEXT)
MOMENT = pyarrow.timestamp("ms", tz="UTC")
# What both a listing and a store have.
SHARED = {
    "id": TEXT,
    "name": TEXT,
    "type": TEXT,
    "status": TEXT,
    "privacy": TEXT,
    "capabilities": TEXTS,
    "tags": TEXTS,
    "collection_ids": TEXTS,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "thumbnail_asset_id": TEXT,
    "deleted_at": MOMENT,
    "record": TEXT,
}
STORED = {**SHARED, "first_seen_at": MOMENT, "details": TEXT}
FOUND = {**SHARED, "scopes": TEXTS}


def types_of(table: Any) -> dict[str, Any]:
    return {field.name: field.type for field in table.schema}


async def test_a_store_a_listing_and_a_file_have_the_same_rows_with_the_same_types(
    tmp_path: Path, new_store: Callable[[], str]
) -> None:
    catalogue = Catalogue.seeded(public=0, private=603, collections=2, odd=False)
    file = tmp_path / "models.parquet"

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store)
        table = await copy.store.to_arrow()
        listing = copy.scenario.models.private()
        listed = await listing.to_arrow()
        in_order = [model.id for model in await listing.collect()]
        await export(copy.store, file)
        stored = [model async for model in copy.store.models()]

    assert types_of(table) == STORED
    assert table.column_names == list(StoredModel.__struct_fields__)
    assert types_of(listed) == SHARED
    assert listed["id"].to_pylist() == in_order
    assert listed.sort_by("id").equals(table.select(listed.column_names))
    assert parquet.read_table(file).equals(table)
    for name in STORED:
        assert table[name].to_pylist() == [getattr(model, name) for model in stored]


async def test_filters_order_and_columns_are_those_of_a_query(new_store: Callable[[], str]) -> None:
    catalogue = Catalogue.seeded(public=40, private=120, collections=2)
    private = catalogue.ids("private")
    for one in private[:9]:
        catalogue.update(one, tags=["chosen"])
    queries: list[ModelSelection] = [
        {"scope": "public", "order_by": "-created_at"},
        {"tags": ["chosen"], "limit": 3, "offset": 1},
        {"tags": ["chosen"], "deleted": None},
        {"deleted": True},
        {"ids": catalogue.ids()[5:50], "order_by": "name"},
        {"status": "trained", "created_after": datetime(2020, 1, 1, tzinfo=UTC)},
    ]

    async with copying(catalogue, new_store()) as copy:
        await sync(copy.scenario, copy.store, scopes=["private", "public"])
        catalogue.delete(private[2])
        await sync(copy.scenario, copy.store, scopes=["private", "public"], full=True)
        for filters in queries:
            table = await copy.store.to_arrow(["name", "id"], **filters)
            fitting = [model async for model in copy.store.models(**filters)]
            assert fitting, filters
            assert table.column_names == ["name", "id"]
            assert table["id"].to_pylist() == [model.id for model in fitting]
            assert table["name"].to_pylist() == [model.name for model in fitting]


async def test_no_other_columns_are_read_than_those_that_were_asked_for(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=0, private=3, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        await copy.execute("UPDATE models SET created_at = 'yesterday'")
        assert (await copy.store.to_arrow(["tags"])).num_rows == 3
        with pytest.raises(StoreError, match=r"cannot be read, for its created_at: .*content_hash"):
            await copy.store.to_arrow(["created_at"])


async def test_several_listings_are_one_table_with_the_scopes_of_each_model() -> None:
    catalogue = Catalogue.seeded(public=620, private=30, collections=2, odd=False)

    async with copying(catalogue, "sqlite://") as copy:
        models = copy.scenario.models
        collection = catalogue.collections[0].id
        merged = models.merge(models.private(), models.public(), models.collection(collection))
        table = await merged.to_arrow()
        only = await merged.to_arrow(["scopes"])
        found = {one.model.id: one for one in await merged.collect()}

    assert types_of(table) == FOUND
    assert only.column_names == ["scopes"]
    assert only.num_rows == table.num_rows == len(found) == 650
    for model_id, scopes, record in zip(
        *(table[name].to_pylist() for name in ("id", "scopes", "record")), strict=True
    ):
        assert tuple(scopes) == found[model_id].scopes
        assert record.encode() == found[model_id].model.raw
    assert max(map(len, table["scopes"].to_pylist())) == 2


async def test_nothing_found_is_a_table_without_rows() -> None:
    async with copying(Catalogue(), "sqlite://") as copy:
        models = copy.scenario.models
        tables = (
            (await copy.store.to_arrow(), STORED),
            (await models.private().to_arrow(), SHARED),
            (await models.merge(models.private(), models.public()).to_arrow(), FOUND),
        )
    for table, types in tables:
        assert (table.num_rows, types_of(table)) == (0, types)


async def test_a_listing_that_fails_or_has_a_row_that_does_not_fit_is_no_table() -> None:
    catalogue = Catalogue.seeded(public=0, private=20, odd=False)
    # Not of its columns: a model whose record does not fit is a row all the same.
    catalogue.update(catalogue.ids()[3], fields={"trainingImages": 5})
    invalid: list[InvalidRow] = []

    async with copying(catalogue, "sqlite://") as copy:
        models = copy.scenario.models
        assert (await models.private().to_arrow()).num_rows == 20
        broken = catalogue.ids()[5]
        catalogue.update(broken, fields={"tags": "none"})
        with pytest.raises(APIResponseValidationError, match=f"{broken!r} does not fit: .*tags"):
            await models.private().to_arrow()
        table = await models.private(on_invalid=invalid.append).to_arrow(["id"])
        assert (table.num_rows, [row.id for row in invalid]) == (19, [broken])
        copy.sandbox.faults.add(ServerError(), times=None)
        with pytest.raises(InternalServerError):
            await models.private().to_arrow()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"columns": "id"}, TypeError, r"columns must be several, such as \['id'\], and not one"),
        ({"columns": []}, ValueError, "columns must name one at least; there are id, name, type"),
        ({"columns": ["id", "id"]}, ValueError, "columns must name each one once, and has 'id'"),
        (
            {"columns": ["createdAt"]},
            ValueError,
            "no column 'createdAt'; did you mean 'created_at'[?] there are id, name, .*details",
        ),
        ({"columns": ["xyz"]}, ValueError, "no column 'xyz'; there are id"),
        ({"tag": ["a"]}, TypeError, r"to_arrow\(\) got .*argument 'tag'; did you mean 'tags'[?]"),
        ({"order_by": "size"}, ValueError, "order_by must be one of"),
    ],
)
async def test_an_argument_that_fits_nothing_is_refused(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await CatalogStore.open("sqlite://").to_arrow(**arguments)


async def test_a_listing_has_not_all_columns_of_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sandbox(Catalogue()) as sandbox:
        async with AsyncScenario(
            api_key="a", api_secret="b", base_url=sandbox.base_url
        ) as scenario:
            listing = scenario.models.private()
            with pytest.raises(ValueError, match="there is no column 'details'; there are"):
                await listing.to_arrow(["details"])
            monkeypatch.setitem(sys.modules, "pyarrow", None)
            with pytest.raises(MissingExtraError, match=r"to_arrow needs pyarrow: .*\[export\]"):
                await listing.to_arrow()
    assert len(sandbox.requests) == 0


def test_the_filters_are_those_of_a_query() -> None:
    of_models = CatalogStore.models.__annotations__.keys() - {"return"}
    assert ModelSelection.__optional_keys__ == of_models


raw = msgspec.Raw
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=8)
    | st.integers()
    | st.sampled_from([raw(b"1e400000"), raw(b"7" * 5000), raw(b"-0.0"), raw(b'"\\u0000"')]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
TEXTS_SENT = st.none() | st.text() | ANYTHING
LISTS_SENT = st.none() | st.lists(st.none() | st.text()) | ANYTHING
DATES_SENT = (
    st.none()
    | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat())
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z", "now"])
    | ANYTHING
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("name", "type", "status", "privacy"), TEXTS_SENT),
        **dict.fromkeys(("capabilities", "tags", "collectionIds"), LISTS_SENT),
        **dict.fromkeys(("createdAt", "updatedAt", "deletedAt"), DATES_SENT),
        "thumbnail": st.none() | st.fixed_dictionaries({"assetId": TEXTS_SENT}) | ANYTHING,
        "record": ANYTHING,
        "first_seen_at": ANYTHING,
    },
)


@given(sent=st.lists(RECORDS, min_size=1, max_size=12))
@example(sent=[{}, {"name": "a\0b", "tags": ["\0", None]}, {"more": raw(b"[" * 500 + b"]" * 500)}])
@settings(max_examples=20)
def test_whatever_a_store_can_hold_becomes_a_row_of_each_table(sent: list[dict[str, Any]]) -> None:
    rows = [msgspec.json.encode({"id": f"m{n:02d}", **fields}) for n, fields in enumerate(sent)]
    asyncio.run(_same_everywhere(rows))


async def _same_everywhere(sent: list[bytes]) -> None:
    read = [(row, record) for record in sent if isinstance(row := read_row(record), ModelRow)]
    async with CatalogStore.open("sqlite://") as store:
        writer = ScopeWriter(database_of(store), "private", run=1, now=datetime.now(UTC))
        await writer.write(ScopePage(rows=[row for row, _ in read]))
        table = await store.to_arrow()
        stored = [model async for model in store.models()]
    encoder = new_encoder("parquet", STORED_RECORDS)
    file = encoder.batch(stored) + encoder.end()
    assert [row["record"].encode() for row in table.to_pylist()] == [raw for _, raw in read]
    assert table.to_pylist() == [msgspec.structs.asdict(model) for model in stored]
    assert parquet.read_table(io.BytesIO(file)).equals(table)

    decoder = RowDecoder(ListedRow)
    listed = [decoder.decode(record) for _, record in read]
    as_listed = ArrowColumns(ListedRow.__struct_fields__).batch(listed).to_pylist()
    names = [name for name in SHARED if name not in ("deleted_at", "record")]
    for row, other in zip(table.to_pylist(), as_listed, strict=True):
        assert row["record"] == other["record"]
        # Databases have no NUL.
        assert repr([row[name] for name in names]) == repr([other[name] for name in names]).replace(
            "\\x00", ""
        )


async def test_others_run_while_a_table_is_made(tmp_path: Path) -> None:
    catalogue = Catalogue.seeded(public=0, private=1500, odd=False)

    async with copying(catalogue, tmp_path / "models.db") as copy:
        await sync(copy.scenario, copy.store)
        passes: list[int] = []

        async def count() -> None:
            while True:
                passes.append(0)
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        for table_of in (copy.store.to_arrow, copy.scenario.models.private().to_arrow):
            before = len(passes)
            assert (await table_of()).num_rows == 1500
            # Each batch is made elsewhere, and the loop goes round meanwhile.
            assert len(passes) - before > 30
        counting.cancel()


def listed(model_id: str) -> ListedRow:
    row = RowDecoder(ListedRow).decode(msgspec.json.encode({"id": model_id}))
    assert isinstance(row, ListedRow)
    return row


async def test_pages_that_come_in_any_order_are_put_in_theirs_each_model_once() -> None:
    async def slices() -> AsyncGenerator[tuple[int, list[tuple[str, ListedRow | None]]], None]:
        yield 2, [("e", listed("e")), ("f", None)]
        yield 2, [("c", listed("c"))]
        yield 0, []
        yield 0, [("a", listed("a")), ("c", listed("c")), ("b", listed("b"))]
        yield 1, [("d", None)]

    scopes = {one: SimpleNamespace(scopes=("private", one)) for one in "abce"}
    for names in (["id"], ["scopes", "id"]):
        table = await arrow_table(slices(), names, scopes.__getitem__)
        assert table.column_names == names
        assert table["id"].to_pylist() == ["a", "b", "e", "c"]
        assert table.column(0).num_chunks == 2
    assert table["scopes"].to_pylist() == [["private", one] for one in "abec"]
