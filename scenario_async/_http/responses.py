"""What an HTTP answer means: errors from statuses, and the service's hints. No I/O."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from scenario_async._errors import (
    APIStatusError,
    QuotaExceededError,
    RateLimitError,
    error_for_status,
)
from scenario_async._urls import redact

from .messages import LARGEST_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .messages import HTTPResponse

__all__ = ["error_from_response", "is_redirect", "redirect_target", "request_id", "retry_hint"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Which of these the service sets is not documented; gateways of its hosting set the second.
_REQUEST_ID_HEADERS = ("x-request-id", "x-amzn-requestid", "request-id")
# Kinds of 429 that do not pass by waiting: the first was seen on trainings, the second on searches.
_FINAL_NAMES = frozenset({"PlanLimitReachedError"})
_FINAL_CODES = frozenset({"QUOTA_EXCEEDED"})
_LONGEST_REASON = 500


def error_from_response(
    response: HTTPResponse, *, request_name: str, secrets: Iterable[str]
) -> APIStatusError:
    """The exception for an answer that is not a success."""
    secrets = tuple(secrets)
    body = _shown_body(response.body[:LARGEST_ERROR].decode("utf-8", "replace"), secrets)
    status = response.status
    name, code = _text(body, "name"), _text(body, "code")
    reason = _reason(body)
    should_retry = _should_retry(response.headers)
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    said = reason or name or code
    detail = f": {said}" if said else ""
    kind = error_for_status(status)
    if kind is RateLimitError and not _passes(should_retry, name, code):
        kind = QuotaExceededError
    return kind(
        f"{request_name} was answered with {phrase}{detail}",
        status_code=status,
        reason=reason,
        retry_after=retry_hint(response.headers, body, now=datetime.now(UTC)),
        should_retry=should_retry,
        code=code,
        name=name,
        request_id=request_id(response.headers, secrets),
        trace_id=_text(body, "trace_id", "traceId"),
        body=body,
    )


def request_id(headers: Mapping[str, str], secrets: Iterable[str]) -> str | None:
    """The service's name for the request, where it gave one, without secrets."""
    name = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)
    return None if name is None else redact(name, secrets)


def retry_hint(headers: Mapping[str, str], body: object, *, now: datetime) -> float | None:
    """Seconds to wait: ``Retry-After``, ``retry-after-ms``, or ``remainingSeconds`` in the body.

    ``Retry-After`` may be seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after).
    A date counts from the ``Date`` of the answer, because clocks differ; from ``now`` where there
    is none. What cannot be read is not a hint. Of several hints the longest counts.
    """
    answered = _moment(headers.get("date", "")) or now
    hints = [_seconds(headers.get("retry-after"), answered)]
    milliseconds = _seconds(headers.get("retry-after-ms"), None)
    hints.append(None if milliseconds is None else milliseconds / 1000)
    if isinstance(body, dict):
        remaining = cast("dict[str, object]", body).get("remainingSeconds")
        hints.append(_seconds(remaining, answered))
    return max((hint for hint in hints if hint is not None), default=None)


def _passes(should_retry: bool | None, name: str | None, code: str | None) -> bool:
    """Whether a 429 passes by waiting; what the header says beats the kind of failure."""
    if should_retry is not None:
        return should_retry
    return name not in _FINAL_NAMES and code not in _FINAL_CODES


def _should_retry(headers: Mapping[str, str]) -> bool | None:
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _seconds(value: object, now: datetime | None) -> float | None:
    """A number of seconds, or with ``now`` also the seconds from then to a date."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    except ValueError:
        moment = _moment(str(value))
        if moment is None or now is None:
            return None
        return max(0.0, (moment - now).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _moment(date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def is_redirect(response: HTTPResponse) -> bool:
    """Whether the answer sends the client elsewhere."""
    return response.status in _REDIRECTS and "location" in response.headers


def redirect_target(url: str, location: str) -> str | None:
    """Where a redirect leads, or ``None`` if that is another origin, which gets no credentials."""
    try:
        target = urljoin(url, location)
        same = _origin(target) == _origin(url) and "@" not in urlsplit(target).netloc
    except ValueError:
        return None
    return target if same else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _shown_body(text: str, secrets: tuple[str, ...]) -> object:
    """The body as JSON, or as text; without secrets, however JSON spells them."""
    try:
        return _redacted(msgspec.json.decode(text), secrets)
    except (msgspec.DecodeError, RecursionError):
        return redact(text, secrets)


def _redacted(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, int | float):
        # A secret of digits alone would come back as a number.
        shown = redact(str(value), secrets)
        return value if shown == str(value) else shown
    if isinstance(value, list):
        return [_redacted(item, secrets) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {redact(name, secrets): _redacted(item, secrets) for name, item in items}
    return value


def _reason(body: object) -> str | None:
    """The service says ``reason``; gateways before it say ``message``, or plain text, or HTML."""
    if isinstance(body, str) and body.strip() and not body.lstrip().startswith("<"):
        return _shortened(body)
    return _text(body, "reason", "message", "error")


def _text(body: object, *names: str) -> str | None:
    """The first of these fields of a body that holds a text."""
    if not isinstance(body, dict):
        return None
    given = (cast("dict[str, object]", body).get(name) for name in names)
    return next(
        (_shortened(text) for text in given if isinstance(text, str) and text.strip()), None
    )


def _shortened(text: str) -> str:
    """One line of what can be shown: it goes to logs, terminals and databases."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    text = " ".join(shown.split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
