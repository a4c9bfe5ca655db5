"""Windows of creation dates: several parts of a listing at once."""
