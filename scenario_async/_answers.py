"""What an HTTP answer means: errors from statuses, and the service's hints. No I/O."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from ._errors import APIStatusError, error_for_status
from ._http import LARGEST_ERROR
from ._redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._http import HTTPResponse

__all__ = ["error_from_response", "is_redirect", "redirect_target", "request_id", "retry_hint"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Which of these the service sets is not documented; gateways of its hosting set the second.
_REQUEST_ID_HEADERS = ("x-request-id", "x-amzn-requestid", "request-id")
_LONGEST_REASON = 500


def error_from_response(
    response: HTTPResponse, *, request_name: str, secrets: Iterable[str]
) -> APIStatusError:
    """The exception for an answer that is no success."""
    body = _shown_body(response.body[:LARGEST_ERROR].decode("utf-8", "replace"), tuple(secrets))
    reason = _reason(body)
    status = response.status
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    detail = f": {reason}" if reason else ""
    return error_for_status(status)(
        f"{request_name} was answered with {phrase}{detail}",
        status_code=status,
        reason=reason,
        retry_after=retry_hint(response.headers, body, now=datetime.now(UTC)),
        request_id=request_id(response.headers),
        body=body,
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """The service's name for the request, where it gave one."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)


def retry_hint(headers: Mapping[str, str], body: object, *, now: datetime) -> float | None:
    """Seconds that the service asks to wait: ``Retry-After``, or ``remainingSeconds`` in the body.

    ``Retry-After`` may be seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after).
    What cannot be read is no hint. With both, the longer one counts.
    """
    hints = [_seconds(headers["retry-after"], now)] if "retry-after" in headers else []
    if isinstance(body, dict):
        hints.append(_seconds(cast("dict[str, object]", body).get("remainingSeconds"), now))
    return max((hint for hint in hints if hint is not None), default=None)


def _seconds(value: object, now: datetime) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    except ValueError:
        try:
            moment = parsedate_to_datetime(str(value))
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


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
    if isinstance(body, dict):
        texts = cast("dict[str, object]", body)
        given = (texts.get(name) for name in ("reason", "message", "error"))
        return next(
            (_shortened(text) for text in given if isinstance(text, str) and text.strip()), None
        )
    if isinstance(body, str) and body.strip() and not body.lstrip().startswith("<"):
        return _shortened(body)
    return None


def _shortened(text: str) -> str:
    """One line of what can be shown: it goes to logs, terminals and databases."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    text = " ".join(shown.split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
