from __future__ import annotations

import copy
import importlib
import pickle

import pytest
import scenario_sdk

import scenario_async
from scenario_async import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ScenarioError,
    ScenarioWarning,
    TrainingError,
    TrainingTimeoutError,
    UnprocessableEntityError,
    UsageError,
)
from scenario_async._argument_errors import ArgumentError, Parameter
from scenario_async._errors import error_for_status

API_ERRORS: list[type[APIError]] = [
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PaginationError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    UnprocessableEntityError,
]
PLAIN_ERRORS: list[type[ScenarioError]] = [ScenarioError, UsageError]
ALL_ERRORS: list[type[ScenarioError]] = [
    *API_ERRORS,
    APIResponseValidationError,
    TrainingError,
    TrainingTimeoutError,
    *PLAIN_ERRORS,
]
BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def filled(kind: type[ScenarioError]) -> ScenarioError:
    """An error with a value in each of its attributes."""
    if kind is APIResponseValidationError:
        return APIResponseValidationError(
            "what happened",
            model_id="model_1",
            field="$.createdAt",
            status_code=200,
            request_id="request_1",
            body={"models": 5},
        )
    if issubclass(kind, APIError):
        return kind(
            "what happened",
            status_code=429,
            reason="cooldown",
            retry_after=2.5,
            should_retry=False,
            code="QUOTA_EXCEEDED",
            name="PlanLimitReachedError",
            request_id="request_1",
            trace_id="trace_1",
            body={"reason": "cooldown", "more": [1, None]},
        )
    if kind is TrainingError:
        return TrainingError("what happened", model_id="model_1", status="failed", model="last")
    if kind is TrainingTimeoutError:
        return TrainingTimeoutError("what happened", statuses={"model_1": "training"})
    return kind("what happened")


@pytest.mark.parametrize("kind", ALL_ERRORS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling_with_all_that_it_says(
    kind: type[ScenarioError], protocol: int
) -> None:
    error = filled(kind)
    again = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - what was just made
    _assert_same(error, again)


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_an_error_survives_copying_with_all_that_it_says(kind: type[ScenarioError]) -> None:
    error = filled(kind)
    _assert_same(error, copy.copy(error))
    _assert_same(error, copy.deepcopy(error))


def _assert_same(error: ScenarioError, again: object) -> None:
    assert isinstance(again, ScenarioError)
    assert type(again) is type(error)
    assert again is not error
    assert vars(again) == vars(error)
    assert again.args == error.args
    assert str(again) == str(error) == "what happened"
    assert repr(again) == repr(error)


@pytest.mark.parametrize("kind", API_ERRORS)
def test_what_an_error_was_not_told_is_none(kind: type[APIError]) -> None:
    error = kind("what happened")
    assert vars(error) == {
        "message": "what happened",
        "status_code": None,
        "reason": None,
        "retry_after": None,
        "should_retry": None,
        "code": None,
        "name": None,
        "request_id": None,
        "trace_id": None,
        "body": None,
    }


def test_a_validation_error_has_all_attributes_of_an_api_error() -> None:
    error = APIResponseValidationError("what happened")
    own = {"model_id": None, "field": None, "malformed": False}
    assert vars(error) == {**vars(APIError("what happened")), **own}


def test_the_table_of_these_tests_has_every_error_of_the_package() -> None:
    module = importlib.import_module("scenario_async._errors")
    defined = {
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and not issubclass(value, Warning)
    }
    assert {kind.__name__ for kind in ALL_ERRORS} == defined
    assert defined | {"ScenarioWarning"} <= set(scenario_async.__all__)
    assert defined | {"error_for_status", "ScenarioWarning"} == set(module.__all__)


def test_the_errors_are_named_and_related_as_in_the_official_sdk() -> None:
    official = {
        name: value
        for name in scenario_sdk.__all__
        if isinstance(value := getattr(scenario_sdk, name), type)
        and issubclass(value, scenario_sdk.ScenarioError)
    }
    assert len(official) >= 14
    for name, theirs in official.items():
        ours = getattr(scenario_async, name)
        related = [base.__name__ for base in ours.__mro__ if base.__name__ in official]
        assert related == [base.__name__ for base in theirs.__mro__ if base.__name__ in official]


@pytest.mark.parametrize(
    ("kind", "of", "not_of"),
    [
        (APITimeoutError, (TimeoutError, APIConnectionError), APIStatusError),
        (APIConnectionError, (APIError,), TimeoutError),
        (UsageError, (RuntimeError,), APIError),
        (QuotaExceededError, (RateLimitError,), InternalServerError),
        (PaginationError, (APIError,), APIStatusError),
        (ScenarioWarning, (UserWarning,), ScenarioError),
    ],
)
def test_an_error_can_be_caught_as_what_it_is(
    kind: type[Exception], of: tuple[type[Exception], ...], not_of: type[Exception]
) -> None:
    assert all(issubclass(kind, one) for one in of)
    assert not issubclass(kind, not_of)


def test_each_status_has_its_class() -> None:
    for status in range(100, 1000):
        expected = InternalServerError if status >= 500 else BY_STATUS.get(status, APIStatusError)
        assert error_for_status(status) is expected


def test_a_wrong_argument_keeps_its_parts_in_another_process() -> None:
    error = ArgumentError(Parameter("offset"), " needs ", Parameter("route", "public"))
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert isinstance(copied, ArgumentError)
    assert str(copied) == "offset needs route='public'"
    assert copied.parts == error.parts == copy.copy(error).parts
