"""What listings give back: rows, pages, several listings as one."""

from .listing import Listing
from .merge import Found, Merged
from .methods import Listings, request_options
from .page import Page
from .run import ListingOptions, ListingRun

__all__ = [
    "Found",
    "Listing",
    "ListingOptions",
    "ListingRun",
    "Listings",
    "Merged",
    "Page",
    "request_options",
]
