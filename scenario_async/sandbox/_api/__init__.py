"""The sandbox's service: its rules, its pages, its limit and its server."""
