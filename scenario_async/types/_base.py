"""What all records share: how they decode, how they show themselves, the types of their values."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

import msgspec

from ._plain import DataclassProtocol, Mode, attributes, plain
from ._presentation import presentable
from ._pydantic import described, validated

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

    ``vars``, ``dataclasses``, pydantic, and the encoders and data frames that use those find the
    fields.
    """

    if TYPE_CHECKING:
        # ``dataclasses.Field`` is not imported for it: autodoc runs this branch.
        __dataclass_fields__: ClassVar[dict[str, Any]]
    else:
        __dict__ = property(attributes)
        __dataclass_fields__ = DataclassProtocol("__dataclass_fields__")
        __dataclass_params__ = DataclassProtocol("__dataclass_params__")

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - as of any class
        super().__init_subclass__(**options)
        # orjson looks into the class itself, and not into those it inherits from.
        cls.__dataclass_fields__ = Record.__dict__["__dataclass_fields__"]

    def to_dict(
        self,
        *,
        mode: Mode = "python",
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The record and all records in it as dicts and lists, under the official SDK's name.

        It has every field, signed URLs included, and nothing else: values that the service sent
        beside the fields are in :attr:`Model.raw` alone.

        Args:
            mode: ``"python"`` has dates as ``datetime``, ``"json"`` as ISO 8601 strings.
            use_api_names: Keys as on the wire (``createdAt``); else as attributes (``created_at``).
            exclude_unset: Leave out fields that are None, whether or not the service sent a null.
            exclude_none: The same.
        """
        nulls = not (exclude_unset or exclude_none)
        return plain(self, mode=mode, api_names=use_api_names, nulls=nulls)

    def to_json(
        self,
        *,
        indent: int | None = 2,
        use_api_names: bool = True,
        exclude_unset: bool = True,
        exclude_none: bool = False,
    ) -> str:
        """The dict of :meth:`to_dict`, as JSON.

        Args:
            indent: Spaces for each level; ``None`` writes one line without spaces.
            use_api_names: As for :meth:`to_dict`.
            exclude_unset: As for :meth:`to_dict`.
            exclude_none: As for :meth:`to_dict`.
        """
        nulls = not (exclude_unset or exclude_none)
        data = msgspec.json.encode(plain(self, mode="python", api_names=use_api_names, nulls=nulls))
        return (data if indent is None else msgspec.json.format(data, indent=indent)).decode()

    def model_dump(
        self,
        *,
        mode: Mode = "python",
        by_alias: bool = False,
        exclude_unset: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """:meth:`to_dict` under the name and with the defaults of pydantic's models."""
        return self.to_dict(
            mode=mode,
            use_api_names=by_alias,
            exclude_unset=exclude_unset,
            exclude_none=exclude_none,
        )

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        by_alias: bool = False,
        exclude_unset: bool = False,
        exclude_none: bool = False,
    ) -> str:
        """:meth:`to_json` under the name and with the defaults of pydantic's models."""
        return self.to_json(
            indent=indent,
            use_api_names=by_alias,
            exclude_unset=exclude_unset,
            exclude_none=exclude_none,
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:  # noqa: ANN401 - as pydantic hands it over
        return validated(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: Any) -> Any:  # noqa: ANN401 - as above
        return handler(described(cls, nulls=handler.mode == "validation"))

    def __repr__(self) -> str:
        """Show the fields that are set, without query strings of URLs and without credentials."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give Rich the same fields as ``repr``; msgspec's own version would show everything."""
        return self._presentable_fields(self.__struct_fields__)

    def __pretty__(self, fmt: Callable[[Any], Any], **_: Any) -> list[Any]:  # noqa: ANN401 - as devtools hands it over
        """Give devtools the same fields as ``repr``; of a dataclass it would show everything."""
        lines = [(f"{name}=", fmt(value), ",", 0) for name, value in self.__rich_repr__()]
        return [f"{type(self).__name__}(", 1, *(part for line in lines for part in line), -1, ")"]

    def _presentable_fields(self, names: tuple[str, ...]) -> list[tuple[str, Any]]:
        fields = [(name, presentable(getattr(self, name), name=name)) for name in names]
        return [(name, value) for name, value in fields if value is not None]
