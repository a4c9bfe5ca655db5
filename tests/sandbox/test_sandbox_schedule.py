"""Which requests a fault is shown to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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
    from support.wire import Wire


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=6, private=6)


def statuses(wire: Wire, count: int, path: str = "/models") -> list[int]:
    return [wire.get(path).status for _ in range(count)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [503, 200, 200, 200]),
        ({"times": 2, "after": 1}, [200, 503, 503, 200]),
        ({"times": None}, [503, 503, 503, 503]),
    ],
)
def test_a_fault_is_shown_once_or_as_often_as_told(
    sandbox: Sandbox, wire: Wire, options: dict[str, Any], expected: list[int]
) -> None:
    sandbox.faults.add(ServerError(), **options)
    assert statuses(wire, 4) == expected
    assert len(sandbox.faults) == (expected[-1] == 503)
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


@pytest.mark.parametrize(
    ("fault", "options", "error", "message"),
    [
        (ServerError(), {"after": -1}, ValueError, "after"),
        (ServerError(), {"times": -1}, ValueError, "times"),
        (ServerError(), {"path": "/models["}, ValueError, "path is not a regular expression"),
        (ServerError, {}, TypeError, r"such as ServerError\(\)"),
        (None, {}, TypeError, r"such as ServerError\(\)"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    sandbox: Sandbox, fault: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sandbox.faults.add(fault, **options)


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
