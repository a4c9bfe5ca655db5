"""What is simulated: every number that is chosen or assumed, with its unit.

What was measured is in :mod:`.inputs`.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "Database",
    "Deploy",
    "FullWalks",
    "Outage",
    "Scene",
    "Service",
    "Workers",
]

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """How the service behaves. The limit is documented, and the rest is assumed.

    Attributes:
        requests_per_minute: The limit of each project; a group keeps to it evenly spaced.
        answer: Seconds from a request to an answer without rows.
        answer_row: Seconds more for each row.
        patience: For how many seconds a client tries again while the service is down.
    """

    requests_per_minute: float = 100.0
    answer: float = 0.3
    answer_row: float = 0.001
    patience: float = 10.0


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """The processes that run accounts. Each has one processor core, as one event loop uses one.

    Attributes:
        number: How many there are.
        slots: How many groups each of them works on at once (``concurrency``).
        pages_at_once: How many requests of a full walk are under way at once.
        cron: Seconds between two looks for what is overdue.
        pickup: Seconds from a free slot to the next job in it.
        job: For how many seconds a job begins one account of its group after the other.
        beat: For how many seconds a worker that is gone without a word counts as there, with its
            jobs.
        restart: Seconds until a worker that was stopped is back.
    """

    number: int = 4
    slots: int = 50
    pages_at_once: int = 4
    cron: float = 1.0
    pickup: float = 0.05
    job: float = 300.0
    beat: float = 30.0
    restart: float = 20.0


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """The server of PostgreSQL.

    Attributes:
        cores: How many cores it has, each as fast as the one that was measured.
        disk: How many bytes a second its disk writes.
        written: How often each byte of the write-ahead log is written: there, and in its table.
    """

    cores: int = 8
    disk: float = 250e6
    written: float = 2.0


class Outage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing is answered for a while.

    Attributes:
        of: Who does not answer.
        at: When it begins, in seconds from the beginning.
        seconds: How long it lasts.
    """

    of: str
    at: float
    seconds: float = HOUR


class Deploy(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Each worker is told to end (SIGTERM) and replaced, one after the other.

    Attributes:
        at: When it begins, in seconds from the beginning.
    """

    at: float


class FullWalks(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All accounts become due at once, with a full walk of each.

    Attributes:
        at: When, in seconds from the beginning.
        empty: Whether the database has none of the models: the first load of all of them.
    """

    at: float
    empty: bool = False


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation.

    Attributes:
        accounts: How many keys there are.
        models: How many models they have in all.
        least: The fewest models that an account has.
        most: The most that one has.
        shared: What share of the accounts is in a limit group with others (three a group).
        every: Seconds between two runs of an account.
        full_every: Seconds between two full walks of an account.
        new: What share of its models an account makes in a day.
        edited: What share of them changes in a way that shows in a full walk only, in a day.
        deleted: What share of them is deleted in a day.
        training: Seconds that a new model is in training.
        failing: How many accounts fail in every run, such as one whose records nobody can read.
        refused: How many have a key that is refused.
        killing: How many end their worker's process whenever they are run.
        happenings: What happens beside the usual.
        seconds: How long the simulation lasts.
        seed: Of all chance.
        service: How the service behaves.
        workers: Who runs the accounts.
        database: Where the models are written.
    """

    accounts: int = 10_000
    models: int = 50_000_000
    least: int = 20
    most: int = 100_000
    shared: float = 0.1
    every: float = HOUR
    full_every: float = DAY
    new: float = 0.002
    edited: float = 0.005
    deleted: float = 0.0005
    training: float = 30 * MINUTE
    failing: int = 0
    refused: int = 0
    killing: int = 0
    happenings: tuple[Outage | Deploy | FullWalks, ...] = ()
    seconds: float = DAY
    seed: int = 1
    service: Service = Service()
    workers: Workers = Workers()
    database: Database = Database()
