"""What attributes are called, and the few values that they have. No I/O."""

from __future__ import annotations

from scenario_async import APIStatusError

__all__ = [
    "ACCOUNT",
    "ATTEMPT",
    "COMPLETE",
    "ERROR_TYPE",
    "METHOD",
    "MODELS",
    "OUTCOME",
    "OUTCOMES",
    "PAGES",
    "PORT",
    "QUANTILE",
    "REQUEST_ID",
    "RESENDS",
    "SCOPE",
    "SERVER",
    "STATE",
    "STATUS",
    "TEMPLATE",
    "WAIT",
    "WAIT_REASON",
    "error_type",
    "known_scopes",
    "status_attributes",
]

# https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
METHOD = "http.request.method"
RESENDS = "http.request.resend_count"
STATUS = "http.response.status_code"
SERVER = "server.address"
PORT = "server.port"
TEMPLATE = "url.template"
ERROR_TYPE = "error.type"

# Our own.
ACCOUNT = "scenario_async.account"
ATTEMPT = "scenario_async.attempt"
COMPLETE = "scenario_async.complete"
MODELS = "scenario_async.models"
OUTCOME = "scenario_async.outcome"
PAGES = "scenario_async.pages"
QUANTILE = "scenario_async.quantile"
REQUEST_ID = "scenario_async.request_id"
SCOPE = "scenario_async.scope"
STATE = "scenario_async.state"
WAIT = "scenario_async.wait"
WAIT_REASON = "scenario_async.wait.reason"

OUTCOMES = ("new", "changed", "unchanged", "deleted", "rejected")
"""What becomes of the models of a scope: names of counts of a ``ScopeEvent``."""

_SCOPES = {"private", "public", "unlisted"}
_COLLECTION = "collection"
_FIRST_ERROR = 400


def error_type(error: BaseException) -> str:
    """The status where the service answered with one, else the name of the class."""
    if isinstance(error, APIStatusError):
        return str(error.status_code)
    return type(error).__qualname__


def status_attributes(status_code: int) -> dict[str, str | int]:
    """The attributes of an answer with this status, which has an error from 400 on."""
    if status_code < _FIRST_ERROR:
        return {STATUS: status_code}
    return {STATUS: status_code, ERROR_TYPE: str(status_code)}


def known_scopes(name: str) -> str:
    """The scopes in the name of an operation, without the ids of collections in them."""
    known = map(_known_scope, name.split())
    return " ".join(dict.fromkeys(scope for scope in known if scope))


def _known_scope(scope: str) -> str:
    first, _, rest = scope.partition(":")
    if first == _COLLECTION:
        return first
    if first not in _SCOPES:
        return ""
    return f"{first}:{_COLLECTION}" if rest else first
