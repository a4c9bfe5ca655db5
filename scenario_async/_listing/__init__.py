"""What listings give back: rows, pages, several listings as one."""
