"""What is wrong with an argument, said so that others can call it by another name. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArgumentError", "Parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in a sentence.

    Attributes:
        name: As Python spells it, with the index of one of several values, as in ``tags[0]``.
        value: What it would have to be, or is; ``None`` where that is not spoken of.
    """

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value!r}"


class ArgumentError(ValueError):
    """An argument that nothing can be done with, or one that does not go with another.

    Args:
        *parts: The parts of the sentence that says what is wrong.

    Attributes:
        parts: The same. The command line has options in the place of parameters.
    """

    def __init__(self, *parts: str | Parameter) -> None:
        # The text alone is an argument of the exception: pickle calls the class with `args`, and
        # then restores the attributes from `__dict__`.
        super().__init__("".join(map(str, parts)))
        self.parts: tuple[str | Parameter, ...] = parts
