"""Random changes of training images: each is one affine map and one change of light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


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
    """

    shift: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = True
    contrast: float = 0.0
    brightness: float = 0.0

    def apply(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change one image.

        Parameters
        ----------
        image
            Of shape (height, width, channels).
        rng
            Where chance comes from.

        Returns
        -------
        ndarray of the same shape
        """
        height, width = image.shape[:2]
        matrix = self._matrix(height, width, rng)
        moved = cv2.warpAffine(
            image,
            matrix[:2],
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return self._light(np.asarray(moved, dtype=np.uint8).reshape(image.shape), rng)

    def _matrix(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
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
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = centre + np.array([shift_x, shift_y]) - linear @ centre
        return matrix

    def _light(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if not self.contrast and not self.brightness:
            return image
        gain = 1 + rng.uniform(-1, 1) * self.contrast
        level = rng.uniform(-1, 1) * self.brightness * 255
        middle = float(image.mean())
        lit = cv2.convertScaleAbs(
            np.maximum(image.astype(np.float32) * gain + (1 - gain) * middle + level, 0)
        )
        return np.asarray(lit, dtype=np.uint8).reshape(image.shape)
