"""Find pairs of images that show the same photograph, by comparing aligned pixels.

A copy may be re-encoded, brightened, and moved by a few pixels, degrees or per cent, as the
alignment of Labeled Faces in the Wild does to two scans of one picture. Two frames of one scene
are two photographs, however alike they look: a pair counts only if every part of the image,
background included, agrees once the images lie on each other.

The search has three steps, each far cheaper per pair than the next: a matrix product over small
descriptors of all images, a registration of thumbnails, a registration and comparison of images.

Not found: mirror images; two crops around different faces of one group photograph; copies moved
by more than about 6 px, 5 degrees and 10 % at 250 px; photographs nearly black or without contrast.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from lfw.look_alikes import find_look_alikes
from lfw.threads import in_threads, one_thread_an_image

THUMBNAIL_SIDE = 64
"""Width and height of a thumbnail, in pixels."""

SAME_PHOTO_SIMILARITY = 0.9
"""Least similarity of a pair. No two images of deep-funneled LFW have one from 0.83 to 0.95."""


_THUMBNAIL_CORRELATION = 0.95

_SIDE = 250  # the comparison works on images of this width and height, in pixels
_BLACK = 10  # grey level of alignment borders, with what JPEG adds to them
_MIN_OVERLAP = 0.3  # of the area
_MIN_CONTRAST = 5.0  # standard deviation in grey levels
_BLUR_SIGMA = 1.5  # px; evens out what JPEG and resampling add
_WINDOW = 24  # px; smaller than an eye with its brow or a mouth at 250 px
_STRIDE = 4  # px between windows
_WINDOW_FILL = 0.8  # least part of a window that both images show
_LOW_PERCENTILE = 1.0
_CONTRAST = 50.0  # grey levels of standard deviation that both images are brought to
_NOISE_VARIANCE = 25.0  # at that contrast; what two encodings of a flat wall may differ by

_Level = TypeVar("_Level", np.uint8, np.float32)


@dataclass(frozen=True)
class SamePhoto:
    """Two images that show the same photograph.

    Attributes
    ----------
    first, second
        Paths of the images, ``first < second``.
    similarity
        Agreement of the aligned pixels in the worst parts of the image, 0 to 1.
    same_name
        Whether both images lie in one folder, that is, under one person's name.
    """

    first: str
    second: str
    similarity: float
    same_name: bool


@dataclass(frozen=True)
class _Alignment:
    warp: NDArray[np.float32]  # (2, 3): maps pixels of the first image to pixels of the second
    moved: NDArray[np.uint8]  # the second image, laid on the first
    common: NDArray[np.bool_]  # pixels that both images show


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an image to the size that the search for candidates needs.

    Parameters
    ----------
    pixels
        Grey image, (H, W).

    Returns
    -------
    NDArray[np.uint8]
        (64, 64), each pixel the mean of the area that it covers.

    Raises
    ------
    ValueError
        The image is not two-dimensional, is empty, or does not consist of bytes.
    """
    if pixels.ndim != 2 or pixels.size == 0 or pixels.dtype != np.uint8:
        raise ValueError(
            f"a grey image of bytes (H, W) is needed, not {pixels.dtype} {pixels.shape}"
        )
    return _resized(pixels, THUMBNAIL_SIDE)


