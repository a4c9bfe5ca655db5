from __future__ import annotations

from support.wire import catalogue, sandbox, served, wire

__all__ = ["catalogue", "sandbox", "served", "wire"]
