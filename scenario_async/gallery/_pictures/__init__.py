"""The pictures behind ``/preview/{asset}``."""

from .pictures import Picture, Pictures
from .routes import pictures_routes

__all__ = ["Picture", "Pictures", "pictures_routes"]
