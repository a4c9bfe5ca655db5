"""Which pages are asked for, and which of them are given to whom."""
