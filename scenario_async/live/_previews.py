"""Models whose pictures are asked for, checked. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenario_async import Model
from scenario_async._retrieval import given_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._snapshot import Snapshot

__all__ = ["pictured"]


def pictured(models: Iterable[Model | str], snapshot: Snapshot[Any]) -> dict[str, Model | str]:
    """The models by their ids; an id where it is not in the snapshot as a model.

    Raises:
        TypeError: One is neither a model nor an id, or it is one for several.
        ValueError: An id is empty, or has white space around it.
    """
    if isinstance(models, str | Model):
        raise TypeError(f"models must be several, such as [model], not one {type(models).__name__}")
    found: dict[str, Model | str] = {}
    for index, one in enumerate(models):
        if isinstance(one, Model):
            found[one.id] = one
        elif isinstance(one, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            # A model takes fewer requests than its id.
            known = snapshot.get(given_id(f"models[{index}]", one))
            found[one] = known if isinstance(known, Model) else one
        else:
            raise TypeError(
                f"models[{index}] must be a Model or the id of one, not {type(one).__name__}"
            )
    return found
