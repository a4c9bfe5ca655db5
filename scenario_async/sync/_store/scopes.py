"""Which models are in a scope: those that were seen in it, or what they say of themselves."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from scenario_async.sync._scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement

    from scenario_async.sync._backends import Database

__all__ = ["copied_as", "in_scope"]


def copied_as(database: Database, scopes: Iterable[str]) -> list[str]:
    """The scopes that are copied for these, each once.

    Of an account collections are not copied by themselves: its models say in which ones they are.
    """
    return list(dict.fromkeys(_copied(database, scope)[0] for scope in scopes))


def in_scope(database: Database, scope: str) -> ColumnElement[bool]:
    """Whether a model is in a scope."""
    models, memberships = database.tables.models, database.tables.memberships
    copied, collections = _copied(database, scope)
    seen = select(1).where(memberships.c.scope == copied, memberships.c.model_id == models.c.id)
    if database.account is not None:
        # Looked up for each model. As a join, which this keeps it from being, PostgreSQL may go
        # through all members for each, where it takes a new account for one that has hardly any.
        seen = seen.offset(0)
    if not collections:
        return seen.exists()
    return and_(
        seen.exists(), or_(*(database.has(models.c.collection_ids, one) for one in collections))
    )


def _copied(database: Database, scope: str) -> tuple[str, Sequence[str]]:
    """The scope that is copied for this one, and the collections that it is then cut down to."""
    if database.account is not None:
        with suppress(ValueError):
            parsed = Scope.parse(scope)
            return parsed.privacy, parsed.collections
    return scope, ()
