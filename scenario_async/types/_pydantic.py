"""What pydantic has to know of records; it is imported only when it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import inspect

from ._plain import plain

if TYPE_CHECKING:
    from pydantic_core import core_schema

__all__ = ["described", "validated"]


def validated(kind: type[msgspec.Struct]) -> core_schema.CoreSchema:
    """How pydantic takes and writes a record: from the object of the API, and as it.

    Such an object is decoded; a record is taken as it is. What is written has the API's names, and
    no fields that are None, whatever aliases and nulls the model around it has.
    """
    from pydantic_core import core_schema  # noqa: PLC0415 - whoever calls this has it

    def read(value: object) -> msgspec.Struct:
        if isinstance(value, kind):
            return value
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None

    def written(record: msgspec.Struct, info: core_schema.SerializationInfo) -> object:
        return plain(record, mode=info.mode, api_names=True, nulls=False)

    return core_schema.no_info_plain_validator_function(
        read,
        ref=_reference(kind),
        serialization=core_schema.plain_serializer_function_ser_schema(written, info_arg=True),
    )


def described(kind: type[msgspec.Struct], *, nulls: bool) -> core_schema.CoreSchema:
    """A schema of the object that a record is written as, to make a JSON schema of.

    Args:
        kind: Class of the record.
        nulls: Whether fields may be null, as they may be in what is read.
    """
    from pydantic_core import core_schema  # noqa: PLC0415 - as above

    objects = _Objects(nulls=nulls)
    schema = objects.reference(kind)
    return core_schema.definitions_schema(schema, [one for one in objects.made.values() if one])


_SIMPLE: dict[type[inspect.Type], core_schema.CoreSchema] = {
    inspect.BoolType: {"type": "bool"},
    inspect.DateTimeType: {"type": "datetime"},
    inspect.FloatType: {"type": "float"},
    inspect.IntType: {"type": "int"},
    inspect.StrType: {"type": "str"},
}


class _Objects:
    """The schemas of a class of records, and of all classes of records in it."""

    def __init__(self, *, nulls: bool) -> None:
        self._nulls = nulls
        self.made: dict[str, core_schema.CoreSchema | None] = {}

    def reference(self, kind: type) -> core_schema.CoreSchema:
        name = _reference(kind)
        if name not in self.made:
            self.made[name] = None  # under way: inputs have inputs
            self.made[name] = {
                "type": "typed-dict",
                "fields": {
                    field.encode_name: {
                        "type": "typed-dict-field",
                        "schema": self._value(field.type),
                        "required": field.required,
                    }
                    for field in cast("inspect.StructType", inspect.type_info(kind)).fields
                },
                "cls": kind,
                "ref": name,
            }
        return {"type": "definition-ref", "schema_ref": name}

    def _value(self, type_: inspect.Type) -> core_schema.CoreSchema:
        match type_:
            case inspect.UnionType():
                return self._union(type_)
            case inspect.StructType():
                return self.reference(type_.cls)
            case inspect.VarTupleType() | inspect.ListType():
                return {"type": "list", "items_schema": self._value(type_.item_type)}
            case inspect.DictType():
                return {"type": "dict", "values_schema": self._value(type_.value_type)}
            case _:
                return _SIMPLE.get(type(type_), {"type": "any"})

    def _union(self, union: inspect.UnionType) -> core_schema.CoreSchema:
        types = {type(one): one for one in union.types}
        optional = types.pop(inspect.NoneType, None) is not None
        if inspect.FloatType in types:
            types.pop(inspect.IntType, None)  # in JSON a whole number is a number
        choices = [self._value(one) for one in types.values()]
        chosen: core_schema.CoreSchema = {"type": "union", "choices": [*choices]}
        if len(choices) == 1:
            chosen = choices[0]
        return {"type": "nullable", "schema": chosen} if optional and self._nulls else chosen


def _reference(kind: type) -> str:
    """What pydantic knows a class by, and the name of its JSON schema."""
    return f"{kind.__module__}.{kind.__qualname__}:{id(kind)}"
