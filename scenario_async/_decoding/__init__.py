"""From the bytes of an answer to rows, and from rows to records."""
