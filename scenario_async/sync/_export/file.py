"""A store written out as one file."""

from __future__ import annotations

import os
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from scenario_async._formats import Records, Style, format_of, new_encoder
from scenario_async._query import given_flag
from scenario_async.sync._backends import FILE_SUFFIXES
from scenario_async.sync._errors import EmptyExportError, ExportError
from scenario_async.sync._store import StoredModel, check_scope, check_values, database_of

from .replacement import Replacement

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from scenario_async._formats import ExportFormat
    from scenario_async.sync._store import CatalogStore

__all__ = ["STORED", "encoded", "export", "file_of", "models_of"]


def _record(model: StoredModel) -> bytes:
    return (model.details or model.record).encode()


_TEXTS = ("record", "details")
STORED: Records[StoredModel] = Records(
    tuple(name for name in StoredModel.__struct_fields__ if name not in _TEXTS), _record, _TEXTS
)
"""Models as a store has them."""

# What is in memory at once, whatever the store has.
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_MODELS = 10_000


async def export(
    store: CatalogStore,
    path: str | Path,
    *,
    format: ExportFormat | None = None,  # noqa: A002 - the name that everybody knows
    scope: str | None = None,
    type: str | None = None,  # noqa: A002 - the API's name
    status: str | None = None,
    privacy: str | None = None,
    tags: Sequence[str] = (),
    collection: str | None = None,
    deleted: bool | None = False,
    csv_safe: bool = False,
    allow_empty: bool = False,
) -> int:
    """Write models of a store to a file, by their ids.

    The file is written beside its place and moved there once it is whole: whatever fails, an older
    one stays as it is. A new one can be read and written by its owner alone (mode 0600), as it may
    have private models; an older one keeps its mode. Memory does not grow with the store.

    Args:
        store: An open store.
        path: Which file.
        format: ``"jsonl"`` and ``"json"`` have the records as they were sent, the full ones where
            they were fetched since the row last changed. ``"csv"`` has the columns of
            :class:`StoredModel` without the records, with lists comma separated. ``"parquet"`` has
            lists, times in UTC, and the records as text; it needs the extra
            ``scenario-async[export]``. ``None`` takes the format that the suffix of the path names.
        scope: As for :meth:`CatalogStore.models`, and so are all that follow.
        type: See ``scope``.
        status: See ``scope``.
        privacy: See ``scope``.
        tags: See ``scope``.
        collection: See ``scope``.
        deleted: See ``scope``.
        csv_safe: For CSV that people open in a spreadsheet: an apostrophe is written before text
            that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break, which it would take
            for a formula. Names and tags are other people's. Without it CSV has the data as it is,
            as programs need it.
        allow_empty: Whether a file without models may replace one that has something in it, and a
            filter may ask for what no model of the store has.

    Returns:
        How many models were written.

    Raises:
        ValueError: There is no such format, or the suffix names none; ``csv_safe`` for another than
            CSV; the store has no such scope; or another filter fits nothing: it is empty, or asks
            for a type, status, tag or collection that neither a model of the store has nor the
            service documents.
        TypeError: A value of the wrong type.
        ModuleNotFoundError: Parquet needs pyarrow.
        EmptyExportError: No model fits, and the file is there already.
        ExportError: The file cannot be written, or is one of the store's own.
        StoreError: The database failed.
    """
    given_flag("csv_safe", csv_safe)
    given_flag("allow_empty", allow_empty)
    chosen = format_of(path, format)
    replacement = file_of(store, path)
    models = await models_of(
        store,
        allow_empty=allow_empty,
        scope=scope,
        type=type,
        status=status,
        privacy=privacy,
        tags=tags,
        collection=collection,
        deleted=deleted,
    )
    count = 0
    parts_of = encoded(models, chosen, csv_safe=csv_safe)
    async with aclosing(parts_of) as parts, replacement as file:
        async for number, data in parts:
            count += number
            await file.write(data)
        if not (count or allow_empty) and await file.changes():
            raise EmptyExportError(
                f"no model of the store fits: {str(path)!r} stays as it is; allow_empty=True "
                "replaces it"
            )
    return count


async def models_of(
    store: CatalogStore,
    *,
    allow_empty: bool,
    scope: str | None,
    **filters: Any,  # noqa: ANN401 - what ``CatalogStore.models`` takes
) -> AsyncGenerator[StoredModel, None]:
    """The models of a store for a file: of a scope that the store has.

    Raises:
        ValueError: It never had the scope, or another filter fits nothing.
        TypeError: A filter of the wrong type.
        StoreError: The database failed.
    """
    await check_scope(store, scope)
    models = store.models(scope=scope, **filters)
    if not allow_empty:
        await check_values(store, **filters)
    return models


def file_of(store: CatalogStore, path: str | Path) -> Replacement:
    """A file for what is read of a store.

    Raises:
        ExportError: It names a folder, or is one of the store's own.
    """
    _refuse_folder(path)
    _refuse_own_file(store, path)
    return Replacement(Path(path))


def _refuse_folder(path: str | Path) -> None:
    """Raise for a path that ends as one of a folder does, of which a ``Path`` keeps nothing."""
    if os.fspath(path).endswith(("/", os.sep)):
        raise ExportError(f"cannot write {str(path)!r}: this names a folder; name a file in it")


def _refuse_own_file(store: CatalogStore, path: str | Path) -> None:
    """Raise where a file of the store itself would be replaced, under whatever name."""
    # The URL of a server names no file that anybody could have meant.
    database = os.path.realpath(database_of(store).name)
    for own in (f"{database}{suffix}" for suffix in FILE_SUFFIXES):
        same = os.path.realpath(path) == own
        with suppress(OSError):
            same = same or Path(path).samefile(own)
        if same:
            raise ExportError(
                f"cannot write {str(path)!r}: it is a file of the store itself; name another one"
            )


async def encoded(
    models: AsyncGenerator[StoredModel, None], format_: ExportFormat, *, csv_safe: bool = False
) -> AsyncGenerator[tuple[int, bytes], None]:
    """How many more models are written with how many more bytes of a file, up to its end.

    Raises:
        ValueError: Only CSV could be safe.
        ModuleNotFoundError: Parquet needs pyarrow.
        StoreError: The database failed.
    """
    style = Style(csv_safe=csv_safe)
    # In a thread: a module that writes a format may take a tenth of a second to import.
    encoder = await anyio.to_thread.run_sync(new_encoder, format_, STORED, style)
    async with aclosing(_batches(models)) as batches:
        async for batch in batches:
            # In a thread: a batch takes a tenth of a second.
            yield len(batch), await anyio.to_thread.run_sync(encoder.batch, batch)
    yield 0, await anyio.to_thread.run_sync(encoder.end)


async def _batches(
    models: AsyncGenerator[StoredModel, None],
) -> AsyncGenerator[Sequence[StoredModel], None]:
    batch: list[StoredModel] = []
    size = 0
    async with aclosing(models):
        async for model in models:
            batch.append(model)
            size += len(model.record) + len(model.details or "")
            if size >= _BATCH_BYTES or len(batch) >= _BATCH_MODELS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch
