"""Which pairs of images look alike at first sight, among all pairs."""

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

# Descriptors of 16 x 16 pixels without their slow shading. The coarse grid makes them
# tolerant to misalignment; the high-pass makes images of different scenes differ.
_MARGIN = 6
_SIDE = 16
_SIGMA = 2.5
_LEAST_CORRELATION = 0.8
# All pairs are compared both ways round, so each pose stands for its inverse too.
_POSES = ((1.0, 0.0), (1.1, 0.0), (1.0, 5.0))  # zoom, angle in degrees
_BLOCK = 4096  # images per side of a block of the product: 64 MB of float32


def find_look_alikes(thumbnails: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """List the pairs of images that are worth a closer look.

    All are compared with all, in blocks, by coarse high-passed descriptors in a few poses.

    Parameters
    ----------
    thumbnails
        Grey images of shape (n, side, side).

    Returns
    -------
    list of (int, int)
        Places i < j, in order.
    """
    plain = _descriptors(thumbnails)
    pairs: set[tuple[int, int]] = set()
    for zoom, angle in _POSES:
        posed = _descriptors(_posed(thumbnails, zoom, angle))
        for top, left in product(range(0, len(plain), _BLOCK), repeat=2):
            likeness = plain[top : top + _BLOCK] @ posed[left : left + _BLOCK].T
            rows, columns = np.nonzero(likeness > _LEAST_CORRELATION)
            for i, j in zip((rows + top).tolist(), (columns + left).tolist(), strict=True):
                if i != j:
                    pairs.add((min(i, j), max(i, j)))
    return sorted(pairs)


def _descriptors(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    side, margin = _SIDE, _MARGIN
    result = np.zeros((len(thumbnails), side * side), np.float32)
    for row, image in zip(result, thumbnails, strict=True):
        centre = image[margin:-margin, margin:-margin]
        small = cv2.resize(centre, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        small -= cv2.GaussianBlur(small, (0, 0), _SIGMA)
        small -= small.mean()
        length = float(np.linalg.norm(small))
        if length > 1e-3:  # a flat image stays at zero and so is like none
            row[:] = small.ravel() / length
    return result


def _posed(thumbnails: NDArray[np.uint8], zoom: float, angle: float) -> NDArray[np.uint8]:
    """Zoom and turn (degrees) each thumbnail about its centre."""
    middle = (thumbnails.shape[1] - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), angle, zoom)
    result = np.empty_like(thumbnails)
    for target, image in zip(result, thumbnails, strict=True):
        target[:] = cv2.warpAffine(image, turn, image.shape, borderMode=cv2.BORDER_REPLICATE)
    return result
