"""A run of sync: what is to be done, done, and counted."""

from .deletions import MAX_DELETIONS, check_max_deletions
from .run import FULL_EVERY, check_duration, sync

__all__ = ["FULL_EVERY", "MAX_DELETIONS", "check_duration", "check_max_deletions", "sync"]
