"""The words that invented models are made of.

Nothing here is taken from a real record: makers, names and sentences are made up, the sets of
types and capabilities are those of the published API reference.
"""

from __future__ import annotations

from typing import Final

MAKERS: Final = (
    "Lumenworks",
    "Northlight",
    "Pixelforge",
    "Quillstone",
    "Harbour AI",
    "Tindra",
    "Mosaic Nine",
    "Fernweh",
    "Atelier Vega",
    "Brightwater",
    "Kilnhouse",
    "Orrery",
)

THINGS: Final = (
    "Brush",
    "Canvas",
    "Diorama",
    "Loom",
    "Motion",
    "Palette",
    "Portrait",
    "Relief",
    "Sketch",
    "Sprite",
    "Studio",
    "Tableau",
    "Texture",
    "Voice",
)

# JSON from the service carries what people typed: accents, other scripts, emoji, quotation marks.
FLOURISHES: Final = ("", "", "", "", "", "", " 🍋", " · édition", ' "Pro"', " 試作")

OPENINGS: Final = (
    "Makes even-toned illustrations from a single sentence",
    "Turns a rough drawing into a clean, lit scene",
    "Keeps one character recognisable across many pictures",
    "Fills flat shapes with tileable surfaces",
    "Moves a still picture with steady camera paths",
    "Builds small solid objects from one photograph",
)

MIDDLES: Final = (
    "with close control of colour and line",
    "at sizes from thumbnails to posters",
    "while holding on to the given composition",
    "in the manner of printed picture books",
    "with soft shadows and calm backgrounds",
)

CLOSINGS: Final = (
    "Good for early concepts and mood boards.",
    "Good for game assets that must look alike.",
    "Works best with short, concrete prompts.",
    "Trained on material that its makers own.",
)

PUBLIC_TAGS: Final = (
    "Image to Image",
    "Text to Image",
    "Upscale",
    "Video",
    "3D",
    "Textures",
    "Illustration",
    "Characters",
    "Editing",
    "Landscape",
    "Isometric",
    "sc:featured",
)

PRIVATE_TAGS: Final = (
    "draft",
    "heroes",
    "chapter one",
    "environment",
    "props",
    "approved",
    "flat colour",
    "icons",
)

PUBLIC_TYPES: Final = ("custom", "flux.1-lora", "flux.1-composition", "gpt-image-1", "flux.1")
"""Public types; their shares follow the public catalogue of October 2026."""

PUBLIC_TYPE_BOUNDS: Final = (550 / 709, 687 / 709, 701 / 709, 705 / 709, 1.0)

PRIVATE_TYPES: Final = (
    "flux.1-lora",
    "flux.1-composition",
    "flux.2-dev-lora",
    "qwen-image-lora",
    "custom",
)

PRIVATE_TYPE_BOUNDS: Final = (0.6, 0.75, 0.87, 0.95, 1.0)

PRIVATE_STATUSES: Final = ("trained", "training", "new", "failed", "copying", "training-canceled")

PRIVATE_STATUS_BOUNDS: Final = (0.8, 0.86, 0.92, 0.98, 0.99, 1.0)

CAPABILITIES: Final = (
    ("txt2img", "img2img"),
    ("txt2img", "img2img", "controlnet", "inpaint"),
    ("txt2video", "img2video"),
    ("img23d",),
    ("txt2audio",),
    ("img2img",),
)

ACCESS_RESTRICTIONS: Final = (0, 0, 0, 25, 50, 75, 100)
