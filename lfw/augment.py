"""Random changes of training images: each is one affine map and one change of light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_BLURRED = 0.2
_ERASED = (0.1, 0.35)
_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


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
        images: NDArray[np.uint8],
        rng: np.random.Generator,
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.uint8]:
        """Change images, each in its own way: what is drawn for all at once costs a tenth.

        Parameters
        ----------
        images
            Of shape (n, height, width, channels).
        rng
            Where chance comes from.
        size
            Height and width of the results, if the images have a margin around them: the middle
            stays the middle.

        Returns
        -------
        ndarray of shape (n, height, width, channels)
        """
        height, width = size or images.shape[1:3]
        matrices = self._matrices(images.shape[:3], (height, width), rng)
        changed = np.empty((len(images), height, width, images.shape[3]), np.uint8)
        mapped = _mapped_in_four if images.shape[3] == len("RGB") else _mapped
        for image, matrix, result in zip(images, matrices, changed, strict=True):
            mapped(image, matrix, result)
        self._light(changed, rng)
        for result in changed if self.blur or self.erase else ():
            self._spoil(result, rng)
        return changed

    def _matrices(
        self, given: tuple[int, ...], wanted: tuple[int, int], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Map points (x, y, 1) of n results to where they come from: of shape (n, 2, 3)."""
        count, *_ = given
        angle, shear = np.radians(_drawn(rng, count, 2) * (self.rotate, self.shear)).T
        zooms = 1 + _drawn(rng, count, 2) * self.zoom
        shifts = _drawn(rng, count, 2) * self.shift
        zooms[rng.random(count) < 0.5 * self.flip, 0] *= -1
        # As Keras' ImageDataGenerator does: rows slide sideways and shrink by the cosine.
        linear = np.empty((count, 2, 2))
        linear[:, 0, 0], linear[:, 0, 1] = np.cos(angle), -np.sin(angle + shear)
        linear[:, 1, 0], linear[:, 1, 1] = np.sin(angle), np.cos(angle + shear)
        linear *= zooms[:, np.newaxis]
        source, centre = (np.array([w - 1, h - 1]) / 2 for h, w in (given[1:], wanted))
        offsets = source + shifts - linear @ centre
        return np.concatenate([linear, offsets[:, :, np.newaxis]], axis=2)

    def _light(self, images: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Change spread, level and colours of images in their place."""
        count, _, width, colours = images.shape
        if not (self.contrast or self.brightness or self.tint or self.shade):
            return
        gains = 1 + _drawn(rng, count) * self.contrast
        levels = _drawn(rng, count) * self.brightness * 255
        tints = 1 + _drawn(rng, count, colours) * self.tint if self.tint else None
        slopes = _drawn(rng, count) * self.shade if self.shade else None
        across = np.linspace(-1, 1, width)
        levels += (1 - gains) * _middles(images)
        for k, image in enumerate(images):
            if tints is None and slopes is None:
                cv2.addWeighted(image, gains[k], image, 0.0, levels[k], dst=image)
                continue
            lit = image.astype(np.float32) * gains[k] + levels[k]
            if tints is not None:
                lit = lit * tints[k]
            if slopes is not None:
                lit = lit * (1 + (across * slopes[k])[:, np.newaxis])
            # Rounded to 8 bits, as every decoded image is.
            cv2.convertScaleAbs(np.maximum(lit, 0).astype(np.float32), dst=image)

    def _spoil(self, image: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Blur an image in its place, and blot a rectangle of it out."""
        if self.blur and rng.random() < _BLURRED:
            cv2.GaussianBlur(image, (0, 0), rng.uniform(0.1, 1) * self.blur, dst=image)
        if self.erase and rng.random() < self.erase:
            high, wide = (int(side * rng.uniform(*_ERASED)) for side in image.shape[:2])
            top = int(rng.integers(0, image.shape[0] - high))
            left = int(rng.integers(0, image.shape[1] - wide))
            image[top : top + high, left : left + wide] = rng.integers(0, 256)


def _mapped(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], result: NDArray[np.uint8]
) -> None:
    """Fill a result with what lies where a matrix (2, 3) says in an image."""
    height, width = result.shape[:2]
    cv2.warpAffine(image, matrix, (width, height), result, _LINEAR, cv2.BORDER_REPLICATE)


def _mapped_in_four(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], result: NDArray[np.uint8]
) -> None:
    """Do the same with a fourth channel, which takes OpenCV half the time of three: same values."""
    four = np.empty((*result.shape[:2], 4), np.uint8)
    given = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)
    _mapped(given, matrix, four)
    cv2.cvtColor(four, cv2.COLOR_RGBA2RGB, dst=result)


def _middles(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the mean of each image, of all at once where OpenCV is quick at it: same values."""
    count, height, width, colours = images.shape
    if colours > 1 or not count:
        return np.array([sum(cv2.mean(image)) / colours for image in images])
    flat = images.reshape(count, height * width)
    sums = cv2.reduce(flat, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    return np.asarray(sums * (1.0 / (height * width)))


def _drawn(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    """Draw numbers evenly from -1 to 1."""
    return np.asarray(rng.uniform(-1, 1, shape), np.float64)
