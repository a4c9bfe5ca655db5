"""A store as one file."""
