"""Images taken through an embedding, once: their vectors are kept by the digest of the image."""

import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import filelock
import numpy as np
from numpy.typing import NDArray

from lfw.files import new_folder_beside
from lfw.threads import Progress

Compute = Callable[[list[str]], NDArray[np.float32]]
"""Takes image paths, gives their vectors (n, d)."""

_CHUNK = 128  # of 250x250 pixels 24 MB, and as much again for each step they are taken through


def vectors_of(
    image_paths: Sequence[str],
    sha256: Sequence[str],
    compute: Compute,
    kept: Path,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Give the vectors of some images, computing only those that are not kept yet.

    Parameters
    ----------
    image_paths, sha256
        The images, and the digests of their content.
    compute
        Computes vectors; called for at most 128 images at a time.
    kept
        The file that keeps vectors. It is for one way to measure alone: name it by
        :mod:`lfw.vector_names`. A damaged file counts as empty. When it is written, files of the
        same measure by other code, libraries or kernels are removed.
    progress
        Told how many of the missing images are done.

    Returns
    -------
    ndarray of shape (n, d)
        Of shape (0, 0) for no images.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{kept}.lock"):
        known = _read(kept)
        missing = {
            digest: path
            for path, digest in zip(image_paths, sha256, strict=True)
            if digest not in known
        }
        waiting = list(missing.items())
        for start in range(0, len(waiting), _CHUNK):
            part = waiting[start : start + _CHUNK]
            found = compute([path for _, path in part])
            known |= {digest: vector for (digest, _), vector in zip(part, found, strict=True)}
            if progress is not None:
                progress(min(start + _CHUNK, len(waiting)), len(waiting))
        if missing:
            _write(kept, known)
            _drop_outdated(kept)
    if not len(sha256):
        return np.empty((0, 0), dtype=np.float32)
    return np.stack([known[digest] for digest in sha256]).astype(np.float32)


def kept_vectors(sha256: Sequence[str], kept: Path) -> NDArray[np.float32] | None:
    """Give the vectors of some images if all of them are kept, of shape (n, d); else None."""
    known = _read(kept)
    if not sha256 or any(digest not in known for digest in sha256):
        return None
    return np.stack([known[digest] for digest in sha256]).astype(np.float32)


def forget_vectors(kept: Path, sha256: Collection[str]) -> int:
    """Remove the vectors of some images from a file that keeps vectors, and say of how many."""
    with filelock.FileLock(f"{kept}.lock"):
        known = _read(kept)
        left = {digest: vector for digest, vector in known.items() if digest not in sha256}
        if not left:
            kept.unlink(missing_ok=True)
        elif len(left) < len(known):
            _write(kept, left)
    return len(known) - len(left)


def _drop_outdated(kept: Path) -> None:
    """Remove what other code kept of the same measure: a name ends with the digest of its code."""
    measure, dash, _ = kept.stem.rpartition("-")
    for path in kept.parent.glob(f"*{kept.suffix}") if dash else ():
        if path != kept and path.stem.rpartition("-")[0] == measure:
            path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        with np.load(path, allow_pickle=False) as saved:
            return dict(zip(saved["sha256"].tolist(), saved["vectors"], strict=True))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return {}


def _write(path: Path, vectors: dict[str, NDArray[np.float32]]) -> None:
    with new_folder_beside(path) as partial:
        made = partial / path.name
        with made.open("wb") as file:
            np.savez(file, sha256=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
        made.replace(path)
