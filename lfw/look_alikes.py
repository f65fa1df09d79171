"""Which pairs of images look alike at first sight, among all pairs."""

from collections.abc import Callable, Iterator
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
ROUGHNESS = 0.05
"""What rough thumbnails may change of a correlation.

Of the 2,008 pairs of deep-funneled LFW that look alike none loses more than 0.002; of 200,000
other pairs none is changed by more than 0.024.
"""

# All pairs are compared both ways round, so each pose stands for its inverse too.
_POSES = ((1.1, 0.0), (1.0, 5.0))  # zoom, angle in degrees; and as they are
_BLOCK = 4096  # images per side of a block of the product: 64 MB of float32
_SHORT = 64  # components that the first product is taken in
_ROUNDING = 1e-4  # more than float32 can be wrong by
_MANY = 0.02  # of a block: so many pairs are cheaper to compare all at once
_PAIRS = 1 << 16  # compared one by one at a time: 128 MB of float32

Descriptors = NDArray[np.float32]
Thumbnail = NDArray[np.uint8]


def find_look_alikes(
    thumbnails: NDArray[np.uint8], exact: Callable[[int], Thumbnail] | None = None
) -> list[tuple[int, int]]:
    """List the pairs of images that are worth a closer look.

    All are compared with all, in blocks, by coarse high-passed descriptors in a few poses. A first
    product takes the 64 leading principal components, and the length of the rest: by Cauchy and
    Schwarz it is never below the correlation, so what it rules out is out. The few pairs that it
    leaves are compared in full.

    Parameters
    ----------
    thumbnails
        Grey images of shape (n, side, side).
    exact
        Where these are rough: gives the thumbnail itself, by its place. It is asked for those few
        whose rough ones nearly look alike, and its answer counts.

    Returns
    -------
    list of (int, int)
        Places i < j, in order.
    """
    least = _LEAST_CORRELATION - (0.0 if exact is None else ROUGHNESS)
    plain = descriptors(thumbnails)
    axes = _principal_axes(plain)
    pairs: set[tuple[int, int]] = set()
    for posed in (plain, *(descriptors(_posed(thumbnails, *pose)) for pose in _POSES)):
        for i, j in _pairs_above(plain, posed, axes, least):
            pairs.update((min(one), max(one)) for one in zip(i.tolist(), j.tolist(), strict=True))
    found = sorted(pair for pair in pairs if pair[0] != pair[1])
    return found if exact is None else _still_alike(found, exact)


def _pairs_above(
    plain: Descriptors, posed: Descriptors, axes: Descriptors, least: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Give the pairs whose correlation is above the least one, block by block."""
    short = _shortened(plain, axes), _shortened(posed, axes)
    for top, left in product(range(0, len(plain), _BLOCK), repeat=2):
        if posed is plain and left < top:
            continue  # both ways round are one
        rows, columns = slice(top, top + _BLOCK), slice(left, left + _BLOCK)
        i, j = _above(short[0][rows] @ short[1][columns].T, least - _ROUNDING)
        block = plain[rows], posed[columns]
        if len(i) > _MANY * len(block[0]) * len(block[1]):
            i, j = _above(block[0] @ block[1].T, least)
            yield i + top, j + left
            continue
        for start in range(0, len(i), _PAIRS):
            some = slice(start, start + _PAIRS)
            alike = np.einsum("ij,ij->i", block[0][i[some]], block[1][j[some]]) > least
            yield i[some][alike] + top, j[some][alike] + left


def _above(likeness: NDArray[np.float32], least: float) -> tuple[NDArray[np.int64], ...]:
    """Find the values above the least one. They are rare: eight are looked at in one."""
    hits = (likeness > least).ravel()
    even = len(hits) // 8 * 8
    near = (np.flatnonzero(hits[:even].view(np.uint64))[:, np.newaxis] * 8 + np.arange(8)).ravel()
    found = np.concatenate([near[hits[near]], even + np.flatnonzero(hits[even:])])
    return np.divmod(found, likeness.shape[1])


def _principal_axes(rows: Descriptors) -> Descriptors:
    """Give the directions in which descriptors differ most, as columns, (256, 64)."""
    _, axes = np.linalg.eigh((rows.T @ rows).astype(np.float64))
    return np.asarray(axes[:, ::-1][:, :_SHORT], np.float32)


def _shortened(rows: Descriptors, axes: Descriptors) -> Descriptors:
    """Keep some components of each row, and the length of the rest."""
    kept = rows @ axes
    rest = np.einsum("ij,ij->i", rows, rows) - np.einsum("ij,ij->i", kept, kept)
    return np.column_stack([kept, np.sqrt(np.maximum(rest, 0.0))]).astype(np.float32)


def _still_alike(
    pairs: list[tuple[int, int]], exact: Callable[[int], Thumbnail]
) -> list[tuple[int, int]]:
    """Keep the pairs whose exact thumbnails look alike."""
    if not pairs:
        return []
    places = sorted({place for pair in pairs for place in pair})
    thumbnails = np.stack([exact(place) for place in places])
    plain = descriptors(thumbnails)
    first, second = np.searchsorted(places, np.array(pairs)).T
    best = np.einsum("ij,ij->i", plain[first], plain[second])
    for pose in _POSES:
        posed = descriptors(_posed(thumbnails, *pose))
        for one, other in ((first, second), (second, first)):
            best = np.maximum(best, np.einsum("ij,ij->i", plain[one], posed[other]))
    kept = best > _LEAST_CORRELATION
    return [pair for pair, alike in zip(pairs, kept.tolist(), strict=True) if alike]


def descriptors(thumbnails: NDArray[np.uint8]) -> Descriptors:
    """Describe each thumbnail by 256 numbers of length 1 in all, or 0 if it is flat.

    Parameters
    ----------
    thumbnails
        Grey images of shape (n, side, side).

    Returns
    -------
    ndarray of shape (n, 256)
        The product of two rows is their correlation.
    """
    side, margin = _SIDE, _MARGIN
    small = np.zeros((len(thumbnails), side, side), np.uint8)
    for target, image in zip(small, thumbnails, strict=True):
        centre = image[margin:-margin, margin:-margin]
        cv2.resize(centre, (side, side), dst=target, interpolation=cv2.INTER_AREA)
    result = small.reshape(-1, side * side).astype(np.float32) @ _high_pass()
    result -= result.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    flat = lengths[:, 0] <= 1e-3  # a flat image stays at zero and so is like none
    result[flat] = 0.0
    return np.asarray(result / np.maximum(lengths, 1e-3), np.float32)


def _high_pass() -> NDArray[np.float32]:
    """Give the matrix that takes the slow shading off a row of 16 x 16 pixels."""
    each = np.eye(_SIDE * _SIDE, dtype=np.float32).reshape(-1, _SIDE, _SIDE)
    blurred = np.stack([cv2.GaussianBlur(one, (0, 0), _SIGMA) for one in each])
    return np.asarray((each - blurred).reshape(_SIDE * _SIDE, -1), np.float32)


def _posed(thumbnails: NDArray[np.uint8], zoom: float, angle: float) -> NDArray[np.uint8]:
    """Zoom and turn (degrees) each thumbnail about its centre."""
    middle = (thumbnails.shape[1] - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), angle, zoom)
    result = np.empty_like(thumbnails)
    for target, image in zip(result, thumbnails, strict=True):
        cv2.warpAffine(image, turn, image.shape, dst=target, borderMode=cv2.BORDER_REPLICATE)
    return result
