"""An argument that a listing does not have is an error which says what to write instead."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import AsyncScenario, Model, Models
from scenario_async._listing.argument_names import checks_names


@pytest.fixture
def models() -> Models:
    return AsyncScenario(public=True).models


LISTINGS: list[tuple[str, tuple[str, ...]]] = [
    ("list", ()),
    ("private", ()),
    ("public", ()),
    ("collection", ("col_1",)),
]


@pytest.mark.parametrize(("method", "given_ids"), LISTINGS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("limit", r"listing\.collect\(limit=N\)"),
        ("top", r"listing\.first\(\)"),
        ("page", r"listing\.pages\(\)"),
        ("offset", r"listing\.pages\(\)"),
        ("per_page", "page_size=N sets the rows of a page"),
        ("perPage", "page_size=N sets the rows of a page"),
        ("cursor", r"pagination_token=page\.next_pagination_token"),
        ("next_token", r"pagination_token=page\.next_pagination_token"),
        ("order_by", "sort_by='createdAt', 'updatedAt' or 'score'"),
        ("search", "no listing searches by words"),
        ("ids", "retrieve_many"),
        ("pageSize", "did you mean 'page_size'"),
        ("sortBy", "did you mean 'sort_by'"),
        ("create_after", "did you mean 'created_after'"),
        ("strategie", "did you mean 'strategy'"),
    ],
)
def test_a_near_miss_says_what_to_write(
    name: str, words: str, *, method: str, given_ids: tuple[str, ...], models: Models
) -> None:
    with pytest.raises((TypeError, ValueError), match=words) as caught:
        getattr(models, method)(*given_ids, **{name: 5})

    begins = str(caught.value).startswith(f"Models.{method}() got an unexpected keyword argument")
    assert begins or (method, name) in {("public", "limit"), ("public", "offset")}


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_what_the_other_route_alone_takes_names_the_route_and_what_was_meant(
    name: str, models: Models
) -> None:
    with pytest.raises(ValueError, match=f"{name} needs route='public'.*listing"):
        models.public(**{name: 5})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    assert repr(models.public(route="public", limit=5, offset=5)).endswith("limit=5, offset=5>")


def test_an_unknown_name_that_is_like_none_is_just_unknown(models: Models) -> None:
    with pytest.raises(TypeError) as caught:
        models.private(zzz=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

    assert str(caught.value) == "Models.private() got an unexpected keyword argument 'zzz'"


def test_python_names_the_public_class_too(models: Models) -> None:
    with pytest.raises(TypeError, match=r"^Models\.private\(\) takes 1 positional argument"):
        models.private("trained")  # type: ignore[call-arg, arg-type] # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"^Models\.collection\(\) missing 1 required"):
        models.collection()  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("method", "name", "words"),
    [
        ("private", "tags", r"models\.public\(\)"),
        ("private", "updated_after", r"models\.public\(\)"),
        ("list", "route", r"models\.public\(route=\.\.\.\)"),
        ("public", "status", r"models\.private\(\)"),
        ("public", "privacy", r"models\.list\(privacy=\.\.\.\)"),
        ("private", "collection_id", r"models\.collection\('ID'\)"),
    ],
)
def test_an_argument_of_another_listing_is_refused_with_the_name_of_that_one(
    method: str, name: str, words: str, models: Models
) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}': .*{words}"):
        getattr(models, method)(**{name: "any"})


@pytest.mark.parametrize("name", ["collection_id", "more"])
def test_a_collection_is_not_given_by_name(name: str, models: Models) -> None:
    with pytest.raises(TypeError, match=f"^Models.collection.. got an unexpected .* '{name}'"):
        models.collection("col_1", **{name: "col_2"})  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize(("method", "given_ids"), LISTINGS)
def test_the_signature_spells_out_every_parameter_with_its_default(
    method: str, given_ids: tuple[str, ...], models: Models
) -> None:
    parameters = inspect.signature(getattr(models, method)).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    as_left_out, as_given = (getattr(models, method)(*given_ids, **one) for one in ({}, defaults))

    assert {"page_size", "sort_by", "strategy", "timeout"} <= defaults.keys()
    assert not any(one.kind is one.VAR_KEYWORD for one in parameters)
    assert (as_given._query, as_given._options) == (as_left_out._query, as_left_out._options)


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers()), st.text(min_size=1))
def test_what_is_known_is_passed_on_and_anything_else_refused(
    known: dict[str, int], other: str
) -> None:
    @checks_names
    def method(*, a: int | None = None, b: int | None = None) -> dict[str, int | None]:
        return {"a": a, "b": b}

    any_method: Any = method
    assert method(**known) == {"a": None, "b": None} | known
    if other not in {"a", "b"}:
        with pytest.raises(TypeError, match="got an unexpected keyword argument"):
            any_method(**known, **{other: 1})


@pytest.mark.parametrize("type_", [5, "Model", {}, Model(id="a")], ids=ascii)
def test_what_rows_cannot_be_decoded_into_is_told_at_once(type_: Any, models: Models) -> None:
    with pytest.raises(TypeError, match=r"as_type takes a type such as a msgspec\.Struct"):
        models.private().as_type(type_)
