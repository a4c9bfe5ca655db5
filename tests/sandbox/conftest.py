from __future__ import annotations

from support.wire import catalogue, pauses, sandbox, served, wire

__all__ = ["catalogue", "pauses", "sandbox", "served", "wire"]
