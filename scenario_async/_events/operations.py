"""What is done, from its start to its end: an event for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Literal, TypeAlias

__all__ = ["EndEvent", "FailureEvent", "Operation", "OperationKind", "StartEvent"]

_ids = count(1)

OperationKind: TypeAlias = Literal[
    "account", "refresh", "sync", "scope", "listing", "page", "retrieval", "call", "request"
]
"""What is done: see :class:`Operation`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something with a start and an end; the hooks are told once of each.

    An ``"account"`` is a run of a fleet for one of its accounts. A ``"refresh"`` is one of a live
    catalogue. A ``"sync"`` is one run of
    :func:`scenario_async.sync.sync`, a ``"scope"`` one of its scopes. A ``"listing"`` is one way
    through a listing or through several that are merged, a ``"page"`` what is asked for one page. A
    ``"retrieval"`` is of models or previews by their ids. A ``"call"`` is one answer with all
    attempts that it takes, a ``"request"`` what goes out once.

    Attributes:
        id: Of this operation alone, in this process.
        parent: The id of the operation that it is a part of, where it is part of one.
        kind: What is done; see above.
        name: What it is done with, in a few words that do not differ from model to model: the name
            of an account, the scope of a listing, the scopes of a sync or a refresh, else the
            method or the path below the base URL.
    """

    id: int = field(default_factory=_ids.__next__)
    parent: int | None = None
    kind: OperationKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartEvent:
    """An operation begins. One :class:`EndEvent` or :class:`FailureEvent` of it follows.

    Attributes:
        operation: Which one.
    """

    operation: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent:
    """An operation came to its end.

    Attributes:
        operation: Which one.
        seconds: Since its start.
        complete: ``False`` where the caller left before the end, as by ``break`` or ``aclose``.
    """

    operation: Operation
    seconds: float
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEvent:
    """An operation was ended by an error or a cancellation.

    Attributes:
        operation: Which one.
        seconds: Since its start.
        error: What ended it.
    """

    operation: Operation
    seconds: float
    error: BaseException

    @property
    def final(self) -> bool:
        """Whether it is not tried again: so for all but a ``"request"``.

        That one is final where its ``"call"`` fails as well; else a :class:`RetryEvent` follows.
        """
        return self.operation.kind != "request"
