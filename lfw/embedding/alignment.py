"""Learning where faces lie, from faces that were moved on purpose.

The images of LFW are aligned already, but not all of them well; a face that lies a few pixels off,
or is larger than the others, is the one that is not recognised. Nobody has marked where faces
lie. But most lie well, so each is moved at random by a known amount, and ridge regression learns to
tell that amount from the oriented gradients of what it gave; what the regression then says of an
unmoved face is how far that one lies from where most do. Source of the idea that images align
each other: G. B. Huang et al., "Unsupervised joint alignment of complex images", ICCV (2007).
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from lfw.embedding import network
from lfw.embedding.rounding import shortened
from lfw.layers import FaceAligner, move

MOVED = tuple(limit / 2 for limit in FaceAligner.LIMITS)
"""How far faces are moved at most, either way: twice that can be told by asking again."""

_TURNS = 4  # times that each face is moved
_RIDGE = 0.005  # penalty, for each moved face; a third and ten times it do as well
_MOST = 8000  # faces learned from: what is told of each moved face takes 20 kB until the end
_CHUNK = 64


def learn_alignment(faces: NDArray[np.uint8], seed: int) -> FaceAligner:
    """Learn to align faces.

    Parameters
    ----------
    faces
        Of shape (n, 168, 128, 3), with :data:`lfw.embedding.network.MARGIN` around them. Of more
        than 8,000, so many are drawn.
    seed
        Decides how they are moved.

    Returns
    -------
    FaceAligner
        From faces with margin to aligned faces (n, 112, 96, 3).
    """
    aligned = network.alignment()
    rng = np.random.default_rng(seed)
    if len(faces) > _MOST:
        faces = faces[np.sort(rng.permutation(len(faces))[:_MOST])]
    motions = rng.uniform(-1, 1, (_TURNS, len(faces), len(MOVED))) * MOVED
    features = np.empty((motions[..., 0].size, aligned.kernel.shape[0]), np.float32)
    for turn, motion in enumerate(motions.astype(np.float32)):
        for start in range(0, len(faces), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(faces)))
            moved = aligned.features(aligned.shrink(faces[part]), motion[part])
            features[turn * len(faces) :][part] = np.asarray(moved)
    wanted = -motions.reshape(-1, len(MOVED)) / MOVED  # back to where it was
    ridge = Ridge(_RIDGE * len(features), solver="cholesky", copy_X=False)
    ridge.fit(features, wanted.astype(np.float32))
    kernel, bias = ridge.coef_.T * MOVED, ridge.intercept_ * MOVED
    aligned.set_weights([shortened(kernel.astype(np.float32)), shortened(bias.astype(np.float32))])
    return aligned


def align_all(aligned: FaceAligner, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Align faces of shape (n, 168, 128, 3), and keep the margin around them."""
    result = np.empty_like(faces)  # of a large cohort, parts and their sum are half a gigabyte more
    for start in range(0, len(faces), _CHUNK):
        part = faces[start : start + _CHUNK].astype(np.float32)
        moved = move(part, aligned.motion(part), part.shape[1:3])
        result[start : start + _CHUNK] = np.asarray(moved).round()
    return result
