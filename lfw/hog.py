"""Histograms of oriented gradients."""

import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog

from lfw.images import FACE, grey_crops


def hog_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Histograms of oriented gradients of the face at 112x96, one row an image.

    Cells of 8x8 pixels, 9 unsigned orientations, blocks of 2x2 cells, L2 norm. Source: N. Dalal
    and B. Triggs, "Histograms of oriented gradients for human detection", CVPR (2005).
    """
    rows = [
        hog(face, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2")
        for face in grey_crops(pixels, FACE, 112, 96)
    ]
    return np.asarray(rows, dtype=np.float32)
