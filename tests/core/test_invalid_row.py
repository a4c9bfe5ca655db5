"""A row that does not fit, as a value of its own."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING

import pytest

from scenario_async import InvalidRow, Model
from scenario_async._decoding import RowDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

UNFIT = b'{"id":"model_1","createdAt":17}'


@pytest.fixture
def row() -> InvalidRow:
    row = RowDecoder(Model).decode(UNFIT)
    assert isinstance(row, InvalidRow)
    return row


def pickled(row: InvalidRow) -> InvalidRow:
    thawed: InvalidRow = pickle.loads(pickle.dumps(row))  # noqa: S301 - pickled a moment ago
    return thawed


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_of_a_row_that_does_not_fit_keeps_its_bytes(
    duplicate: Callable[[InvalidRow], InvalidRow], row: InvalidRow
) -> None:
    twin = duplicate(row)

    assert (twin.id, twin.raw, str(twin.error)) == ("model_1", UNFIT, str(row.error))


def test_the_names_of_a_row_that_does_not_fit_lead_to_its_fields_and_not_to_its_bytes(
    row: InvalidRow,
) -> None:
    assert {"error", "id", "__eq__"} <= set(dir(row))
    assert {"raw", "_raw"}.isdisjoint(dir(row))


def test_a_row_that_does_not_fit_cannot_be_changed(row: InvalidRow) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.id = "another"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
