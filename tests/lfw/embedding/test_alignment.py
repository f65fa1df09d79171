"""An alignment learned from moved faces brings moved faces back."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from lfw.embedding import network
from lfw.embedding.alignment import MOVED, align_all, learn_alignment
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.embedding.watching import cut_faces
from lfw.layers import FaceAligner, move
from lfw.sample_faces import make_face
from lfw.sample_photos import draw_photo

Faces = NDArray[np.uint8]
PEOPLE, PHOTOS = 60, 4


@pytest.fixture(scope="module")
def parts() -> tuple[Faces, Faces]:
    """Drawn people to learn from, and others."""
    rng = np.random.default_rng(1)
    people = [make_face(rng) for _ in range(PEOPLE)]
    photos = [draw_photo(person, rng) for person in people for _ in range(PHOTOS)]
    faces = cut_faces(network.preprocess(), np.stack(photos))
    return faces[: -8 * PHOTOS], faces[-8 * PHOTOS :]


@pytest.fixture(scope="module")
def learned(parts: tuple[Faces, Faces]) -> Faces:
    return parts[0]


@pytest.fixture(scope="module")
def others(parts: tuple[Faces, Faces]) -> Faces:
    return parts[1]


@pytest.fixture(scope="module")
def aligned(learned: Faces) -> FaceAligner:
    return learn_alignment(learned, 3)


def moved(faces: Faces, motion: NDArray[np.float32]) -> NDArray[np.float32]:
    wide: tuple[int, int] = faces.shape[1:3]
    return np.asarray(move(faces.astype(np.float32), motion, wide))


def test_faces_of_others_that_were_moved_are_brought_back(
    aligned: FaceAligner, others: Faces
) -> None:
    rng = np.random.default_rng(0)
    motion = (rng.uniform(-1, 1, (len(others), 4)) * MOVED).astype(np.float32)
    at_first = np.asarray(aligned.motion(others))
    found = np.asarray(aligned.motion(moved(others, motion)))
    for told, wanted in zip((found - at_first).T, -motion.T, strict=True):
        slope = (told @ wanted) / (wanted @ wanted)
        assert 0.5 < slope < 1.3
        assert np.corrcoef(told, wanted)[0, 1] > 0.7
    before = np.abs(moved(others, motion) - others).mean()
    again = align_all(aligned, moved(others, motion).astype(np.uint8))
    assert np.abs(again - align_all(aligned, others).astype(np.float32)).mean() < 0.7 * before


def test_aligned_face_is_the_middle_of_the_aligned_face_with_margin(
    aligned: FaceAligner, others: Faces
) -> None:
    rows, columns = network.MARGIN
    wide = align_all(aligned, others)
    assert wide.shape == others.shape
    found = np.asarray(aligned(others))
    assert np.abs(found - wide[:, rows:-rows, columns:-columns]).max() <= 1


def test_a_seed_gives_the_same_alignment_and_another_one_another(
    aligned: FaceAligner, learned: Faces
) -> None:
    same, other = (learn_alignment(learned, seed).get_weights() for seed in (3, 4))
    for mine, his, theirs in zip(aligned.get_weights(), same, other, strict=True):
        assert np.allclose(mine, his, rtol=0.07, atol=1e-6)  # a last digit, at most
        assert not np.allclose(mine, theirs, rtol=0.07, atol=1e-6)


def test_nothing_is_moved_beyond_the_limits(aligned: FaceAligner, others: Faces) -> None:
    wild = network.alignment()
    wild.set_weights([1000 * weights for weights in aligned.get_weights()])
    found = np.abs(np.asarray(wild.motion(others)))
    limits = np.array(FaceAligner.LIMITS, np.float32)
    assert found == pytest.approx(np.broadcast_to(limits, found.shape))


def test_the_shipped_embedding_aligns(others: Faces) -> None:
    aligned = network.alignment_of(read_embedding(SHIPPED).network)
    found = np.asarray(aligned.motion(others))
    assert (np.abs(found).max(axis=0) > np.array(FaceAligner.LIMITS) / 100).all()


def test_of_very_many_faces_some_are_drawn(learned: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lfw.embedding.alignment._MOST", 12)
    asked: list[int] = []

    class Noted(Ridge):  # type: ignore[misc]
        def fit(self, features: NDArray[np.float32], wanted: NDArray[np.float32]) -> "Noted":
            asked.append(len(features))
            super().fit(features, wanted)
            return self

    monkeypatch.setattr("lfw.embedding.alignment.Ridge", Noted)
    learn_alignment(learned, 0)
    assert asked == [4 * 12]
