"""What the extras of this package bring, and a word to those who do without one."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["MissingExtraError", "need"]


class MissingExtraError(ModuleNotFoundError):
    """A module is missing that an extra brings.

    Attributes:
        extra: Which one.
    """

    def __init__(self, message: str, *, name: str, extra: str) -> None:
        super().__init__(message, name=name)
        self.extra = extra


def need(what: str, *modules: str, extra: str) -> None:
    """See that the modules are installed that something needs.

    Raises:
        MissingExtraError: One is not; with its name, and what to install.
    """
    for name in modules:
        if find_spec(name) is None:
            install = f"pip install 'scenario-async[{extra}]'"
            raise MissingExtraError(f"{what} needs {name}: {install}", name=name, extra=extra)
