"""What listings give back: rows, pages, several listings as one."""

from .listing import Listing, begin
from .merge import Found, Merged
from .methods import Listings, request_options
from .page import Page
from .run import ListingOptions

__all__ = [
    "Found",
    "Listing",
    "ListingOptions",
    "Listings",
    "Merged",
    "Page",
    "begin",
    "request_options",
]
