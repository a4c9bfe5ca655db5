"""What a sandbox does wrong on demand."""
