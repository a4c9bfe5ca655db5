"""What the tests of the command line share beside fixtures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Ran:
    """What a command has written, and how it ended."""

    code: int
    out: bytes
    err: str

    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.out.splitlines()]

    def report(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        report: dict[str, Any] = json.loads(line)
        return report


class Run(Protocol):
    def __call__(self, *arguments: str) -> Ran: ...
