"""Reading the value of one query parameter, or refusing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

MODEL_TYPES: Final = frozenset(
    {
        "flux.1",
        "flux.1-lora",
        "flux.1-kontext-dev",
        "flux.1-krea-dev",
        "flux.1-kontext-lora",
        "flux.1-krea-lora",
        "flux.1-composition",
        "flux.1-pro",
        "flux1.1-pro",
        "flux.1.1-pro-ultra",
        "flux.2-dev-lora",
        "flux.2-dev-edit-lora",
        "flux.2-klein-4b-lora",
        "flux.2-klein-9b-lora",
        "flux.2-klein-base-4b-lora",
        "flux.2-klein-base-9b-lora",
        "flux.2-klein-4b-edit-lora",
        "flux.2-klein-9b-edit-lora",
        "flux.2-klein-base-4b-edit-lora",
        "flux.2-klein-base-9b-edit-lora",
        "gpt-image-1",
        "qwen-image-lora",
        "qwen-image-2512-lora",
        "qwen-image-edit-lora",
        "qwen-image-edit-2509-lora",
        "qwen-image-edit-2511-lora",
        "zimage-lora",
        "zimage-turbo-lora",
        "zimage-de-turbo-lora",
        "custom",
        "elevenlabs-voice",
    }
)
"""The values that ``type`` and ``types`` may have, as documented."""


class RefusedError(Exception):
    """A request that the API does not accept.

    Args:
        reason: What is wrong, naming the parameters. Sent as ``reason``.
        status: The HTTP status of the answer.
    """

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def known_parameters(
    parameters: Iterable[tuple[str, str]], known: frozenset[str]
) -> dict[str, str]:
    """Give the known parameters; lists are comma separated, so none may come twice or empty."""
    query: dict[str, str] = {}
    for name, value in parameters:
        if name not in known:
            continue
        if name in query:
            raise RefusedError(f"{name} is given more than once: separate values by commas")
        if not value:
            raise RefusedError(f"{name} is empty: leave it out or give it a value")
        query[name] = value
    return query


def microseconds(query: dict[str, str], name: str) -> int:
    """Read a date as microseconds since 1970; one without a time zone is in UTC."""
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError:
        raise RefusedError(f"{name} must be an ISO date, such as 2026-01-31T08:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def words(query: dict[str, str], name: str) -> tuple[str, ...]:
    """Read values separated by commas, sorted: their order means nothing."""
    if name not in query:
        return ()
    values = tuple(sorted({value.strip() for value in query[name].split(",")}))
    if "" in values:
        raise RefusedError(f"{name} has an empty value between its commas")
    return values


def flag(query: dict[str, str], name: str) -> bool:
    """Read a boolean, false if left out."""
    return choice(query, name, ("true", "false")) == "true"


def choice(query: dict[str, str], name: str, choices: Sequence[str]) -> str | None:
    """Read one of several values."""
    value = query.get(name)
    if value is not None and value not in choices:
        raise RefusedError(f"{name} must be one of {', '.join(choices)}")
    return value


def whole_number(query: dict[str, str], name: str, *, smallest: int, largest: int) -> int | None:
    """Read a whole number within bounds, both included."""
    if name not in query:
        return None
    text = query[name]
    # int() takes more than the API would: spaces, underscores, signs, digits of other scripts.
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1  # noqa: PLR2004 -- more digits than any bound here
    if not smallest <= number <= largest:
        raise RefusedError(f"{name} must be a whole number from {smallest} to {largest}")
    return number
