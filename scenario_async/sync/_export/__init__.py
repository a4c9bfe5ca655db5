"""A store as one file."""

from scenario_async._formats import ExportFormat

from .file import encoded, export, file_of, models_of

__all__ = ["ExportFormat", "encoded", "export", "file_of", "models_of"]
