"""A store as one file."""

from .file import encoded, export, models_of
from .formats import ExportFormat, format_of

__all__ = ["ExportFormat", "encoded", "export", "format_of", "models_of"]