def find_same_photos(
    thumbnails: NDArray[np.uint8],
    paths: Sequence[str],
    load_grey: Callable[[int], NDArray[np.uint8]],
    load_thumbnail: Callable[[int], NDArray[np.uint8]] | None = None,
) -> list[SamePhoto]:
    """Find the pairs of images that show the same photograph.

    Memory is bounded by about 15 kB per image and 200 MB. Time grows with the square of the number
    of images (see docs/performance.md).

    Parameters
    ----------
    thumbnails
        What :func:`thumbnail` gave for each image, (N, 64, 64).
    paths
        Path of each image, N of them, all different, with ``/`` between its parts; the last
        folder is the name of the person.
    load_grey
        Decodes an image, given its place in `paths`, to grey levels (H, W). Called only for the
        few images whose thumbnails already agree with another's.
    load_thumbnail
        Gives what :func:`thumbnail` gives for an image, by its place, where `thumbnails` are rough
        (see :func:`lfw.audit.audit_images`): the pairs found are those of the exact ones.

    Returns
    -------
    list[SamePhoto]
        Sorted by paths, whatever the order of the input. Three copies make three pairs.

    Raises
    ------
    ValueError
        `thumbnails` has the wrong shape or type, or does not match `paths`, or a path occurs
        twice.
    """
    _check(thumbnails, paths)
    order = sorted(range(len(paths)), key=paths.__getitem__)
    in_order = thumbnails[order]

    @lru_cache(maxsize=64)
    def load(index: int) -> NDArray[np.uint8]:
        return _resized(load_grey(order[index]), _SIDE)

    @lru_cache(maxsize=8192)
    def exact(index: int) -> NDArray[np.uint8]:
        return in_order[index] if load_thumbnail is None else load_thumbnail(order[index])

    def register(pair: tuple[int, int]) -> NDArray[np.float32] | None:
        return _thumbnail_warp(exact(pair[0]), exact(pair[1]))

    found = []
    with one_thread_an_image():
        pairs = find_look_alikes(in_order, None if load_thumbnail is None else exact)
        warps = list(in_threads(register, pairs))
    for (i, j), warp in zip(pairs, warps, strict=True):
        if warp is None:
            continue
        similarity = _similarity(load(i), load(j), warp)
        if similarity >= SAME_PHOTO_SIMILARITY:
            first, second = paths[order[i]], paths[order[j]]
            same_name = PurePosixPath(first).parent.name == PurePosixPath(second).parent.name
            found.append(SamePhoto(first, second, similarity, same_name))
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def photo_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Tell how well two images agree in their worst parts, once laid on each other.

    The images are registered by the affine transform that maximises the enhanced correlation
    coefficient [1]_. Then two figures are taken over the pixels that both show (black borders are
    left out): the correlation of all, and the first percentile of the correlations within windows
    of 24 x 24 px, the contrast-structure term of structural similarity [2]_. The smaller counts.
    Gain and bias of brightness do not matter.

    Parameters
    ----------
    first, second
        Grey images, (H, W), roughly aligned.

    Returns
    -------
    float
        0 to 1; 0 too if the images cannot be registered, overlap too little or have no contrast.

    References
    ----------
    .. [1] G. D. Evangelidis, E. Z. Psarakis: Parametric image alignment using enhanced correlation
       coefficient maximization. IEEE TPAMI 30(10), 2008.
    .. [2] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from
       error visibility to structural similarity. IEEE TIP 13(4), 2004.
    """
    aligned = _register(_resized(first, THUMBNAIL_SIDE), _resized(second, THUMBNAIL_SIDE))
    if aligned is None:
        return 0.0
    return _similarity(_resized(first, _SIDE), _resized(second, _SIDE), aligned.warp)


def _check(thumbnails: NDArray[np.uint8], paths: Sequence[str]) -> None:
    shape = (len(paths), THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    if thumbnails.dtype != np.uint8 or (len(paths) and thumbnails.shape != shape):
        raise ValueError(
            f"thumbnails are {thumbnails.dtype} {thumbnails.shape}, expected uint8 {shape}"
        )
    if len(thumbnails) != len(paths):
        raise ValueError(f"{len(thumbnails)} thumbnails do not match {len(paths)} paths")
    if len(set(paths)) != len(paths):
        raise ValueError("a path occurs twice")


def _resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if image.shape == (side, side):
        return image
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnail_warp(
    first: NDArray[np.uint8], second: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    """Register two thumbnails; None if they cannot show the same photograph."""
    aligned = _register(first, second)
    if aligned is None:
        return None
    common = aligned.common
    if _correlation(first[common], aligned.moved[common]) < _THUMBNAIL_CORRELATION:
        return None
    return aligned.warp


def _similarity(
    first: NDArray[np.uint8], second: NDArray[np.uint8], warp: NDArray[np.float32]
) -> float:
    """Compare two images of `_SIDE`, given the warp between their thumbnails."""
    aligned, side = None, THUMBNAIL_SIDE
    for larger in (_SIDE // 2, _SIDE):
        warp = warp * np.array([1, 1, larger / side], np.float32)
        side = larger
        aligned = _register(_resized(first, side), _resized(second, side), warp)
        if aligned is None:
            return 0.0
        warp = aligned.warp
    return 0.0 if aligned is None else _agreement(first, aligned)


def _visible(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mark with 1 what is no black area at the rim of the image."""
    dark = cv2.copyMakeBorder(
        (image <= _BLACK).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1
    )
    cv2.floodFill(dark, None, (0, 0), 2)
    shown = (dark[1:-1, 1:-1] != 2).astype(np.uint8)
    margin = 2 * round(3 * len(image) / _SIDE) + 1  # JPEG and resampling mix border and image
    return np.asarray(cv2.erode(shown, np.ones((margin, margin), np.uint8)), np.uint8)


