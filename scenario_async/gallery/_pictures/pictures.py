"""Pictures by the ids of their assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from scenario_async import AsyncScenario
    from scenario_async.sync import CatalogStore

__all__ = ["Picture", "Pictures"]


class Picture(NamedTuple):
    """A picture that can be sent.

    Attributes:
        content: What it consists of, or the file that has it.
        content_type: As in HTTP, such as ``image/webp``.
    """

    content: bytes | Path
    content_type: str


class Pictures:
    """The pictures of the models of a store. Used with ``async with``.

    Args:
        store: An open store, which is borrowed.
        scenario: Who is asked for pictures; ``None`` where nobody can be.
        folder: Where they are kept.
    """

    def __init__(
        self,
        store: CatalogStore,
        *,
        scenario: AsyncScenario | None = None,
        folder: Path | None = None,
    ) -> None:
        self._store = store
        self._scenario = scenario
        self._folder = folder

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def open(self, asset_id: str) -> Picture | None:  # noqa: ARG002 - none is looked up yet
        """The picture of an asset; ``None`` where it cannot be had."""
        return None
