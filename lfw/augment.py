"""Random changes of training images: each is one affine map and one change of light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BLURRED = 0.2
_ERASED = (0.1, 0.35)


@dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed; every change is drawn evenly within its range.

    Attributes
    ----------
    shift
        Most pixels in each direction.
    rotate, shear
        Most degrees, either way.
    zoom
        Most relative change of scale, either way, drawn for each axis apart.
    flip
        Whether left and right are exchanged half of the time.
    contrast, brightness
        Most relative change of the spread and, in parts of 255, of the level.
    tint
        Most relative change of each colour apart.
    shade
        Most relative change of light at the left and right edges, one up and the other down.
    blur
        Most standard deviation of a Gaussian, in pixels, put on one image in five.
    erase
        Share of images in which a rectangle, of 10 to 35 % of each side, is blotted out
        (Z. Zhong et al., "Random erasing data augmentation", AAAI 2020).
    """

    shift: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = True
    contrast: float = 0.0
    brightness: float = 0.0
    tint: float = 0.0
    shade: float = 0.0
    blur: float = 0.0
    erase: float = 0.0

    def apply(
        self,
        image: NDArray[np.uint8],
        rng: np.random.Generator,
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.uint8]:
        """Change one image.

        Parameters
        ----------
        image
            Of shape (height, width, channels).
        rng
            Where chance comes from.
        size
            Height and width of the result, if the image has a margin around it: the middle stays
            the middle.

        Returns
        -------
        ndarray of shape (height, width, channels)
        """
        height, width = size or image.shape[:2]
        matrix = self._matrix(image.shape[:2], (height, width), rng)
        moved = cv2.warpAffine(
            image,
            matrix[:2],
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        lit = self._light(np.asarray(moved, np.uint8).reshape(height, width, image.shape[2]), rng)
        return self._spoil(lit, rng)

    def _matrix(
        self, given: tuple[int, ...], wanted: tuple[int, int], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Map a result's point (x, y, 1) to where it comes from."""
        angle, shear = np.radians(rng.uniform(-1, 1, 2) * (self.rotate, self.shear))
        zoom_x, zoom_y = 1 + rng.uniform(-1, 1, 2) * self.zoom
        shift_x, shift_y = rng.uniform(-1, 1, 2) * self.shift
        mirror = -1.0 if rng.random() < 0.5 * self.flip else 1.0
        cos, sin = np.cos(angle), np.sin(angle)
        rotated = np.array([[cos, -sin], [sin, cos]])
        # As Keras' ImageDataGenerator does: rows slide sideways and shrink by the cosine.
        sheared = np.array([[1.0, -np.sin(shear)], [0.0, np.cos(shear)]])
        linear = rotated @ sheared @ np.diag([zoom_x, zoom_y]) @ np.diag([mirror, 1.0])
        source, centre = (np.array([w - 1, h - 1]) / 2 for h, w in (given, wanted))
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = source + np.array([shift_x, shift_y]) - linear @ centre
        return matrix

    def _light(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if not (self.contrast or self.brightness or self.tint or self.shade):
            return image
        gain = 1 + rng.uniform(-1, 1) * self.contrast
        level = rng.uniform(-1, 1) * self.brightness * 255
        middle = float(image.mean())
        lit = image.astype(np.float32) * gain + (1 - gain) * middle + level
        if self.tint:
            lit = lit * (1 + rng.uniform(-1, 1, image.shape[2]) * self.tint)
        if self.shade:
            slope = np.linspace(-1, 1, image.shape[1]) * rng.uniform(-1, 1) * self.shade
            lit = lit * (1 + slope[:, np.newaxis])
        # Rounded to 8 bits, as every decoded image is.
        rounded = cv2.convertScaleAbs(np.maximum(lit, 0).astype(np.float32))
        return np.asarray(rounded, dtype=np.uint8).reshape(image.shape)

    def _spoil(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Blur an image, and blot a rectangle of it out."""
        if self.blur and rng.random() < _BLURRED:
            blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.1, 1) * self.blur)
            image = np.asarray(blurred, dtype=np.uint8).reshape(image.shape)
        if self.erase and rng.random() < self.erase:
            image = image.copy()
            high, wide = (int(side * rng.uniform(*_ERASED)) for side in image.shape[:2])
            top = int(rng.integers(0, image.shape[0] - high))
            left = int(rng.integers(0, image.shape[1] - wide))
            image[top : top + high, left : left + wide] = rng.integers(0, 256)
        return image
