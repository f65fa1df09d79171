from pathlib import Path

import numpy as np

from lfw.eigenfaces import learn_eigenfaces, read_faces


def test_faces_are_read_in_order_and_counted(sample_folder: Path) -> None:
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))[:70]
    told: list[tuple[int, int]] = []
    faces = read_faces(root, paths, lambda done, total: told.append((done, total)))
    assert faces.shape == (70, 56 * 48)
    assert told[-1] == (70, 70)
    np.testing.assert_array_equal(read_faces(root, paths[5:6])[0], faces[5])


def test_components_are_whitened_and_repeatable() -> None:
    rng = np.random.default_rng(0)
    faces = rng.normal(size=(20, 30)).astype(np.float32) * np.linspace(1, 9, 30, dtype=np.float32)
    vectors = learn_eigenfaces(faces, seed=3).transform(faces)
    assert vectors.shape == (20, 19)
    np.testing.assert_allclose(vectors.std(axis=0, ddof=1), 1, atol=0.05)
    np.testing.assert_array_equal(learn_eigenfaces(faces, seed=3).transform(faces), vectors)


def test_components_are_120_at_the_most() -> None:
    faces = np.random.default_rng(0).normal(size=(130, 140)).astype(np.float32)
    assert learn_eigenfaces(faces, seed=0).n_components_ == 120
