"""Signed URLs of pictures: what they look like and when they expire."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from .letters import ID_LENGTH, MOST_EXAMPLES, POLICY_LENGTH, SIGNATURE_LENGTH, letters

ORIGIN: Final = "https://cdn.sandbox.invalid"
"""Stands in records for the address of the sandbox, which is known when one serves them."""

# By the clock of the machine, and not of the catalogue: a client compares it with its own.
_FIRST_SIGNED: Final = datetime.now(UTC)
# URLs expire on the 7th, the 14th, the 21st and the last day of a month: four dates a month.
_DATES: Final = (7, 14, 21)
_DATES_A_MONTH: Final = 4


def signed_url(asset_id: str, content: int, *, renewals: int = 0, size: str = "") -> str:
    """Return a URL as long as those of the service.

    Args:
        asset_id: The picture.
        content: The number from which policy and signature are made.
        renewals: How often it was signed again, which changes the signature and ``Expires`` only.
        size: The query of a smaller copy; the original if left out.
    """
    behind_ids = MOST_EXAMPLES * ID_LENGTH
    policy = letters(content, POLICY_LENGTH, skip=behind_ids)
    signature = letters(content, SIGNATURE_LENGTH, skip=behind_ids + POLICY_LENGTH)
    turn = renewals % SIGNATURE_LENGTH
    folder = "assets-transform" if size else "assets"
    return (
        f"{ORIGIN}/{folder}/{asset_id}?{size}"
        f"{'&' if size else ''}Expires={_expires(renewals)}&Policy={policy}__"
        f"&Key-Pair-Id=KSANDBOX00000&Signature={signature[turn:]}{signature[:turn]}__"
    )


def is_picture(path: str) -> bool:
    """Tell whether a path is that of a signed URL, which needs no other credentials."""
    return path.startswith(("/assets/", "/assets-transform/"))


def expiry(moment: datetime, renewals: int = 0) -> datetime:
    """Return when a URL expires that is signed at ``moment``, or ``renewals`` dates later.

    URLs made on day 1 to 7 of a month last to the 14th, those of day 8 to 14 to the 21st, those of
    day 15 to 21 to the end of the month, later ones to the 7th of the next. The day counts whole.
    """
    reached = sum(moment.day > day for day in _DATES) + 1
    number = (moment.year * 12 + moment.month - 1) * _DATES_A_MONTH + reached + renewals
    months, date = divmod(number, _DATES_A_MONTH)
    year, month = months // 12, months % 12 + 1
    day = (*_DATES, calendar.monthrange(year, month)[1])[date]
    return datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)


@lru_cache(maxsize=1024)
def _expires(renewals: int) -> int:
    return int(expiry(_FIRST_SIGNED, renewals).timestamp())
