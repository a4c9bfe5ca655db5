"""Faults of the network that pictures come from."""

from __future__ import annotations

from dataclasses import dataclass

from scenario_async.sandbox._answers import Answer

from .faults import AnswerFault

_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Access denied</Message></Error>"
)


class PictureFault(AnswerFault):
    """A fault that answers in the place of the network that pictures come from."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ExpiredURL(PictureFault):
    """Answers 403 to a request for a picture, as if its signed URL had expired."""

    def answer(self) -> Answer:
        """Give the answer."""
        return Answer(status=403, body=_EXPIRED, content_type="text/xml")


@dataclass(frozen=True, slots=True)
class PictureContent(PictureFault):
    """Answers a request for a picture with something else.

    Attributes:
        body: What is sent.
        content_type: What it is said to be.
    """

    body: bytes
    content_type: str = "image/png"

    def answer(self) -> Answer:
        """Give the answer."""
        return Answer(body=self.body, content_type=self.content_type)
