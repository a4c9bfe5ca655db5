"""How the pages of a listing are fetched: pure state machines, driven by the fetcher."""
