"""Which requests a fault is shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.wire import Wire, serving

from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    EmptyPage,
    EndToken,
    RateLimited,
    Request,
    Sandbox,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def shared() -> Generator[tuple[Sandbox, Wire]]:
    with serving(Catalogue.seeded(public=6, private=6)) as running:
        yield running


@pytest.fixture
def sandbox(shared: tuple[Sandbox, Wire]) -> Sandbox:
    shared[0].reset()
    return shared[0]


@pytest.fixture
def wire(shared: tuple[Sandbox, Wire]) -> Wire:
    return shared[1]


def statuses(wire: Wire, count: int, path: str = "/models") -> list[int]:
    return [wire.get(path).status for _ in range(count)]


def test_a_fault_is_shown_once_unless_told_otherwise(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ServerError())
    assert len(sandbox.faults) == 1
    assert statuses(wire, 3) == [503, 200, 200]
    assert len(sandbox.faults) == 0


def test_a_fault_is_shown_so_many_times_after_so_many_requests(
    sandbox: Sandbox, wire: Wire
) -> None:
    sandbox.faults.add(ServerError(), times=2, after=1)
    assert statuses(wire, 5) == [200, 503, 503, 200, 200]


def test_a_fault_can_stay(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ServerError(), times=None)
    assert statuses(wire, 4) == [503] * 4
    sandbox.faults.clear()
    assert statuses(wire, 1) == [200]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/models", [503, 503, 200]),
        ("/v1/models", [503, 503, 200]),
        ("/models/public", [200, 503, 200]),
        ("/models$", [503, 200, 200]),
        ("/(collections|nothing)", [200, 200, 503]),
        ("/v1", [503, 503, 503]),
    ],
)
def test_a_path_chooses_by_how_it_begins(
    sandbox: Sandbox, wire: Wire, path: str, expected: list[int]
) -> None:
    sandbox.faults.add(ServerError(), times=None, path=path)
    paths = ("/models", "/models/public", "/collections")
    assert [wire.get(one).status for one in paths] == expected


def test_a_predicate_chooses_by_the_request(sandbox: Sandbox, wire: Wire) -> None:
    seen: list[Request] = []

    def second_page_only(request: Request) -> bool:
        seen.append(request)
        return "paginationToken" in request.query

    sandbox.faults.add(ServerError(), when=second_page_only)
    first = wire.get("/models", {"pageSize": 2})
    second = wire.get("/models", {"pageSize": 2, "paginationToken": first.token})

    assert (first.status, second.status) == (200, 503)
    assert seen[0].method == "GET"
    assert seen[0].path == "/v1/models"
    assert seen[0].status is None


def test_of_two_answers_the_first_one_added_wins_and_the_other_waits(
    sandbox: Sandbox, wire: Wire
) -> None:
    sandbox.faults.add(ServerError(500))
    sandbox.faults.add(RateLimited(1))
    assert statuses(wire, 3) == [500, 429, 200]


def test_a_skipping_fault_counts_requests_that_others_answer(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(ServerError(500), times=2)
    sandbox.faults.add(ServerError(501), after=2)
    assert statuses(wire, 4) == [500, 500, 501, 200]


def test_faults_of_pages_wait_for_pages(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(EmptyPage())
    assert statuses(wire, 2, "/collections") == [200, 200]
    assert wire.get("/models", "pageSize=0").status == 400
    assert wire.get("/models", headers={"Authorization": "no"}).status == 401
    assert wire.get("/models").ids == []
    assert len(wire.get("/models").ids) == 6


def test_a_fault_waits_for_a_page_that_it_can_change(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(EndToken("null"))
    sandbox.faults.add(EmptyPage(page=1), after=1)

    walks = [[len(reply.ids) for reply in wire.walk(pageSize=3)] for _ in range(3)]

    assert walks == [[3, 3], [3, 0, 3], [3, 3]]
    assert len(sandbox.faults) == 0


def test_negative_counts_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="after"):
        sandbox.faults.add(ServerError(), after=-1)
    with pytest.raises(ValueError, match="times"):
        sandbox.faults.add(ServerError(), times=-1)


@pytest.mark.parametrize("given", [ServerError, "ServerError", None])
def test_what_is_no_fault_is_refused(sandbox: Sandbox, given: Any) -> None:
    with pytest.raises(TypeError, match=r"such as ServerError\(\)"):
        sandbox.faults.add(given)


def test_a_path_that_is_no_pattern_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="path is no regular expression"):
        sandbox.faults.add(ServerError(), path="/models[")


def test_a_kind_of_broken_row_that_there_is_not_is_refused() -> None:
    unknown: Any = "lone-surogate"
    with pytest.raises(ValueError, match=r"one of 'lone-surrogate', .*, not 'lone-surogate'"):
        BadRow(unknown)


def test_a_catalogue_of_fewer_than_no_models_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than no models"):
        Catalogue.seeded(public=-1)


def test_a_repr_lists_the_faults(sandbox: Sandbox) -> None:
    sandbox.faults.add(EmptyPage())
    assert repr(sandbox.faults) == "<FaultSchedule [EmptyPage(page=None, hide=False)]>"
