"""From the bytes of a record to a model, without the nulls that no caller should have to check."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar, cast, overload

import msgspec
from msgspec import inspect

from ._model import Model, attach_raw

ModelT = TypeVar("ModelT", bound=Model)

NOT_DECODED = (msgspec.DecodeError, ValueError, RecursionError)
"""What bytes raise that are no JSON, are no UTF-8, do not fit, or are nested too deeply."""


@overload
def decode_model(raw: msgspec.Raw | bytes) -> Model: ...
@overload
def decode_model(raw: msgspec.Raw | bytes, kind: type[ModelT]) -> ModelT: ...
def decode_model(raw: msgspec.Raw | bytes, kind: type[Model] = Model) -> Model:
    """Decode a record and keep its bytes as ``Model.raw``.

    A null inside an array, or as an entry of an object by name, must not cost the record, and no
    caller should have to ask each tag whether it is one. Looking for such nulls in every record
    would slow all of them down, so a record is decoded as if it had none, and only if it does not
    fit, again without them. They stay where a null may mean something: among the
    ``allowed_values`` of an input, in the sample prompts and images of a training, which pair by
    position, and in whatever has no declared shape.

    Args:
        raw: The record alone, as JSON.
        kind: The class to decode to, where it is a caller's own.

    Raises:
        msgspec.DecodeError: The bytes are no JSON, or (as a ``ValidationError``) the record does
            not fit. If it does not fit without those nulls either, the error is about what is
            wrong besides them; its place in an array does not count them.
        UnicodeDecodeError: The bytes are no UTF-8.
        RecursionError: The record is nested too deeply.
    """
    return cast("Model", model_decoder(kind)(raw))


@cache
def model_decoder(kind: type[ModelT]) -> Callable[[msgspec.Raw | bytes], ModelT]:
    """:func:`decode_model` for one class, for those who decode many records."""
    # Not built before it is needed, as that takes milliseconds.
    decode = msgspec.json.Decoder(kind).decode

    def decode_one(raw: msgspec.Raw | bytes) -> ModelT:
        model: ModelT | None = None
        record: object = None
        try:
            model = decode(raw)
        except msgspec.ValidationError:
            record = _without_nulls(raw)
            if record is None:
                raise
        if model is None:
            # Outside the handler, or a second error would have the first as its context, and with
            # the traceback of that one all of a page.
            model = msgspec.convert(record, kind)
        # A copy: a msgspec.Raw would keep its page of some 2 MB alive as long as the model.
        attach_raw(model, bytes(raw))
        return model

    return decode_one


def _without_nulls(raw: msgspec.Raw | bytes) -> object | None:
    """The record as plain JSON values, or None if there is no null to leave out of it."""
    try:
        record: object = msgspec.json.decode(raw)
    except NOT_DECODED:
        return None
    return record if _drop_nulls(record) else None


def _drop_nulls(record: object) -> bool:
    """Take the nulls out of the arrays and objects by name, and tell whether there were any."""
    dropped = False
    # No recursion: the record decides how deep its inputs are nested.
    pending = _nested_in(record, Model)
    while pending:
        value, type_ = pending.pop()
        if isinstance(type_, inspect.StructType):
            pending += _nested_in(value, type_.cls)
        elif isinstance(type_, inspect.VarTupleType) and isinstance(value, list):
            items = cast("list[object]", value)
            if None in items and not _allows_null(type_.item_type):
                items[:] = [item for item in items if item is not None]
                dropped = True
            pending += [(item, type_.item_type) for item in items]
        elif isinstance(type_, inspect.DictType) and isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            if None in entries.values() and not _allows_null(type_.value_type):
                for name in [name for name, entry in entries.items() if entry is None]:
                    del entries[name]
                dropped = True
            pending += [(entry, type_.value_type) for entry in entries.values()]
    return dropped


def _nested_in(record: object, kind: type) -> list[tuple[object, inspect.Type]]:
    """What a record has in the fields that may hold such nulls, with what belongs there."""
    if not isinstance(record, dict):
        return []
    fields = cast("dict[str, object]", record)
    return [(fields[name], type_) for name, type_ in _nesting_fields(kind) if name in fields]


@cache
def _nesting_fields(kind: type) -> list[tuple[str, inspect.Type]]:
    return [
        (field.encode_name, type_)
        for field in cast("inspect.StructType", inspect.type_info(kind)).fields
        for type_ in (
            field.type.types if isinstance(field.type, inspect.UnionType) else [field.type]
        )
        if isinstance(type_, inspect.StructType | inspect.VarTupleType | inspect.DictType)
    ]


def _allows_null(type_: inspect.Type) -> bool:
    if isinstance(type_, inspect.UnionType):
        return type_.includes_none
    return isinstance(type_, inspect.AnyType)
