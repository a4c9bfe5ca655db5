"""Descriptions and types for the reference, where autodoc and napoleon do not have them.

Docstrings in Google's style are converted, but the docstring of an attribute is left as it is:
napoleon takes the words before a colon for a type. What a class says under ``Attributes:`` is shown
with the type of each, and types are shown as they are written, with the names of aliases. A public
name without a description is a warning, which fails the build.
"""

from __future__ import annotations

import abc
import importlib
import inspect
import re
import typing
from typing import TYPE_CHECKING, Any

import msgspec
from exports import PUBLIC_MODULES, exports, public_names, source
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util import logging

from scenario_async.types import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

_log = logging.getLogger(__name__)
_napoleon = Config(napoleon_numpy_docstring=False, napoleon_use_ivar=True)
_ATTRIBUTES = re.compile(r"^Attributes:\n(?P<entries>(?:[ ]{4}.*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(?P<name>\w+): (?P<text>.*\n(?: {8}.*\n|\n(?= {8}))*)", re.MULTILINE)
_PROTOCOLS = frozenset(dir(msgspec.Struct))
# A class whose signature has one of these is made by the package, and not by its callers.
_INTERNAL = re.compile(r"\b(?:Context|ListingRun|_Sighting|Connections|Store)\b")


def describe(  # noqa: PLR0917 - as Sphinx calls it
    app: Sphinx,
    what: str,
    name: str,
    documented: Any,  # noqa: ANN401 - as above
    options: Any,  # noqa: ANN401 - as above
    lines: list[str],
) -> None:
    """Convert a docstring; without one the build fails."""
    if not any(lines):
        _log.warning("%s has no description", name)
    text = "\n".join(lines) + "\n"
    if what in ("class", "exception") and options.get("members"):
        text = _ATTRIBUTES.sub(lambda section: _with_types(documented, section), text)
    # Of a method, as the converter looks for no type at the beginning of one.
    kind = "method" if what in ("attribute", "property", "data") else what
    converted = GoogleDocstring(text, _napoleon, app, kind, name, documented, options)
    lines[:] = [*_bases(documented), *converted.lines()]


def _with_types(kind: Any, section: re.Match[str]) -> str:  # noqa: ANN401 - a class
    """What is said of each attribute, with its type as the code has it."""
    parameters = inspect.signature(kind.__init__).parameters
    found = ""
    for entry in _ENTRY.finditer(section["entries"]):
        name = entry["name"]
        parameter = parameters.get(name)
        type_ = _written_type(kind, name) or (parameter and parameter.annotation)
        found += f".. attribute:: {name}\n" + (f"   :type: {type_}\n" if type_ else "")
        found += "\n   " + inspect.cleandoc(entry["text"]).replace("\n", "\n   ") + "\n\n"
    return found


def _written_type(kind: type, name: str) -> str | None:
    """The type of an attribute or a property as the code has it, here or in a base."""
    for one in kind.__mro__:
        if one.__module__.startswith("scenario_async"):
            written = source(one.__module__).annotations.get((one.__qualname__, name))
            member = vars(one).get(name)
            if isinstance(member, property) and member.fget is not None:
                written = member.fget.__annotations__["return"]
            if written:
                return written
    return None


def leave_out(
    app: Sphinx, what: str, name: str, member: object, skip: object, _options: object
) -> bool | None:
    """Leave out the protocols of dataclasses and of msgspec, and what the class has described."""
    place = app.env.current_document
    if what not in ("class", "exception") or skip or not place.autodoc_class:
        return None
    kind = getattr(importlib.import_module(place.autodoc_module), place.autodoc_class)
    if name in _PROTOCOLS or name in _described(kind):
        return True
    written = source(kind.__module__)
    annotation = written.annotations.get((kind.__qualname__, name))
    # What a TypedDict inherits is in none of its base classes, which are `dict` and `object`.
    if annotation is None and typing.is_typeddict(kind):
        return True
    if annotation is not None and annotation.startswith("InitVar["):
        return True
    # What is a value, and no method or property, does not come to `describe` without a description.
    value = not callable(member) and not hasattr(member, "__get__")
    if value and (kind.__qualname__, name) not in written.attr_docs:
        _log.warning("%s.%s has no description", kind.__qualname__, name)
    return None


def _described(kind: type) -> set[str]:
    """The attributes that a class, or one that it inherits from, describes in its docstring."""
    docstrings = [f"{inspect.cleandoc(one.__doc__ or '')}\n" for one in kind.__mro__]
    sections = filter(None, map(_ATTRIBUTES.search, docstrings))
    return {entry["name"] for one in sections for entry in _ENTRY.finditer(one["entries"])}


def _bases(documented: object) -> list[str]:
    """Which public classes a class inherits from, also behind private ones."""
    direct = documented.__bases__ if isinstance(documented, type) else ()
    shown = dict.fromkeys(one for base in direct for one in _public_bases(base))
    names = ", ".join(
        f":class:`{one.__name__}`"
        if one.__module__ == "builtins"
        else f":class:`~{one.__module__}.{one.__qualname__}`"
        for one in shown
    )
    return [f"Bases: {names}", ""] if names else []


def _public_bases(kind: type) -> Iterable[type]:
    if kind in (object, abc.ABC, msgspec.Struct, typing.Generic, typing.Protocol):
        return []
    if not kind.__module__.startswith("scenario_async") or public_names(kind, kind.__name__):
        return [kind]
    return [shown for base in kind.__bases__ for shown in _public_bases(base)]


def shorten(
    _app: Sphinx,
    what: str,
    _name: str,
    documented: object,
    _options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None] | None:
    """Leave out the signature of a class that callers do not make, or that lists its fields."""
    if what not in ("class", "exception") or not signature:
        return None
    fields_below = isinstance(documented, type) and issubclass(documented, msgspec.Struct)
    hidden = what == "exception" or fields_below or _INTERNAL.search(signature)
    return ("", None) if hidden else (signature, returned)


def _written_types(kind: type) -> None:
    """Let autodoc read the types of the fields as they are written: aliases have names there."""
    written = source(kind.__module__).annotations
    kind.__annotations__ |= {
        name: written[kind.__qualname__, name].strip("'") for name in kind.__annotations__
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("exports")
    for module in PUBLIC_MODULES:
        exports(importlib.import_module(module))  # which imports what it imports late
    for kind in (Record, *_subclasses(Record)):
        _written_types(kind)
    app.connect("autodoc-process-docstring", describe)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": False}


def _subclasses(kind: type) -> Iterable[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)
