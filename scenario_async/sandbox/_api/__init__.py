"""The sandbox's service: its rules, its pages, its limit and its server."""

from .access import Credentials
from .behavior import Behavior, EndStyle
from .limits import Limiter, RateLimit
from .pages import Page
from .server import Server
from .service import Service
from .tokens import TokenStyle

__all__ = [
    "Behavior",
    "Credentials",
    "EndStyle",
    "Limiter",
    "Page",
    "RateLimit",
    "Server",
    "Service",
    "TokenStyle",
]
