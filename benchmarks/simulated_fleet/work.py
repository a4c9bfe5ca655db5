"""What one run asks for and writes, by the package's own decisions. No I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scenario_async.sync._runs.costs import (
    WINDOW_ROWS,
    requests_by_id,
    requests_by_status,
    requests_for_walk,
)
from scenario_async.sync._state import FullWalk, Plan, ScopeState, plan

from .accounts import happened
from .moments import moment
from .scene import MINUTE

if TYPE_CHECKING:
    import random
    from datetime import timedelta

    from .accounts import Account
    from .scene import Scene

__all__ = ["Work", "begun", "completed", "work_of"]

# An incremental run reads the last minute again.
_MARGIN = MINUTE


class Work(NamedTuple):
    """One run.

    Attributes:
        pages: How many requests list rows.
        others: How many requests find out what else there is, such as what was deleted.
        rows: How many rows there are on all pages together.
        new: How many of them the store does not have.
        changed: How many of them differ from what it has.
        full: Whether everything is listed.
    """

    pages: int
    others: int
    rows: int
    new: int
    changed: int
    full: bool = True


def work_of(
    account: Account, now: float, scene: Scene, full_every: timedelta, chance: random.Random
) -> Work:
    """What the run of an account that begins now has to do."""
    planned = plan(account.copied, now=moment(now), full=None, full_every=full_every, public=False)
    since = now - account.looked_at
    new = happened(chance, account.models, scene.new, since)
    training = happened(chance, account.models, scene.new, scene.training)
    gone = happened(chance, account.models, scene.deleted, since)
    if planned is Plan.INCREMENTAL:
        by_status = requests_by_status([training] if training else [])
        if 1 + by_status <= requests_for_walk(account.models):
            again = happened(chance, account.models, scene.new, _MARGIN)
            # What has left the training is asked for by its id.
            left = min(new, training)
            others = by_status + 1 + requests_by_id(left, bulk_refused=False)
            return Work(1, others, new + again + training, new, left + gone, full=False)
    if planned is Plan.RESUMED:
        pages = account.pages_left
        rows = min(account.models, pages * WINDOW_ROWS)
    else:
        pages, rows = requests_for_walk(account.models), account.models
    unfound = requests_by_id(gone, bulk_refused=False)
    if account.empty:
        return Work(pages, 1, rows, rows, 0)
    edited = happened(chance, account.models, scene.edited, now - account.walked_at)
    share = rows / account.models
    return Work(pages, 1 + unfound, rows, min(new, rows), round(edited * share) + gone)


def begun(account: Account, work: Work, now: float) -> None:
    """Keep that a full walk is under way: what another run takes up where this one ends."""
    if work.full and account.copied.walk is None:
        walk = FullWalk(run=0, began_at=moment(now), left=())
        account.copied = msgspec.structs.replace(account.copied, walk=walk)
        account.pages_left = work.pages


def completed(account: Account, work: Work, began: float) -> None:
    """Keep how far the copy is after a run that came to its end."""
    account.looked_at = account.succeeded_at = began
    if not work.full:
        account.copied = msgspec.structs.replace(account.copied, run_at=moment(began))
        return
    walk = account.copied.walk
    at = moment(began) if walk is None else walk.began_at
    account.copied = ScopeState(full_at=at, run_at=at)
    account.walked_at, account.pages_left, account.empty = began, 0, False
