"""What the extra of this package brings, and a word to those who do without it."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["need"]


def need(*modules: str) -> None:
    """See that these modules are installed.

    Raises:
        ModuleNotFoundError: One is not; with its name, and what to install.
    """
    for name in modules:
        if find_spec(name) is None:
            raise ModuleNotFoundError(
                f"scenario_async.sync needs {name}: pip install 'scenario-async[sync]'", name=name
            )


need("greenlet", "sqlalchemy", "xxhash")
