"""Asyncio-first client for Scenario's model catalogue.

>>> from scenario_async import AsyncScenario
"""

import importlib
import typing

from ._version import __version__

if typing.TYPE_CHECKING:
    from scenario_async._decoding import InvalidRow
    from scenario_async._listing import Found, Listing, Merged, Page
    from scenario_async._retrieval import Missing
    from scenario_async.types._preview import Preview

    from ._client import AsyncScenario
    from ._errors import (
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
    from ._events import (
        EndEvent,
        EventHooks,
        FailureEvent,
        FleetEvent,
        LiveEvent,
        Operation,
        PageEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        ScopeEvent,
        StartEvent,
        WaitEvent,
    )
    from ._models import Models
    from ._options import NOT_GIVEN, NotGiven, Timeout
    from .types import Model

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncScenario",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "EndEvent",
    "EventHooks",
    "FailureEvent",
    "FleetEvent",
    "Found",
    "InternalServerError",
    "InvalidRow",
    "Listing",
    "LiveEvent",
    "Merged",
    "Missing",
    "Model",
    "Models",
    "NotFoundError",
    "NotGiven",
    "Operation",
    "Page",
    "PageEvent",
    "PaginationError",
    "PermissionDeniedError",
    "Preview",
    "QuotaExceededError",
    "RateLimitError",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ScenarioError",
    "ScenarioWarning",
    "ScopeEvent",
    "StartEvent",
    "Timeout",
    "TrainingError",
    "TrainingTimeoutError",
    "UnprocessableEntityError",
    "UsageError",
    "WaitEvent",
    "__version__",
]

# Where each name lives. It is imported when it is asked for: pytest imports this package for its
# fixtures at each start, also for those who have it installed and need none of it.
_HOMES = {
    "._client": ("AsyncScenario",),
    "._decoding": ("InvalidRow",),
    "._errors": (
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "AuthenticationError",
        "BadRequestError",
        "ConflictError",
        "InternalServerError",
        "NotFoundError",
        "PaginationError",
        "PermissionDeniedError",
        "QuotaExceededError",
        "RateLimitError",
        "ScenarioError",
        "ScenarioWarning",
        "TrainingError",
        "TrainingTimeoutError",
        "UnprocessableEntityError",
        "UsageError",
    ),
    "._events": (
        "EndEvent",
        "EventHooks",
        "FailureEvent",
        "FleetEvent",
        "LiveEvent",
        "Operation",
        "PageEvent",
        "RequestEvent",
        "ResponseEvent",
        "RetryEvent",
        "ScopeEvent",
        "StartEvent",
        "WaitEvent",
    ),
    "._listing": ("Found", "Listing", "Merged", "Page"),
    "._models": ("Models",),
    "._options": ("NOT_GIVEN", "NotGiven", "Timeout"),
    "._retrieval": ("Missing",),
    ".types": ("Model", "types"),
    ".types._preview": ("Preview",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not typing.TYPE_CHECKING:  # for which any name would be one of ours

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(home, __name__)
        # Kept, so that this is asked once for each name.
        value = globals()[name] = module if home == f".{name}" else getattr(module, name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
