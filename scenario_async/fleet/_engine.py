"""What a fleet needs of a queue of jobs that all its workers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import timedelta
    from typing import TypeAlias

    import anyio

    Work: TypeAlias = Callable[[str], Awaitable[timedelta | None]]
    """Does the job of this name. Where it returns a time, the job is repeated so much later."""

    Due: TypeAlias = Callable[[Mapping[str, bool]], Awaitable[Sequence[str]]]
    """Names the jobs to queue, where these are queued, under way, or, where it says so, wait until
    they are repeated."""

__all__ = ["Due", "Engine", "EngineLostError", "Work"]


class EngineLostError(Exception):
    """The connection of the engine is lost, or there is none to be had. It may be back later."""


class Engine(Protocol):
    """A queue in a database. A job is a name, and no name is queued twice or while it is under way.

    A worker that is killed loses its jobs to the others, after a while. One that is cut off may be
    at work on a job that another one has got: whoever needs more than that takes a lock.
    """

    async def run(self, work: Work, due: Due, /, *, slots: int, stop: anyio.Event) -> None:
        """Work on jobs until it is told to stop; what is under way then is cancelled.

        Comes back when nothing is under way any more, however it ends. Nothing of what a job raises
        gets into the database.

        Args:
            work: Called for each job, as many at once as there are slots.
            due: Called every second or two, by one of all workers.
            slots: How many jobs this worker does at once.
            stop: Ends it in order. A cancellation does so as well.

        Raises:
            EngineLostError: The database is away. What was under way was cancelled.
            Exception: Whatever ``work`` or ``due`` raises, and errors of the database that are not
                outages.
        """
        ...
