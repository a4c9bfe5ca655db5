"""A small store as each version of the schema has written it, kept as SQL in the folder ``stores``.

``cd tests && python -m support.written_stores`` adds those of the present version, of both
databases. Files of earlier versions are never written again: they are what such stores are.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from scenario_async import APIError
from scenario_async.sandbox import Catalogue, ServerError
from scenario_async.sync import sync, watch
from scenario_async.sync._backends.schema import schema_version
from support.catalogue_copies import all_trained, cap, copying
from support.postgresql import PostgreSQL, binaries

STORES = Path(__file__).parent / "stores"


def catalogue() -> Catalogue:
    """What the service has: the same each time, as the records in the files are of it."""
    seeded = all_trained(Catalogue.seeded(public=5, private=5, foreign=0, odd=False))
    seeded.update(seeded.ids("private")[0], fields={"name": 5}, touch=False)  # no row that fits
    return seeded


async def write(url: str) -> None:
    """Make a store of it that has something in every table, and a walk that was broken off."""
    async with copying(catalogue(), url) as copy:
        changes = watch(copy.scenario, copy.store, every=60, details=True)
        await anext(changes)
        await changes.aclose()  # the others are still to be given
        copy.catalogue.delete(copy.catalogue.ids("private")[1])
        await sync(copy.scenario, copy.store)
        cap(copy.sandbox, 2)
        copy.sandbox.faults.add(ServerError(500), after=3, times=None)
        try:
            await sync(copy.scenario, copy.store, scopes=["public"])
        except APIError:
            return
        raise RuntimeError("the walk was to be broken off")


def main() -> None:
    """Write the files of the present version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        asyncio.run(write(f"sqlite:///{path}"))
        with closing(sqlite3.connect(path)) as database:
            lines = "\n".join(database.iterdump())
    _of("sqlite").write_text(f"{lines}\n")
    programs = binaries()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    server = PostgreSQL(programs)
    try:
        server.start()
        name = server.create()
        asyncio.run(write(server.url(name)))
        _of("postgresql").write_text(server.dump(name))
    finally:
        server.remove()


def _of(kind: str) -> Path:
    return STORES / f"version_{schema_version()}.{kind}.sql"


if __name__ == "__main__":
    main()
