"""Records like ours without what keeps the collector quiet: lists for tuples, ``gc=True``.

This is what one writes who types the same fields and thinks of nothing else. Built from our
records, so that both always have the same fields.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from scenario_async.types import Model

Record = type[msgspec.Struct]


def with_plain_lists(record: Record, inside: tuple[Record, ...] = ()) -> Record:
    """A Struct with the fields of another, mutable and known to the collector.

    Args:
        record: The other.
        inside: The records that this one is a part of. Where one of them contains itself, which no
            row of a listing does, it is left untyped.
    """
    inside = (*inside, record)
    return msgspec.defstruct(
        f"Plain{record.__name__}",
        [
            (
                field.name,
                _converted(field.type, inside),
                msgspec.field(name=field.encode_name, default=field.default),
            )
            for field in msgspec.structs.fields(record)
        ],
        kw_only=True,
        gc=True,
    )


def _converted(kind: Any, inside: tuple[Record, ...]) -> Any:  # noqa: ANN401 - any annotation
    """The annotation with lists for tuples and converted records for ours."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return Any if kind in inside else with_plain_lists(kind, inside)
    origin = get_origin(kind)
    arguments = tuple(get_args(kind))
    if origin is Annotated:
        # Its metadata is for what it annotates, which is no container.
        return kind
    converted = tuple(_converted(argument, inside) for argument in arguments)
    if origin in (Union, types.UnionType):
        return Union[converted]  # noqa: UP007 - of what is only known when this runs
    if origin is tuple:
        return types.GenericAlias(list, converted[:1])
    if origin is dict:
        return types.GenericAlias(dict, converted)
    return kind


PlainListModel = with_plain_lists(Model)
