"""All that a store has, in a form in which two stores can be compared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select, text

from scenario_async.sync import CatalogStore
from scenario_async.sync._store.catalog_store import database_of
from scenario_async.sync._store.values import moment_of
from scenario_async.sync._tables import memberships, models, rejected, state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scenario_async.sandbox import Catalogue, Privacy

# By the clock of the machine.
_CLOCK = frozenset({"full_at", "run_at", "began_at"})


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store has; what depends on when and how often a run was begun is left out.

    Attributes:
        models: By their ids. When a public model was deleted nobody knows: only that it was.
        memberships: Scopes and ids.
        missing: Those of them that a walk under way did not find.
        rejected: Rows that do not fit, by scope and key.
        state: By its key.
    """

    models: Mapping[str, Mapping[str, Any]]
    memberships: frozenset[tuple[str, str]]
    missing: frozenset[tuple[str, str]]
    rejected: Mapping[tuple[str, str], tuple[Any, ...]]
    state: Mapping[str, Any]

    def members(self, scope: str) -> set[str]:
        """The ids of a scope."""
        return {model_id for name, model_id in self.memberships if name == scope}

    def left(self, scope: str) -> list[tuple[int, int | None]] | None:
        """The windows that a full walk under way has left; ``None`` where none is under way."""
        value = self.state.get(f"scope:{scope}")
        if value is None or value["walk"] is None:
            return None
        return [(start, stop) for start, stop in value["walk"]["left"]]


async def contents_of(url: str) -> Contents:
    """Read a store, and see that the database itself finds nothing wrong with its file."""
    async with CatalogStore.open(url, create=False) as store:
        database = database_of(store)
        async with database.transaction() as connection:
            if url.startswith("sqlite"):
                assert await connection.scalar(text("PRAGMA integrity_check")) == "ok"
            found: dict[str, list[dict[str, Any]]] = {}
            for table in (models, memberships, rejected, state):
                rows = await connection.execute(select(table))
                found[table.name] = [dict(row) for row in rows.mappings()]
    return Contents(
        models={row["id"]: _timeless(row) for row in found["models"]},
        memberships=frozenset((row["scope"], row["model_id"]) for row in found["memberships"]),
        missing=frozenset(
            (row["scope"], row["model_id"])
            for row in found["memberships"]
            if row["missing_in"] is not None
        ),
        rejected={
            (row["scope"], row["row_key"]): (row["model_id"], bytes(row["raw"]), row["error"])
            for row in found["rejected"]
        },
        state={row["key"]: _unclocked(row["value"]) for row in found["state"]},
    )


def read(url: str) -> Contents:
    """The same for tests that have no event loop."""
    return asyncio.run(contents_of(url))


def assert_same(one: Contents, other: Contents) -> None:
    """Compare piece by piece: a difference of all of it could not be read."""
    assert one.models.keys() == other.models.keys()
    differing = [one_id for one_id in one.models if one.models[one_id] != other.models[one_id]]
    assert not differing
    assert not one.memberships - other.memberships
    assert not other.memberships - one.memberships
    assert one.missing == other.missing
    assert one.rejected == other.rejected
    assert one.state == other.state


def assert_whole(found: Contents, scopes: Sequence[str], catalogue: Catalogue) -> None:
    """See that there is a model to each membership, and that progress is what has been written.

    While a scope is listed for the first time, it has the models of the windows that are finished,
    and no others. A model that has been rejected is there as well.
    """
    assert {model_id for _, model_id in found.memberships} <= found.models.keys()
    for scope in scopes:
        left = found.left(scope)
        if left is None:
            continue
        members = found.members(scope)
        rejected_keys = {key for name, key in found.rejected if name == scope}
        for row in rows_of(catalogue, scope):
            if "id" in (row.fields or {}):
                continue  # one that shows another id
            listed = not any(
                start <= row.created and (stop is None or row.created < stop)
                for start, stop in left
            )
            assert not listed or row.id in members | rejected_keys, (scope, row.id)
            assert listed or row.id not in members, (scope, row.id)


def rows_of(catalogue: Catalogue, scope: str) -> list[Any]:
    """The models of a scope, as the sandbox knows them."""
    kind, _, collection = scope.partition(":")
    privacy: Privacy = "public" if kind == "public" else "private"
    ids = catalogue.ids(privacy, collection_id=collection or None)
    return [catalogue.get(one) for one in ids]


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    del row["first_seen_at"]
    for name in ("created_at", "updated_at", "deleted_at"):
        row[name] = moment_of(row[name])
    if row["privacy"] == "public":
        row["deleted_at"] = row["deleted_at"] is not None
    return row


def _unclocked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    return {name: _unclocked(one) for name, one in fields.items() if name not in _CLOCK}
