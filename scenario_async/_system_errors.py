"""What the system calls the reason of an error."""

from __future__ import annotations

import errno
import os

__all__ = ["system_reason"]


def system_reason(error: OSError) -> str:
    """What the system calls the reason; asyncio has more words for it, and numbers among them."""
    number = error.errno
    words = os.strerror(number) if number is not None and number in errno.errorcode else ""
    known = words and not words.startswith("Unknown error")  # as on Windows, of sockets
    return words if known else error.strerror or str(error)
