"""The accounts: how many models each has, what changes, how far its copy is, when it is due."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenario_async.sync._state import ScopeState

from .moments import moment, seconds
from .scene import DAY, Scene
from .schedule import first

if TYPE_CHECKING:
    from scenario_async.fleet._schedule import Standing

__all__ = ["Account", "Group", "accounts_of", "happened", "sizes"]

_SHARING = 3
_HALVINGS = 50


@dataclass(slots=True, eq=False)
class Group:
    """Accounts that share a limit.

    Attributes:
        accounts: They.
        turn_at: The moment from which the limit allows the next request.
        taken: Whether it is in the queue or with a worker.
    """

    accounts: list[Account] = field(default_factory=list["Account"])
    turn_at: float = 0.0
    taken: bool = False


@dataclass(slots=True, eq=False)
class Account:
    """One key with its catalogue.

    Attributes:
        group: Whose limit it shares.
        models: How many there are.
        kind: ``"sound"``, ``"failing"``, ``"refused"`` or ``"killing"``.
        standing: What the schedule knows of it.
        due_at: The moment from which a run is wanted, as that says.
        copied: How far the copy is, as the store keeps it.
        pages_left: What is left of the full walk that is under way.
        walk_rows: How many rows each page of that has.
        looked_at: When new models were last looked for.
        walked_at: When it was last listed in full.
        succeeded_at: When the last run that succeeded began.
        set_aside: Whether it waits for somebody to release it.
        empty: Whether the database has none of its models.
    """

    group: Group
    models: int
    standing: Standing
    due_at: float
    copied: ScopeState
    looked_at: float
    walked_at: float
    succeeded_at: float
    kind: str = "sound"
    pages_left: int = 0
    set_aside: bool = False
    empty: bool = False


def accounts_of(scene: Scene) -> list[Account]:
    """All accounts, as they are after a day without incidents: spread over both periods."""
    chance = random.Random(scene.seed)  # noqa: S311 - no secret
    drawn = sizes(scene)
    chance.shuffle(drawn)
    accounts: list[Account] = []
    group = Group()
    for number, models in enumerate(drawn):
        sharing = number < scene.shared * scene.accounts
        if not sharing or number % _SHARING == 0:
            group = Group()
        standing = first(f"studio-{number}", scene.every)
        due_at = seconds(standing.due_at)
        ran_at = due_at - scene.every
        # A full walk is one of the runs, which come every `every`.
        runs_ago = math.floor(chance.random() * max(1.0, scene.full_every / scene.every))
        walked_at = ran_at - runs_ago * scene.every
        account = Account(
            group=group,
            models=models,
            standing=standing,
            due_at=due_at,
            copied=ScopeState(full_at=moment(walked_at), run_at=moment(ran_at)),
            looked_at=ran_at,
            walked_at=walked_at,
            succeeded_at=ran_at,
        )
        group.accounts.append(account)
        accounts.append(account)
    kinds = ["failing"] * scene.failing + ["refused"] * scene.refused
    kinds += ["killing"] * scene.killing
    for account, kind in zip(chance.sample(accounts, len(kinds)), kinds, strict=True):
        account.kind = kind
    return accounts


def sizes(scene: Scene) -> list[int]:
    """How many models each account has, from the smallest on.

    A bounded Pareto distribution, whose one parameter gives the mean that is wanted. Each account
    has the size in the middle of its part of it, so that the total does not depend on chance.
    """
    low, high = -1.0, 4.0  # the mean falls while the exponent rises
    for _ in range(_HALVINGS):
        exponent = (low + high) / 2
        if sum(_quantiles(scene, exponent)) > scene.models:
            low = exponent
        else:
            high = exponent
    return [round(size) for size in _quantiles(scene, high)]


def _quantiles(scene: Scene, exponent: float) -> list[float]:
    ratio = (scene.least / scene.most) ** exponent
    parts = ((number + 0.5) / scene.accounts for number in range(scene.accounts))
    return [scene.least * (1 - part * (1 - ratio)) ** (-1 / exponent) for part in parts]


def happened(chance: random.Random, models: int, share_a_day: float, during: float) -> int:
    """How many of so many models something happened to."""
    mean = models * share_a_day * during / DAY
    if mean > 50:  # noqa: PLR2004 - from here on they look alike
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    # Knuth: how often a product of chances stays above.
    limit, product, number = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        number += 1
    return number
