"""Which pages of a listing are requested, and the driver that fetches them."""

from .adaptive import AdaptivePlanner, Strategy, sorted_by_date
from .cursor_tracker import CursorTracker
from .driver import fetch_planned
from .page_fetcher import Learned, PageFetcher
from .planner import EmittedPage, NotByDateError, PageRequest
from .round_robin import Part, RoundRobin
from .windows.planner import WindowPlanner
from .windows.timeline import MILLISECOND, Timeline, moment_at, position_of

__all__ = [
    "MILLISECOND",
    "AdaptivePlanner",
    "CursorTracker",
    "EmittedPage",
    "Learned",
    "NotByDateError",
    "PageFetcher",
    "PageRequest",
    "Part",
    "RoundRobin",
    "Strategy",
    "Timeline",
    "WindowPlanner",
    "fetch_planned",
    "moment_at",
    "position_of",
    "sorted_by_date",
]
