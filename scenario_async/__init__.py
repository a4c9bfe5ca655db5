"""Asyncio-first client for Scenario's model catalogue.

>>> from scenario_async import AsyncScenario
"""

from ._client import AsyncScenario
from ._decode import InvalidRow
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
    RateLimitError,
    ScenarioError,
    ScenarioWarning,
    UnprocessableEntityError,
    UsageError,
)
from ._events import EventHooks, PageEvent, RequestEvent, ResponseEvent, RetryEvent
from ._listing import Listing
from ._merge import Found, Merged
from ._models import Models
from ._options import NOT_GIVEN, NotGiven, Timeout
from ._page import Page
from ._planners.records import Missing
from ._version import __version__
from .types import Model
from .types._preview import Preview

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
    "EventHooks",
    "Found",
    "InternalServerError",
    "InvalidRow",
    "Listing",
    "Merged",
    "Missing",
    "Model",
    "Models",
    "NotFoundError",
    "NotGiven",
    "Page",
    "PageEvent",
    "PaginationError",
    "PermissionDeniedError",
    "Preview",
    "RateLimitError",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ScenarioError",
    "ScenarioWarning",
    "Timeout",
    "UnprocessableEntityError",
    "UsageError",
    "__version__",
]
