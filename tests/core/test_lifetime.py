from __future__ import annotations

import asyncio
import gc

import pytest

from scenario_async import UsageError
from scenario_async._http.lifetime import Lifetime


async def _close(*lifetimes: Lifetime) -> None:
    for lifetime in lifetimes:
        await lifetime.aclose()


def test_a_client_is_open_until_it_is_closed() -> None:
    lifetime = Lifetime()
    lifetime.use()
    assert not lifetime.closed
    asyncio.run(_close(lifetime, lifetime))
    with pytest.raises(UsageError, match="closed: make a new one"):
        lifetime.use()


def test_closing_a_client_closes_those_derived_from_it_and_not_the_other_way_round() -> None:
    parent = Lifetime()
    child = Lifetime(parent)
    grandchild = Lifetime(child)
    asyncio.run(_close(child))
    assert [one.closed for one in (parent, child, grandchild)] == [False, True, True]
    parent.use()
    for closed in (child, grandchild):
        with pytest.raises(UsageError, match="closed"):
            closed.use()


def test_a_client_of_its_own_owns_its_session() -> None:
    lifetime = Lifetime()
    assert lifetime.owns_session
    lifetime.use()
    assert lifetime.owns_session


def test_a_derived_client_leaves_the_session_to_a_client_that_is_in_use() -> None:
    parent = Lifetime()
    child = Lifetime(parent)
    grandchild = Lifetime(child)
    parent.use()
    assert not child.owns_session
    assert not grandchild.owns_session


def test_a_derived_client_owns_the_session_of_a_client_that_nobody_used() -> None:
    child = Lifetime(Lifetime())
    child.use()
    assert child.owns_session


def test_closing_one_derived_client_leaves_the_session_to_its_sibling() -> None:
    base = Lifetime()
    fast, slow = Lifetime(base), Lifetime(base)
    fast.use()
    slow.use()
    assert not fast.owns_session
    asyncio.run(fast.aclose())
    assert slow.owns_session


def test_what_begins_is_checked_by_each_client_and_what_is_only_used_is_not() -> None:
    def refuse() -> None:
        raise UsageError("on another loop")

    lifetime = Lifetime(check=refuse)
    lifetime.use()
    with pytest.raises(UsageError, match="on another loop"):
        lifetime.begin()
    with pytest.raises(UsageError, match="on another loop"), lifetime.call():
        pass


def test_derived_clients_that_are_dropped_leave_nothing_in_their_origin() -> None:
    base = Lifetime()
    for _ in range(100):
        Lifetime(base).use()
    gc.collect()
    assert len(base._in_use) == 0
