"""One request and its answer: transport, retries, pace, and what becomes of a connection."""

from .clock import Clock, SystemClock
from .lifetime import Lifetime, until_done
from .loop_budget import LoopBudget, TimeSlice
from .messages import Call
from .pacing import Pacer
from .requester import Parse, Requester, RequestOptions
from .retry import is_transient

__all__ = [
    "Call",
    "Clock",
    "Lifetime",
    "LoopBudget",
    "Pacer",
    "Parse",
    "RequestOptions",
    "Requester",
    "SystemClock",
    "TimeSlice",
    "is_transient",
    "until_done",
]
