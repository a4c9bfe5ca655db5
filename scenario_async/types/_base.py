"""What all records share: how they decode, how they show themselves, the types of their values."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec

from ._presentation import presentable

Number: TypeAlias = int | float
"""A number of the schema: an ``int`` where the service sent one, else a ``float``."""

Timestamp: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware ``datetime``; sent as ISO 8601 with milliseconds and ``Z``, a naive one is refused."""


class Record(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    # Frozen trees made from JSON cannot form a cycle, so the collector need not walk them:
    # https://jcristharif.com/msgspec/structs.html#disabling-garbage-collection-advanced
    gc=False,
):
    """The base of every record: immutable, camelCase on the wire, unknown fields ignored.

    Subclasses inherit all options but ``kw_only``, which msgspec applies class by class; they
    repeat ``frozen`` because the type checkers want to read it there.
    """

    def __repr__(self) -> str:
        """Show the fields that are set, without query strings of URLs and without credentials."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give Rich the same fields as ``repr``; msgspec's own version would show everything."""
        return self._presentable_fields(self.__struct_fields__)

    def _presentable_fields(self, names: tuple[str, ...]) -> list[tuple[str, Any]]:
        fields = [(name, presentable(getattr(self, name), name=name)) for name in names]
        return [(name, value) for name, value in fields if value is not None]
