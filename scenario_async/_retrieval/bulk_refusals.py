"""What it means when the service does not answer for many records at once. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenario_async._errors import APIError

__all__ = ["refuses_bulk", "refuses_ids"]

# Not 401, which single records would be answered with as well, and nothing that passes.
_NEVER_ANSWERED = frozenset({402, 403, 404, 405, 406, 410, 415, 501})
_IDS_REFUSED = frozenset({400, 413, 414, 422})


def refuses_bulk(error: APIError) -> bool:
    """Whether the service takes no request for many records at once, of these credentials."""
    return error.status_code in _NEVER_ANSWERED


def refuses_ids(error: APIError) -> bool:
    """Whether the service takes such requests, but not with these ids: one may be at fault."""
    return error.status_code in _IDS_REFUSED
