"""The version of this package, in one place."""

__version__ = "0.4.1"
