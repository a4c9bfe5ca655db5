"""The names of accounts. No I/O."""

from __future__ import annotations

from scenario_async._query import given_text

from .filters import storable

__all__ = ["PUBLIC_ACCOUNT", "checked_account"]

PUBLIC_ACCOUNT = "public"
"""The account of the public models: they are the same for all, and lie once."""

_LONGEST = 200  # bytes: it is a part of each key


def checked_account(name: str) -> str:
    """The name of an account, if it can be one.

    Raises:
        TypeError: It is not a string.
        ValueError: It is empty, longer than 200 bytes, or has what no database can store.
    """
    account = given_text("account", name)
    if account is None:
        raise TypeError("account must be a str, not None")
    if not storable(account):
        raise ValueError(f"account must have neither NUL nor surrogates, and is {account!r}")
    if len(account.encode()) > _LONGEST:
        raise ValueError(f"account must have at most {_LONGEST} bytes, not {len(account.encode())}")
    return account
