"""Models by their ids: one, many, in short, and what they are shown with."""
