"""A run of sync: what is to be done, done, and counted."""

from .deletions import MAX_DELETIONS
from .run import FULL_EVERY, sync

__all__ = ["FULL_EVERY", "MAX_DELETIONS", "sync"]
