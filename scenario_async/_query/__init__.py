"""What is listed: a query as a value, what a user may give for it, what the API refuses."""
