"""What is wrong with an argument, said so that others can call it by another name. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

__all__ = ["ArgumentError", "InPython", "Parameter", "argument_error", "check_count"]


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


class InPython(str):
    """A part of a sentence that says what to write in Python, and has no meaning elsewhere."""

    __slots__ = ()


class ArgumentError(ValueError):
    """An argument that nothing can be done with, or one that does not go with another.

    Args:
        *parts: The parts of the sentence that says what is wrong.

    Attributes:
        parts: The same. The command line has options in the place of parameters, and nothing in the
            place of :class:`InPython`.
    """

    def __init__(self, *parts: str | Parameter) -> None:
        # The text alone is an argument of the exception: pickle calls the class with `args`, and
        # then restores the attributes from `__dict__`.
        super().__init__("".join(map(str, parts)))
        self.parts: tuple[str | Parameter, ...] = parts


def argument_error(sentence: str, **values: object) -> ArgumentError:
    """The error that says a sentence, with parameters in braces.

    ``"{limit} needs {route=public}, not {value!r}"`` names two parameters where ``value`` is one of
    the values, which are put in as they are. A value may be a :class:`Parameter` or
    :class:`InPython` too.
    """
    parts: list[str | Parameter] = []
    for words, name, _, conversion in Formatter().parse(sentence):
        if words:
            parts.append(words)
        if name is not None:
            parameter, _, wanted = name.partition("=")
            part = values.get(name, Parameter(parameter, wanted or None))
            shown = repr(part) if conversion == "r" else str(part)
            parts.append(part if isinstance(part, Parameter | InPython) else shown)
    return ArgumentError(*parts)


def check_count(name: str, value: object, *, least: int | None = None) -> int:
    """The value, which is a whole number.

    Raises:
        ValueError: It is below the least one.
        TypeError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if least is not None and value < least:
        raise ArgumentError(Parameter(name), f" must be {least} or more, not {value}")
    return value
