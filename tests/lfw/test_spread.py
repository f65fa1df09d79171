"""How far vectors of one person lie from each other: measured, pooled, written and read."""

from pathlib import Path

import numpy as np
import pytest

from lfw.errors import DataError
from lfw.spread import Spread

RNG = np.random.default_rng(0)


def test_it_is_the_covariance_around_each_persons_mean() -> None:
    people = ["Ann", "Bob", "Ann", "Cy", "Bob", "Ann"]
    vectors = RNG.normal(size=(6, 3)) + 100 * np.array([[len(name)] * 3 for name in people])
    found = Spread.of(vectors, people)
    ann, bob = vectors[[0, 2, 5]], vectors[[1, 4]]
    scatter = 2 * np.cov(ann.T) + np.cov(bob.T)  # of one image nothing is learned
    assert found.freedom == 3
    np.testing.assert_allclose(found.covariance, scatter / 3)


def test_it_comes_near_the_truth_with_many_people() -> None:
    mixing = RNG.normal(size=(4, 4))
    people = np.repeat(np.arange(3000), 3)
    means = 10 * RNG.normal(size=(3000, 4))
    vectors = means[people] + RNG.normal(size=(9000, 4)) @ mixing
    truth = mixing.T @ mixing
    found = Spread.of(vectors, people).covariance
    assert np.abs(found - truth).max() < 0.1 * np.abs(truth).max()


def test_nobody_twice_shows_no_spread() -> None:
    with pytest.raises(ValueError, match="several vectors of one person"):
        Spread.of(np.eye(2), ["Ann", "Bob"])


def test_spreads_are_pooled_by_weight_and_freedom() -> None:
    first, second = Spread(np.eye(2), 10), Spread(3 * np.eye(2), 30)
    found = Spread.pooled([first, second], [1.0, 0.5])
    np.testing.assert_allclose(found.covariance, (10 * 1 + 15 * 3) / 25 * np.eye(2))
    assert found.freedom == 25


def test_projected_is_that_of_projected_vectors() -> None:
    vectors, components = RNG.normal(size=(9, 4)), RNG.normal(size=(2, 4))
    people = np.repeat(np.arange(3), 3)
    found = Spread.of(vectors, people).projected(components)
    np.testing.assert_allclose(
        found.covariance, Spread.of(vectors @ components.T, people).covariance
    )


def test_read_is_what_was_written_in_half_its_size(tmp_path: Path) -> None:
    vectors = RNG.normal(size=(200, 100))
    spread = Spread.of(vectors, np.repeat(np.arange(50), 4))
    path = tmp_path / "spread.npz"
    spread.write(path)
    again = Spread.read(path)
    assert again.freedom == spread.freedom == 150
    np.testing.assert_allclose(again.covariance, spread.covariance, rtol=1e-6)
    assert np.array_equal(again.covariance, again.covariance.T)
    assert path.stat().st_size < 0.55 * 100 * 100 * 4 + 1000
    spread.write(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spread.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"spread\.npz holds no spread"):
        Spread.read(tmp_path / "spread.npz")


def test_file_with_too_few_numbers_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "spread.npz", upper=np.zeros(5, np.float32), dimensions=3, freedom=1)
    with pytest.raises(DataError, match=r"spread\.npz holds no spread"):
        Spread.read(tmp_path / "spread.npz")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"spread\.npz holds no spread"):
        Spread.read(tmp_path / "spread.npz")
