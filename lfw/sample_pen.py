"""The canvas on which an invented face is drawn, and the shapes that it is made of.

Points are given relative to the middle of the head, x to the right and y down, in pixels of the
finished picture.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

FRAME = 250
"""Side of a finished picture in pixels."""

ZOOM = 1.44
"""How much finer the drawing is than the picture, so that thin lines survive the warp."""

CANVAS = round(FRAME * ZOOM)
"""Side of the drawing in its pixels."""

RELIEF = FRAME // 2
"""Side of height maps and light in pixels: light is smooth, so half the size will do."""

HAIR_BOX = slice(20, 240), slice(60, 300)
"""Rows and columns of the canvas with hair in front."""

MIDDLE = (125.0, 121.0)
"""Where the middle of the head is in a picture."""

_SUBPIXEL_BITS = 4

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Colour = npt.NDArray[np.float64]


class Pen:
    """Fills and strokes smooth shapes on an RGBA canvas."""

    def __init__(self, canvas: Image) -> None:
        self.canvas = canvas

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill the polygon `points`, shape (n, 2), with an RGB `colour` of 0 to 255."""
        cv2.fillPoly(self.canvas, [_fixed(points)], _rgba(colour), cv2.LINE_AA, _SUBPIXEL_BITS)

    def stroke(self, points: Points, colour: Colour, width: float) -> None:
        """Draw a line, shape (n, 2), or several, shape (lines, n, 2), `width` pixels wide."""
        thick = max(1, round(width * ZOOM))
        lines = list(_fixed(points)) if points.ndim == 3 else [_fixed(points)]
        cv2.polylines(self.canvas, lines, False, _rgba(colour), thick, cv2.LINE_AA, _SUBPIXEL_BITS)


def blank() -> Image:
    """Give an empty RGBA canvas."""
    return np.zeros((CANVAS, CANVAS, 4), np.uint8)


def grid(size: int) -> tuple[Floats, Floats]:
    """Return x (1, size) and y (size, 1) of a square image's pixels, from the head's middle."""
    steps = np.arange(size, dtype=np.float32) * np.float32(FRAME / size)
    return steps[None, :] - np.float32(MIDDLE[0]), steps[:, None] - np.float32(MIDDLE[1])


def hill(distance: npt.NDArray[Any], width: Any) -> npt.NDArray[Any]:
    """Give a bell curve of height 1 over `distance`."""
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))


def step(value: npt.NDArray[Any], start: float, width: float) -> npt.NDArray[Any]:
    """Rise smoothly from 0 at `start` to 1 at `start + width`."""
    share = np.clip((value - start) / width, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def soft_noise(rng: np.random.Generator, cells: int) -> Floats:
    """Give noise over the canvas, smooth between `cells` by `cells` random values."""
    raw = rng.standard_normal((cells, cells), np.float32)
    return cv2.resize(raw, (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def shrink(weight: Floats) -> Floats:
    """Bring a canvas-sized weight to the size of a height map."""
    return cv2.resize(weight, (RELIEF, RELIEF), interpolation=cv2.INTER_AREA).astype(np.float32)


def oval(middle: tuple[float, float], wide: float, tall: float, square: float = 2.0) -> Points:
    """Give the outline of an ellipse, shape (28, 2); above 2, `square` fills its corners."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = middle[0] + wide * np.sign(cos) * np.abs(cos) ** (2 / square)
    return line(x, middle[1] + tall * np.sign(sin) * np.abs(sin) ** (2 / square))


def line(x: Points, y: Points) -> Points:
    """Join coordinates to points, shape (n, 2)."""
    return np.stack([x, y], axis=1)


def band(x: Points, upper: Points, lower: Points) -> Points:
    """Give the outline of what lies between two lines over the same `x`."""
    return np.concatenate([line(x, upper), line(x, lower)[::-1]])


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    scaled = (points + MIDDLE) * (ZOOM * 2**_SUBPIXEL_BITS)
    return np.asarray(np.round(scaled), np.int32)


def _rgba(colour: Colour) -> tuple[float, float, float, float]:
    red, green, blue = (float(min(max(part, 0), 255)) for part in colour)
    return red, green, blue, 255.0


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour from a hue of 0 to 180 and saturation and value of 0 to 255, as OpenCV counts."""
    pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float64)
