"""Images with every fault that the audit must tell, made from one drawn picture."""

import io
import struct
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 250


def drawn(seed: int = 0) -> NDArray[np.uint8]:
    """Smooth colours without a meaning, which a JPEG keeps nearly as they are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    large = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(image: Image.Image, **options: object) -> bytes:
    return encoded(image, "JPEG", quality=90, **options)


def claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header tells another size."""
    content = bytearray(GOOD)
    size = content.index(b"\xff\xc0") + 5
    content[size : size + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def _zeroed() -> bytes:
    content = bytearray(GOOD)
    middle = len(content) // 2
    content[middle : middle + 512] = bytes(512)
    return bytes(content)


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    return jpeg(PICTURE, exif=exif)


def _two_frames(kind: str) -> bytes:
    return encoded(PICTURE, kind, save_all=True, append_images=[PICTURE.rotate(90)])


PICTURE = Image.fromarray(drawn())
GOOD = jpeg(PICTURE)
DEEP = Image.fromarray(drawn()[:, :, 0].astype(np.uint16) * 257)

VALID: dict[str, Callable[[], bytes]] = {
    "baseline.jpg": lambda: GOOD,
    "upper-case.JPG": lambda: GOOD,
    "long-suffix.jpeg": lambda: GOOD,
    "progressive.jpg": lambda: jpeg(PICTURE, progressive=True),
    "turned-by-exif.jpg": _turned,
    "colours.png": lambda: encoded(PICTURE, "PNG"),
    "animated.png": lambda: _two_frames("PNG"),
}

FAULTY: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty.jpg": (lambda: b"", "unreadable", "empty file"),
    "text.jpg": (lambda: b"No image, but a text.\n", "unreadable", "not an image"),
    "start-only.jpg": (lambda: GOOD[:20], "unreadable", "not an image"),
    "no-height.jpg": (lambda: claiming(SIDE, 0), "unreadable", "not an image"),
    "half.jpg": (lambda: GOOD[: len(GOOD) // 2], "damaged", "Premature end"),
    "almost-all.jpg": (lambda: GOOD[: len(GOOD) * 99 // 100], "damaged", "Premature end"),
    "without-end.jpg": (lambda: GOOD[:-2], "damaged", "Premature end"),
    "zeroed.jpg": (_zeroed, "damaged", "Corrupt JPEG data"),
    "half.png": (lambda: encoded(PICTURE, "PNG")[:3000], "damaged", "truncated"),
    "claims-much.jpg": (lambda: claiming(20_000, 20_000), "too large", "pixels"),
    "claims-most.jpg": (lambda: claiming(65_500, 65_500), "too large", "pixels"),
    "claims-more.jpg": (lambda: claiming(8_000, 8_000), "too large", "claims 8000x8000 pixels"),
    "png.jpg": (lambda: encoded(PICTURE, "PNG"), "mislabelled", "PNG named .jpg"),
    "jpeg.png": (lambda: GOOD, "mislabelled", "JPEG named .png"),
    "gif.jpg": (lambda: encoded(PICTURE, "GIF"), "mislabelled", "GIF named .jpg"),
    "animated.jpg": (lambda: _two_frames("GIF"), "mislabelled", "GIF named .jpg"),
    "cmyk.jpg": (lambda: jpeg(PICTURE.convert("CMYK")), "not RGB", "mode CMYK"),
    "grey.jpg": (lambda: jpeg(PICTURE.convert("L")), "not RGB", "mode L"),
    "palette.png": (lambda: encoded(PICTURE.convert("P"), "PNG"), "not RGB", "mode P"),
    "alpha.png": (lambda: encoded(PICTURE.convert("RGBA"), "PNG"), "not RGB", "mode RGBA"),
    "deep.png": (lambda: encoded(DEEP, "PNG"), "not RGB", "mode I;16"),
    "point.jpg": (lambda: jpeg(PICTURE.resize((1, 1))), "off size", "1x1, not 250x250"),
    "wide.jpg": (lambda: jpeg(PICTURE.resize((300, 200))), "off size", "300x200, not 250x250"),
}
"""By name: how the file is made, the problem, and a part of its detail."""
