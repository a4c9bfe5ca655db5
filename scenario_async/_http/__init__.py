"""One request and its answer: transport, retries, pace, and what becomes of a connection."""
