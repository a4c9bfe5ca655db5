"""Traces and metrics of a client, by the conventions of OpenTelemetry.

Needs the extra ``scenario-async[otel]``, which is the API of OpenTelemetry alone: what becomes of
spans and metrics is up to the SDK that a program sets up.
"""

from scenario_async import _extras

# First, as what follows imports it.
_extras.need("scenario_async.otel", "opentelemetry", extra="otel")

from ._instrument import instrument  # noqa: E402 - see above

__all__ = ["instrument"]
