"""Linear discriminants of many classes, shrunk class by class.

The same as scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")``, which
takes a covariance of d x d for each class and a singular value decomposition of their mean: with a
hundred people as classes and hundreds of dimensions, seconds. Here each class costs a product of
its few images with each other, and all of them together one of d x d. Shrinkage: O. Ledoit and M.
Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate
Anal. 88 (2004).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from lfw.linear import Linear, Vectors

Matrix = NDArray[np.float64]


def linear_discriminants(vectors: Vectors, labels: NDArray[np.int64]) -> Linear:
    """Learn the scores of Gaussian classes that share one covariance.

    Parameters
    ----------
    vectors
        Of shape (n, d).
    labels
        Class numbers of shape (n,): from 0, each of them at least once.

    Returns
    -------
    Linear
        Of d dimensions and as many classes as there are.
    """
    counts = np.bincount(labels)
    shares = counts / len(labels)
    classes = range(len(counts))
    means = np.stack([vectors[labels == k].mean(axis=0, dtype=np.float64) for k in classes])
    centred = vectors - means[labels]
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    weights = np.empty(len(labels))
    for k, (share, count) in enumerate(zip(shares, counts, strict=True)):
        kept, ridge = _shrunk(centred[labels == k])
        weights[labels == k] = share * kept / count
        covariance[np.diag_indices_from(covariance)] += share * ridge
    covariance += (centred * weights[:, np.newaxis]).T @ centred
    return gaussian_scores(covariance, means, counts)


def gaussian_scores(covariance: Matrix, means: Matrix, counts: NDArray[np.int64]) -> Linear:
    """Give the scores of Gaussian classes that share one covariance.

    Parameters
    ----------
    covariance
        Of shape (d, d).
    means
        Of the classes, of shape (k, d).
    counts
        How often each was seen, of shape (k,).

    Returns
    -------
    Linear
        A score is the logarithm of the class's share times its density, but for what all have.
    """
    directions = _solve(covariance, means.T)
    bias = np.log(counts / counts.sum()) - 0.5 * np.einsum("kd,dk->k", means, directions)
    return Linear(directions.astype(np.float32), bias.astype(np.float32))


def _shrunk(centred: Matrix) -> tuple[float, Matrix]:
    """Give the share of a class's own covariance that is kept, and what its diagonal gains.

    Dimensions are brought to unit spread first, so that one of large numbers does not decide how
    much the others are shrunk.
    """
    n, d = centred.shape
    spread = centred.std(axis=0)
    spread[spread < 10 * np.finfo(np.float64).eps] = 1  # all its images alike
    scaled = centred / spread
    lengths = (scaled**2).sum(axis=1)
    level = lengths.sum() / (n * d)  # the mean of the diagonal
    squared = ((scaled @ scaled.T) ** 2).sum() / n**2  # of all entries of the covariance
    apart = (squared - d * level**2) / d
    noise = min(apart, ((lengths**2).sum() / n - squared) / (n * d))
    shrinkage = noise / apart if noise > 0 else 0.0
    return 1 - shrinkage, shrinkage * level * spread**2


def _solve(covariance: Matrix, means: Matrix) -> Matrix:
    """Give the least directions that the covariance takes to the means."""
    try:
        return np.asarray(linalg.cho_solve(linalg.cho_factor(covariance), means))
    except linalg.LinAlgError:  # fewer images than dimensions, unshrunk
        return np.asarray(linalg.lstsq(covariance, means)[0])
