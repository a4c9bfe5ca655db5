"""Where a user's caches are. No I/O.

``XDG_CACHE_HOME`` as the standard has it, and the folders that macOS and Windows have for it:
https://specifications.freedesktop.org/basedir-spec/latest/
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cache_folder"]

_OWN = Path("scenario-async") / "pictures"


def cache_folder(platform: str, environment: Mapping[str, str], home: Path) -> Path:
    """The folder for pictures.

    Args:
        platform: As ``sys.platform`` says.
        environment: The variables of the process.
        home: The user's own folder.
    """
    if platform == "win32":
        given, usual = environment.get("LOCALAPPDATA"), home / "AppData" / "Local"
    elif platform == "darwin":
        given, usual = None, home / "Library" / "Caches"
    else:
        given, usual = environment.get("XDG_CACHE_HOME"), home / ".cache"
    # One that is not absolute is to be ignored, says the standard.
    return (Path(given) if given and Path(given).is_absolute() else usual) / _OWN
