"""What the commands write: models, tables, messages and progress."""
