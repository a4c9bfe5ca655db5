"""The tables of a store: what is written into them and read from them."""
