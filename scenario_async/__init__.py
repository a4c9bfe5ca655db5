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
    UnprocessableEntityError,
    UsageError,
)
from ._events import EventHooks, PageEvent, RequestEvent, ResponseEvent, RetryEvent
from ._listing import Listing, Page
from ._models import Models
from ._options import NOT_GIVEN, NotGiven, Timeout
from ._version import __version__
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
    "EventHooks",
    "InternalServerError",
    "InvalidRow",
    "Listing",
    "Model",
    "Models",
    "NotFoundError",
    "NotGiven",
    "Page",
    "PageEvent",
    "PaginationError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "ScenarioError",
    "Timeout",
    "UnprocessableEntityError",
    "UsageError",
    "__version__",
]
