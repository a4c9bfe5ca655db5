"""What ``scenario-async sync`` is told: the scopes, how they are copied, and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async.cli._durations import duration
from scenario_async.cli._filters import ids
from scenario_async.cli._options import Option, gathered, section
from scenario_async.cli._output import WrongUsageError

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["SyncOptions", "sync_options"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOptions:
    """What is copied, how, and how often; see the help of the options."""

    private: bool
    public: bool
    unlisted: bool
    collections: tuple[str, ...]
    public_collections: tuple[str, ...]
    unlisted_collections: tuple[str, ...]
    details: bool
    full: bool
    full_every: timedelta
    wait: bool
    max_deletions: float | None
    new_owner: bool
    watch: timedelta | None
    as_json: bool
    quiet: bool

    def scopes(self) -> list[str]:
        """The scopes as the store names them, each once."""
        named = [name for name in ("private", "public", "unlisted") if getattr(self, name)]
        named += [f"collection:{one}" for one in self.collections]
        named += [f"public:collection:{one}" for one in self.public_collections]
        named += [f"unlisted:collection:{one}" for one in self.unlisted_collections]
        if not named:
            raise WrongUsageError(
                "nothing to copy: give --private, --public, --unlisted, --collection ID, "
                "--public-collection ID or --unlisted-collection ID, or several of them"
            )
        return list(dict.fromkeys(named))

    @property
    def wanted_collections(self) -> tuple[str, ...]:
        """The ids of all collections that are given."""
        return (*self.collections, *self.public_collections, *self.unlisted_collections)


def _limit(_: click.Context, __: click.Parameter, given: str) -> float:
    """A number of models, or a share of them: ``100``, ``0.5`` or ``50%``."""
    try:
        if given.isdecimal():
            return int(given)
        share = float(given[:-1]) / 100 if given.endswith("%") else float(given)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise click.BadParameter(f"{given!r} is neither a number of models nor a share such as 50%")
    return share


def _collections(name: str, kind: str) -> Option:
    """Declare the option for collections whose models of this kind are copied."""
    return click.option(
        "--" + name.removesuffix("s").replace("_", "-"),
        name,
        multiple=True,
        metavar="ID",
        callback=ids,
        help=f"Copy the {kind} models of this collection. Repeatable.",
    )


sync_options: Option = gathered(
    "options",
    SyncOptions,
    [
        section(
            "What is copied",
            click.option("--private", is_flag=True, help="Copy all private models."),
            click.option("--public", is_flag=True, help="Copy all public models."),
            click.option("--unlisted", is_flag=True, help="Copy all unlisted models."),
            _collections("collections", "private"),
            _collections("public_collections", "public"),
            _collections("unlisted_collections", "unlisted"),
        ),
        section(
            "How it is copied",
            click.option(
                "--details",
                is_flag=True,
                help="Also fetch the full records of models that have none, or have changed since.",
            ),
            click.option(
                "--full",
                is_flag=True,
                help="List everything, also where that was done today, or finish such a listing "
                "that was broken off.",
            ),
            click.option(
                "--full-every",
                default="1d",
                show_default=True,
                callback=duration,
                metavar="TIME",
                help="How old the last listing of everything may be, such as 6h or 7d.",
            ),
            click.option(
                "--wait",
                is_flag=True,
                help="Wait while another run is at work, instead of failing.",
            ),
            click.option(
                "--max-deletions",
                default="50%",
                show_default=True,
                callback=_limit,
                metavar="LIMIT",
                help="Stop before more models of a scope than that are marked as deleted, without "
                "the service's own word for it: a number, or a share, which holds for scopes of "
                "more than 20 models. 100% is no limit.",
            ),
            click.option(
                "--new-owner",
                is_flag=True,
                help="Let the store become a copy of another owner's models, which it refuses.",
            ),
            click.option(
                "--watch",
                callback=duration,
                metavar="TIME",
                help="Run again so long after the end of each run, until Ctrl-C: seconds, or a "
                "time such as 5m. Into a log each run is one line, with the time.",
            ),
        ),
        section(
            "Output",
            click.option(
                "--json", "as_json", is_flag=True, help="Report in JSON, one line for each run."
            ),
            click.option("--quiet", is_flag=True, help="Show no progress."),
        ),
    ],
)
