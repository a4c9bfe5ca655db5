"""Faults that a sandbox shows on demand.

Each kind is a small value. What a fault does is decided here and in ``page_faults``, without I/O:
some give an answer of their own, some change a page before it is written; the rest (``Dropped``,
``Truncated``, ``Stalled``, ``Delayed``) are for the server to carry out.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from scenario_async.sandbox._answers import HTML, TEXT, Answer, json_answer, reason

if TYPE_CHECKING:
    from scenario_async.sandbox._requests import Request

Phase = Literal["delay", "answer", "body", "bounds", "page"]
"""When a fault acts. Of each phase one fault acts on a request, of the phase "page" all do."""

_BOUNDS = frozenset({"createdAfter", "createdBefore", "updatedAfter", "updatedBefore"})
_SPELLED = {None: None, True: "true", False: "false"}
_HTML_PAGE = b"<!doctype html><html><head><title>%s</title></head><body>%s</body></html>\n"


class Fault:
    """What all faults have in common; not a fault by itself."""

    __slots__ = ()

    phase: ClassVar[Phase]

    def concerns(self, request: Request) -> bool:
        """Tell whether this fault can act on a request; one that cannot is not counted."""
        del request
        return True


class AnswerFault(Fault, ABC):
    """A fault that answers in the place of the service."""

    __slots__ = ()

    phase: ClassVar[Phase] = "answer"

    @abstractmethod
    def answer(self) -> Answer:
        """Give the answer."""


@dataclass(frozen=True, slots=True)
class RateLimited(AnswerFault):
    """Answers 429.

    Attributes:
        retry_after: Seconds that the hint names; ``None`` for no hint.
        hint: Where the hint is: ``Retry-After`` in seconds (written as given, so fractions are
            possible), ``retry-after-ms`` (whole milliseconds, rounded up), ``Retry-After`` as a
            date (whole seconds, rounded up), or ``remainingSeconds`` in the body.
        should_retry: What ``x-should-retry`` says; ``None`` for no such header.
        clock_offset: Seconds by which the clock behind a date is ahead of this machine's. The
            ``Date`` of the answer goes by that clock as well.
    """

    retry_after: float | None = None
    hint: Literal["seconds", "milliseconds", "date", "body", "none"] = "seconds"
    should_retry: bool | None = None
    clock_offset: float = 0.0

    def answer(self) -> Answer:
        """Give the answer."""
        return self._answer().with_header("x-should-retry", _SPELLED[self.should_retry])

    def _answer(self) -> Answer:
        answer = reason(429, "Too many requests")
        seconds = self.retry_after
        if seconds is None or self.hint == "none":
            return answer
        if self.hint == "body":
            return json_answer({"reason": "cooldown", "remainingSeconds": seconds}, status=429)
        if self.hint == "milliseconds":
            return answer.with_header("retry-after-ms", str(math.ceil(seconds * 1000)))
        if self.hint == "seconds":
            return answer.with_header("Retry-After", f"{seconds:g}")
        now = datetime.now(UTC) + timedelta(seconds=self.clock_offset)
        answer = answer.with_header("Date", format_datetime(now, usegmt=True))
        return answer.with_header("Retry-After", _http_date(now + timedelta(seconds=seconds)))


@dataclass(frozen=True, slots=True)
class PlanLimitReached(AnswerFault):
    """Answers 429 as if the plan of the account did not include something: waiting does not help.

    Attributes:
        action: What the plan does not include.
        limit: How often the plan includes it.
    """

    action: str = "model-list"
    limit: int = 0

    def answer(self) -> Answer:
        """Give the answer."""
        content = {
            "reason": "The limit of your plan has been reached",
            "name": "PlanLimitReachedError",
            "details": {"actionLimit": self.limit, "actionName": self.action},
        }
        return json_answer(content, status=429)


@dataclass(frozen=True, slots=True)
class QuotaExceeded(AnswerFault):
    """Answers 429 as if a quota were used up: waiting does not help.

    Attributes:
        quota: What the quota is for.
    """

    quota: str = "search"

    def answer(self) -> Answer:
        """Give the answer."""
        error = f"Quota exceeded for {self.quota}"
        return json_answer({"error": error, "code": "QUOTA_EXCEEDED"}, status=429)


@dataclass(frozen=True, slots=True)
class ServerError(AnswerFault):
    """Answers with a server error, or any other status.

    Attributes:
        status: The HTTP status.
        retry_after: Seconds for a ``Retry-After`` header, ``None`` for no such header.
        body: ``reason`` for the service's own JSON, the others for gateways in front of it.
        should_retry: What ``x-should-retry`` says; ``None`` for no such header.
    """

    status: int = 503
    retry_after: float | None = None
    body: Literal["reason", "message", "text", "html"] = "reason"
    should_retry: bool | None = None

    def answer(self) -> Answer:
        """Give the answer."""
        text = b"Service unavailable"
        if self.body in {"reason", "message"}:
            answer = json_answer({self.body: text.decode()}, status=self.status)
        elif self.body == "text":
            answer = Answer(status=self.status, body=text, content_type=TEXT)
        else:
            page = _HTML_PAGE % (text, text)
            answer = Answer(status=self.status, body=page, content_type=HTML)
        if self.retry_after is not None:
            answer = answer.with_header("Retry-After", f"{self.retry_after:g}")
        return answer.with_header("x-should-retry", _SPELLED[self.should_retry])


@dataclass(frozen=True, slots=True)
class Dropped(Fault):
    """Closes the connection before the first byte of an answer.

    Attributes:
        reset: Whether to reset the connection instead of closing it.
    """

    phase: ClassVar[Phase] = "answer"

    reset: bool = False


@dataclass(frozen=True, slots=True)
class ExpiredToken(AnswerFault):
    """Answers 400 to a request that carries a pagination token, as if it had expired."""

    def concerns(self, request: Request) -> bool:
        """Tell whether the request carries a token."""
        return "paginationToken" in request.query

    def answer(self) -> Answer:
        """Give the answer."""
        return reason(400, "paginationToken has expired")


@dataclass(frozen=True, slots=True)
class NotJSON(AnswerFault):
    """Answers 200 with something that is not JSON.

    Attributes:
        body: ``html`` and ``text`` come with their own content type. ``empty`` and ``words``
            claim to be JSON: an empty body, and words.
    """

    body: Literal["html", "text", "empty", "words"] = "html"

    def answer(self) -> Answer:
        """Give the answer."""
        if self.body == "html":
            page = _HTML_PAGE % (b"Sign in", b"Please sign in to this network.")
            return Answer(body=page, content_type=HTML)
        if self.body == "text":
            return Answer(body=b"OK", content_type=TEXT)
        return Answer(body=b"" if self.body == "empty" else b"upstream is warming up")


@dataclass(frozen=True, slots=True)
class EmptyBulk(AnswerFault):
    """Answers 200 to a bulk read of models, without models, as if none could be read."""

    def concerns(self, request: Request) -> bool:
        """Tell whether the request is such a read."""
        return request.path.endswith("/models/get-bulk")

    def answer(self) -> Answer:
        """Give the answer."""
        return json_answer({"models": []})


@dataclass(frozen=True, slots=True)
class Redirect(AnswerFault):
    """Answers with a redirect.

    Attributes:
        location: Where to, as sent in ``Location``.
        status: The HTTP status.
    """

    location: str
    status: int = 302

    def answer(self) -> Answer:
        """Give the answer."""
        answer = Answer(status=self.status, content_type=TEXT)
        return answer.with_header("Location", self.location)


@dataclass(frozen=True, slots=True)
class Delayed(Fault):
    """Holds the answer back; works together with every other fault.

    Attributes:
        seconds: For how long, on top of the latency of the sandbox.
    """

    phase: ClassVar[Phase] = "delay"

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncated(Fault):
    """Sends the headers and a part of the body, then closes the connection.

    Attributes:
        fraction: How much of the body is sent, from 0 to 1 (at least one byte is kept back).
        chunked: Whether the body goes in chunks, the last one missing, instead of being announced
            by ``Content-Length``.
    """

    phase: ClassVar[Phase] = "body"

    fraction: float = 0.5
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Stalled(Fault):
    """Sends the headers and a part of the body, then nothing until the client leaves.

    Attributes:
        fraction: How much of the body is sent, from 0 to 1 (at least one byte is kept back).
    """

    phase: ClassVar[Phase] = "body"

    fraction: float = 0.5


@dataclass(frozen=True, slots=True)
class IgnoredBounds(Fault):
    """Lists models as if there were no ``createdAfter``, ``createdBefore`` and the like."""

    phase: ClassVar[Phase] = "bounds"

    def concerns(self, request: Request) -> bool:
        """Tell whether the request has bounds."""
        return not _BOUNDS.isdisjoint(request.query)


def _http_date(moment: datetime) -> str:
    # The header has whole seconds: round up, so that the wait is never shorter than asked for.
    return format_datetime(datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC), usegmt=True)
