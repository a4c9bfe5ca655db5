"""Records as plain values: dicts, lists and what JSON has."""

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Mode: TypeAlias = Literal["python", "json"]
"""Dates as ``datetime``, or as ISO 8601 text."""


def attributes(record: msgspec.Struct) -> dict[str, Any]:
    """The fields of a record, None where they are not set, by the names of its attributes."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


def plain(record: msgspec.Struct, *, mode: str, api_names: bool, nulls: bool) -> dict[str, Any]:
    """A record and all records in it as dicts and lists.

    Args:
        record: Which.
        mode: How dates are given, a :data:`Mode`; pydantic knows others, which are as ``"python"``.
        api_names: Whether keys are the API's names; else those of the attributes.
        nulls: Whether fields that are None are there.
    """
    found: dict[str, Any] = _plain(record, api_names=api_names, nulls=nulls)
    if mode != "json":
        return found
    texts: dict[str, Any] = msgspec.to_builtins(found)
    return texts


def _plain(value: object, *, api_names: bool, nulls: bool) -> Any:  # noqa: ANN401 - any of JSON
    if isinstance(value, msgspec.Struct):
        keys = value.__struct_encode_fields__ if api_names else value.__struct_fields__
        fields = zip(keys, attributes(value).values(), strict=True)
        return {
            key: _plain(field, api_names=api_names, nulls=nulls)
            for key, field in fields
            if nulls or field is not None
        }
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return {
            key: _plain(entry, api_names=api_names, nulls=nulls) for key, entry in entries.items()
        }
    if isinstance(value, tuple | list):
        items = cast("Iterable[object]", value)
        return [_plain(item, api_names=api_names, nulls=nulls) for item in items]
    return value


class DataclassProtocol:
    """What ``dataclasses`` and those who ask it want to know of a class, for Structs.

    So ``dataclasses.asdict``, encoders as those of orjson and FastAPI, and ``pandas.DataFrame`` see
    fields, where they would fall back to whatever else an object has.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: object, kind: type[msgspec.Struct]) -> Any:  # noqa: ANN401 - Python's
        return getattr(_as_dataclass(kind), self._name)


@cache
def _as_dataclass(kind: type[msgspec.Struct]) -> type:
    # When it is asked for, as it takes a while. What compares or shows field by field, as a failed
    # assertion in pytest does, would show signed URLs: records compare and show themselves.
    fields = [
        (field.name, field.type, _dataclass_field(field)) for field in msgspec.structs.fields(kind)
    ]
    return dataclasses.make_dataclass(
        kind.__name__, fields, init=False, repr=False, eq=False, frozen=True, kw_only=True
    )


def _dataclass_field(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - as of dataclasses
    if field.default_factory is not msgspec.NODEFAULT:
        return dataclasses.field(
            default_factory=field.default_factory, repr=False, hash=False, compare=False
        )
    default = dataclasses.MISSING if field.default is msgspec.NODEFAULT else field.default
    return dataclasses.field(default=default, repr=False, hash=False, compare=False)
