"""How a fleet and its accounts are, in lines for people. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_async._formats import printable

from .messages import stamp
from .summaries import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scenario_async.fleet import Account, FleetStatus

__all__ = ["account_lines", "fleet_lines"]


def fleet_lines(status: FleetStatus, *, width: int | None) -> list[str]:
    """How many accounts are in which state, how long they are overdue, and who is at work."""
    states = [[state, f"{number:,}"] for state, number in status.states.items()]
    lag = status.lag
    seconds = [["median", lag.median], ["95 in 100", lag.p95], ["worst", lag.worst]]
    work = [status.workers, status.slots, status.overdue, status.failing]
    lines = [
        *columns_of(
            ["Accounts", "Number"],
            [*states, ["in all", f"{status.accounts:,}"]],
            texts=1,
            width=width,
        ),
        "",
        *columns_of(
            ["Overdue", "Seconds"],
            [[str(name), f"{number:,.1f}"] for name, number in seconds],
            texts=1,
            width=width,
        ),
        "",
        *columns_of(
            ["Workers", "Slots", "Overdue", "Failing", "Rows a second"],
            [[f"{number:,}" for number in work] + [f"{status.rows_per_second:,.1f}"]],
            texts=0,
            width=width,
        ),
    ]
    named = [
        _named("Set aside", status.set_aside, status.states["set aside"]),
        _named("Refused", status.refused, status.states["refused"]),
    ]
    if status.oldest_due is not None:
        since = _moment(status.oldest_due_at)
        named.insert(0, f"Overdue longest: {printable(status.oldest_due)}, since {since}")
    said = [line for line in named if line]
    return [*lines, "", *said] if said else lines


def account_lines(account: Account, *, width: int | None) -> list[str]:
    """All that is known of an account."""
    numbers = ("rows", "changes", "requests")
    rows = [
        ["credentials", account.credential_ref],
        ["scopes", " ".join(account.scopes)],
        ["every", str(account.every)],
        ["limit group", account.limit_group],
        ["state", account.state],
        ["due", _moment(account.due_at)],
        ["failures", f"{account.failures:,}"],
        ["last success", _moment(account.last_success_at)],
        *([name, _number(getattr(account, name))] for name in numbers),
        ["seconds", "" if account.seconds is None else f"{account.seconds:.1f}"],
    ]
    lines = columns_of(["Account", printable(account.name)], rows, texts=2, width=width)
    if account.last_error is not None:
        lines.append(f"Last error: {printable(account.last_error)}")
    return lines


def _named(title: str, names: Sequence[str], number: int) -> str:
    more = f" and {number - len(names):,} more" if number > len(names) else ""
    return f"{title}: {', '.join(map(printable, names))}{more}" if names else ""


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else stamp(moment)


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