def _register(
    first: NDArray[np.uint8], second: NDArray[np.uint8], warp: NDArray[np.float32] | None = None
) -> _Alignment | None:
    """Lay the second image on the first; None if they do not fit or overlap too little."""
    start = np.eye(2, 3, dtype=np.float32) if warp is None else warp
    first_shown, second_shown = _visible(first), _visible(second)
    # The method takes one mask, in the second image: what the first hides is hidden there too.
    mask = second_shown & _moved(first_shown, start, cv2.INTER_NEAREST)
    if mask.mean() < _MIN_OVERLAP:
        return None
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 25, 1e-5)
    try:
        _, ecc_warp = cv2.findTransformECC(
            first, second, start.copy(), cv2.MOTION_AFFINE, criteria, mask, 5
        )
    except cv2.error:  # it did not converge: different images, or no contrast
        return None
    found: NDArray[np.float32] = np.asarray(ecc_warp, np.float32)
    back = cv2.WARP_INVERSE_MAP
    common = first_shown & _moved(second_shown, found, cv2.INTER_NEAREST | back)
    if common.mean() < _MIN_OVERLAP:
        return None
    moved = _moved(second, found, cv2.INTER_CUBIC | back)
    return _Alignment(found, moved, common.astype(np.bool_))


def _moved(image: NDArray[np.uint8], warp: NDArray[np.float32], flags: int) -> NDArray[np.uint8]:
    moved = cv2.warpAffine(image, warp, image.shape[::-1], flags=flags)
    return np.asarray(moved, np.uint8)


def _agreement(first: NDArray[np.uint8], aligned: _Alignment) -> float:
    # The blur below mixes what lies outside into the edge of what both images show.
    common = cv2.erode(
        aligned.common.astype(np.uint8),
        np.ones((9, 9), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    ).astype(np.bool_)
    if not common.any():
        return 0.0
    a = cv2.GaussianBlur(first.astype(np.float32), (0, 0), _BLUR_SIGMA)
    b = cv2.GaussianBlur(aligned.moved.astype(np.float32), (0, 0), _BLUR_SIGMA)
    if min(a[common].std(), b[common].std()) < _MIN_CONTRAST:
        return 0.0
    a, b = ((x - x[common].mean()) * (_CONTRAST / x[common].std()) for x in (a, b))
    windows = _window_correlations(a, b, common)
    if windows.size == 0:
        return 0.0
    worst = float(np.percentile(windows, _LOW_PERCENTILE))
    return float(np.clip(min(worst, _correlation(a[common], b[common])), 0, 1))


def _window_correlations(
    a: NDArray[np.float32], b: NDArray[np.float32], common: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Correlate within windows; a window that is flat in both images counts as equal."""
    weight = common.astype(np.float32)
    fill = _window_mean(weight)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(_window_mean(values * weight) / np.maximum(fill, 1e-3), np.float32)

    mean_a, mean_b = mean(a), mean(b)
    covariance = mean(a * b) - mean_a * mean_b
    variances = np.maximum(mean(a * a) - mean_a**2, 0) * np.maximum(mean(b * b) - mean_b**2, 0)
    correlation = (covariance + _NOISE_VARIANCE) / (np.sqrt(variances) + _NOISE_VARIANCE)
    full = fill >= _WINDOW_FILL
    selected = correlation[::_STRIDE, ::_STRIDE][full[::_STRIDE, ::_STRIDE]]
    return np.asarray(selected, np.float32)


def _window_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    window = (_WINDOW, _WINDOW)
    mean = cv2.boxFilter(values, cv2.CV_32F, window, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32)


def _correlation(a: NDArray[_Level], b: NDArray[_Level]) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(np.corrcoef(a, b)[0, 1])
    return value if np.isfinite(value) else 0.0  # one of them is flat
