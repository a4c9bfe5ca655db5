"""A drawn picture for what has none. No I/O."""

from __future__ import annotations

from xml.sax.saxutils import escape
from zlib import crc32

__all__ = ["PLACEHOLDER_TYPE", "initials", "placeholder"]

PLACEHOLDER_TYPE = "image/svg+xml"
_CIRCLE = 360
_LONGEST = 2
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240" preserveAspectRatio="xMidYMid slice">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1">
<stop offset="0" stop-color="hsl({hue},42%,62%)"/>
<stop offset="1" stop-color="hsl({next},46%,44%)"/>
</linearGradient></defs>
<rect width="320" height="240" fill="url(#g)"/>
<circle cx="{x}" cy="{y}" r="{r}" fill="#fff" fill-opacity=".12"/>
<circle cx="{y}" cy="{x}" r="70" fill="#000" fill-opacity=".07"/>
<text x="160" y="123" text-anchor="middle" dominant-baseline="central" fill="#fff"
 fill-opacity=".92" font-family="system-ui,sans-serif" font-size="64" font-weight="600"
 letter-spacing="2">{label}</text>
</svg>
"""


def initials(name: str) -> str:
    """The first letters of the first two words that begin with a letter or a digit."""
    firsts = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(firsts[:_LONGEST]).upper()[:_LONGEST]


def placeholder(key: str, label: str) -> bytes:
    """An SVG picture: the key chooses its colour, the label stands in it.

    Args:
        key: Such as an id: equal keys look alike.
        label: Of which no more than two letters or digits are shown.
    """
    number = crc32(key.encode(errors="surrogatepass"))
    hue = number % _CIRCLE
    shown = "".join(one for one in label if one.isalnum())[:_LONGEST]
    svg = _SVG.format(
        hue=hue,
        next=(hue + 38) % _CIRCLE,
        x=40 + number // _CIRCLE % 240,
        y=20 + number // 1000 % 200,
        r=60 + number // 7 % 70,
        label=escape(shown),
    )
    return svg.encode(errors="replace")
