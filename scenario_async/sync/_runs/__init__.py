"""A run of sync: what is to be done, done, and counted."""
