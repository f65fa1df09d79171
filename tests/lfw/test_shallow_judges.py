from pathlib import Path

import numpy as np

from lfw.baselines import grey_features
from lfw.shallow_judges import (
    learn_eigenfaces,
    learn_gradients,
    mirrored_gradients,
    read_faces,
)
from lfw.spread import Spread


def test_faces_are_read_in_order_and_counted(sample_folder: Path) -> None:
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))[:70]
    told: list[tuple[int, int]] = []
    faces = read_faces(root, paths, grey_features, lambda *done: told.append(done))
    assert faces.shape == (70, 56 * 48)
    assert told[-1] == (70, 70)
    np.testing.assert_array_equal(read_faces(root, paths[5:6], grey_features)[0], faces[5])


def test_components_are_whitened_and_repeatable() -> None:
    rng = np.random.default_rng(0)
    faces = rng.normal(size=(20, 30)).astype(np.float32) * np.linspace(1, 9, 30, dtype=np.float32)
    names = [f"P{k // 2}" for k in range(20)]
    vectors = learn_eigenfaces(faces, names, seed=3).transform(faces)
    assert vectors.shape == (20, 19)
    np.testing.assert_allclose(vectors.std(axis=0, ddof=1), 1, atol=0.05)
    np.testing.assert_array_equal(learn_eigenfaces(faces, names, seed=3).transform(faces), vectors)


def test_components_are_120_at_the_most() -> None:
    faces = np.random.default_rng(0).normal(size=(130, 140)).astype(np.float32)
    assert learn_eigenfaces(faces, ["P"] * 130, seed=0).transform(faces).shape == (130, 120)


def test_gradients_are_whitened_by_what_varies_within_a_person() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(200), 10)
    within = rng.normal(size=(2000, 4)) * (9, 1, 1, 1)
    between = rng.normal(size=(200, 4))[people] * 3
    faces = (within + between).astype(np.float32)
    names = [f"P{k}" for k in people]
    vectors = learn_gradients(faces, names, seed=0).transform(faces)
    covariance = Spread.of(vectors.astype(np.float32), names).covariance
    # The ridge, a thousandth of the mean variance (21), is two hundredths of the smallest (1).
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.025)


def test_a_face_and_its_mirror_image_have_the_same_gradients() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 250, 250, 3), dtype=np.uint8)
    found = mirrored_gradients(pixels)
    assert found.shape == (2, 13 * 11 * 36)
    np.testing.assert_allclose(mirrored_gradients(pixels[:, :, ::-1]), found, atol=1e-6)
