"""The sandbox's service: its rules, its pages, its limit and its server."""

from .access import Credentials
from .account import Account, Accounts
from .behavior import Behavior, EndStyle
from .limits import Limiter, RateLimit
from .page_cache import PageCache
from .pages import Page
from .server import Server
from .service import Service
from .tokens import TokenStyle

__all__ = [
    "Account",
    "Accounts",
    "Behavior",
    "Credentials",
    "EndStyle",
    "Limiter",
    "Page",
    "PageCache",
    "RateLimit",
    "Server",
    "Service",
    "TokenStyle",
]
