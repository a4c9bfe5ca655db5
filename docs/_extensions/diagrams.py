"""Sequence diagrams, drawn as SVG from lines of text.

The directive ``sequence`` takes a title and one step a line: ``A -> B: text`` for a call,
``A --> B: text`` for what comes back, and ``A: text`` for what A does by itself. The option
``columns`` has the names in their order. Colours are those of the page, light or dark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sphinx.application import Sphinx

_STEP = re.compile(
    r"(?P<source>[^:>]+?)(?:\s*(?P<arrow>-->|->)\s*(?P<target>[^:]+?))?:\s*(?P<text>.+)"
)
# Pixels. In a monospaced font the width of a text is known.
_LETTER = 6.7
_MARGIN = 12
_ROW = 34
_HEAD = 28
_STYLE = 'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11" fill="currentColor"'
_ARROWHEAD = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
)


@dataclass(frozen=True)
class Step:
    """One line of a diagram; ``target`` is the source itself where a participant works alone."""

    source: str
    target: str
    text: str
    answer: bool


def parsed(lines: Sequence[str]) -> list[Step]:
    """The steps of a diagram.

    Raises:
        SphinxError: A line is none.
    """
    steps = []
    for line in lines:
        found = _STEP.fullmatch(line.strip())
        if found is None:
            raise SphinxError(
                f"a step is `A -> B: text`, `A --> B: text` or `A: text`, not {line!r}"
            )
        target = found["target"] or found["source"]
        steps.append(Step(found["source"], target, found["text"], found["arrow"] == "-->"))
    return steps


def drawn(title: str, names: Sequence[str], steps: Sequence[Step]) -> str:
    """The diagram as an SVG element, with a column for each name."""
    places = _places(names, steps)
    bottom = _HEAD + _ROW * (len(steps) + 1)
    alone = [places[s.source] + _width(s.text) for s in steps if s.source == s.target]
    right = max([places[names[-1]] + _width(names[-1]) / 2, *alone]) + _MARGIN
    parts = [f"<title>{escape(title)}</title><defs>{_ARROWHEAD}</defs>"]
    for name, x in places.items():
        half = _width(name) / 2
        parts.append(
            f'<rect x="{x - half:.0f}" y="1" width="{2 * half:.0f}" height="{_HEAD - 2}" rx="4" '
            'fill="none" stroke="currentColor"/>'
            f'<text x="{x:.0f}" y="{_HEAD - 10}" text-anchor="middle">{escape(name)}</text>'
            f'<path d="M{x:.0f} {_HEAD}V{bottom}" stroke="currentColor" opacity=".25"/>'
        )
    for number, step in enumerate(steps, start=1):
        parts.append(_step(step, places, _HEAD + _ROW * number))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {right:.0f} {bottom}" '
        f'style="width: 100%; max-width: {right:.0f}px" {_STYLE}>{"".join(parts)}</svg>'
    )


def _step(step: Step, places: dict[str, float], y: int) -> str:
    start, end = places[step.source], places[step.target]
    text = escape(step.text)
    if start == end:
        return (
            f'<circle cx="{start:.0f}" cy="{y}" r="3.5"/>'
            f'<text x="{start + 10:.0f}" y="{y + 4}">{text}</text>'
        )
    dashes = ' stroke-dasharray="5 4"' if step.answer else ""
    return (
        f'<text x="{(start + end) / 2:.0f}" y="{y - 6}" text-anchor="middle">{text}</text>'
        f'<path d="M{start:.0f} {y}H{end:.0f}" stroke="currentColor"{dashes} '
        'marker-end="url(#arrow)"/>'
    )


def _width(text: str) -> float:
    return len(text) * _LETTER + 2 * _MARGIN


def _places(names: Sequence[str], steps: Sequence[Step]) -> dict[str, float]:
    """Where the columns stand, so that each text has room between those it belongs to."""
    gaps = [(_width(left) + _width(right)) / 2 + _MARGIN for left, right in pairwise(names)]
    # Short arrows first: their room is part of that of the longer ones.
    for step in sorted(steps, key=lambda one: _span(names, one)[1] - _span(names, one)[0]):
        first, last = _span(names, step)
        if first == last:
            continue
        missing = _width(step.text) - sum(gaps[first:last])
        for gap in range(first, last):
            gaps[gap] += max(0.0, missing) / (last - first)
    places = [_width(names[0]) / 2 + 1]
    for gap in gaps:
        places.append(places[-1] + gap)
    return dict(zip(names, places, strict=True))


def _span(names: Sequence[str], step: Step) -> tuple[int, int]:
    first, last = sorted((names.index(step.source), names.index(step.target)))
    return first, last


class Sequenced(SphinxDirective):
    """A sequence diagram."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"columns": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        title = self.arguments[0]
        steps = parsed([line for line in self.content if line.strip()])
        names = [name.strip() for name in self.options["columns"].split(",")]
        return [nodes.raw("", drawn(title, names, steps), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("sequence", Sequenced)
    return {"parallel_read_safe": True}
