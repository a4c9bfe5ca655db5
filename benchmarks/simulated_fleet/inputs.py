"""What was measured on one machine, as ``fleet_inputs.py`` writes it."""

from __future__ import annotations

from pathlib import Path

import msgspec

__all__ = ["MEASURED", "Measured", "Rows", "load_measured"]

MEASURED = Path(__file__).parent.parent.parent / "docs" / "benchmarks" / "fleet-inputs.json"


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What one model takes in a full walk, by what the store knows of it.

    Attributes:
        new: A model that the store does not have.
        changed: One whose record differs.
        unchanged: One that the store has.
    """

    new: float
    changed: float
    unchanged: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time in seconds of one core, and bytes.

    Attributes:
        date: When it was measured, as YYYY-MM-DD (UTC).
        server: The version of PostgreSQL.
        processor: Of the machine.
        models: How many models the account had.
        among: How many models other accounts had in the same database.
        worker: Processor time of the worker for a model.
        database: Processor time of PostgreSQL for a model.
        log: Bytes of the write-ahead log for a model.
        worker_run: Processor time of the worker for an incremental run that finds nothing.
        database_run: Processor time of PostgreSQL for such a run, of an account without models.
        database_run_model: The same for each model of the account.
        log_run: Bytes of the write-ahead log for such a run.
        record: Bytes of a record as the service sends it.
        wire: Bytes of it on the wire, compressed.
        stored: Bytes of a model in the tables and indexes, by their names.
        stored_lz4: Bytes of a model in its table alone, where records are compressed with lz4.
    """

    date: str
    server: str
    processor: str
    models: int
    among: int
    worker: Rows
    database: Rows
    log: Rows
    worker_run: float
    database_run: float
    database_run_model: float
    log_run: float
    record: float
    wire: float
    stored: dict[str, float]
    stored_lz4: float


def load_measured(path: Path = MEASURED) -> Measured:
    """Read what was measured."""
    return msgspec.json.decode(path.read_bytes(), type=Measured)
