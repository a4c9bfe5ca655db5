"""What a sandbox does wrong on demand."""

from .bad_rows import BadRowKind
from .faults import (
    AnswerFault,
    Delayed,
    Dropped,
    EmptyBulk,
    ExpiredToken,
    Fault,
    IgnoredBounds,
    NotJSON,
    PlanLimitReached,
    QuotaExceeded,
    RateLimited,
    Redirect,
    ServerError,
    Stalled,
    Truncated,
)
from .page_faults import (
    BadRow,
    ChangedTokens,
    EmptyListing,
    EmptyPage,
    EndToken,
    PageFault,
    RepeatedRows,
    RepeatedToken,
)
from .picture_faults import ExpiredURL, PictureContent
from .schedule import BASE_PATH, FaultSchedule

__all__ = [
    "BASE_PATH",
    "AnswerFault",
    "BadRow",
    "BadRowKind",
    "ChangedTokens",
    "Delayed",
    "Dropped",
    "EmptyBulk",
    "EmptyListing",
    "EmptyPage",
    "EndToken",
    "ExpiredToken",
    "ExpiredURL",
    "Fault",
    "FaultSchedule",
    "IgnoredBounds",
    "NotJSON",
    "PageFault",
    "PictureContent",
    "PlanLimitReached",
    "QuotaExceeded",
    "RateLimited",
    "Redirect",
    "RepeatedRows",
    "RepeatedToken",
    "ServerError",
    "Stalled",
    "Truncated",
]
