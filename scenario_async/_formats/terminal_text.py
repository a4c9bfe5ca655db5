"""Text that a terminal shows, and that does nothing to it. No I/O."""

from __future__ import annotations

import unicodedata

__all__ = ["escaped", "printable", "steers", "without_steering"]


def steers(character: str) -> bool:
    """Whether a character does something to a terminal or to the text around it.

    Joiners, which scripts and emoji are made with, do no harm.
    """
    if character.isprintable() or character in "\u200c\u200d":
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    """The text on one line, without characters that would steer a terminal."""
    return without_steering(" ".join(text.split()))


def without_steering(line: str) -> str:
    """The line with a mark for each character that would steer a terminal."""
    return line if line.isprintable() else "".join("\ufffd" if steers(c) else c for c in line)


def escaped(data: bytes) -> bytes:
    """Lines with each character that would steer a terminal as an escape, as in JSON."""
    text = data.decode(errors="backslashreplace")
    return "".join(c if c in "\n\t" or not steers(c) else _escape(c) for c in text).encode()


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)
