"""An image is taken through the embedding once, and found again by its content."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lfw.embedding.vectors import vectors_of


class Computed:
    """Gives a path's number and its square, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, paths: list[str]) -> NDArray[np.float32]:
        self.calls.append(paths)
        numbers = np.array([int(path) for path in paths], np.float32)
        return np.stack([numbers, numbers**2], axis=1)


def test_vectors_come_in_order_and_each_content_is_computed_once(tmp_path: Path) -> None:
    computed = Computed()
    kept = tmp_path / "deep" / "kept.npz"
    found = vectors_of(["3", "1", "2", "3"], ["c", "a", "b", "c"], computed, kept)
    assert found.tolist() == [[3, 9], [1, 1], [2, 4], [3, 9]]
    assert found.dtype == np.float32
    assert computed.calls == [["3", "1", "2"]]


def test_kept_vectors_are_not_computed_again(tmp_path: Path) -> None:
    computed = Computed()
    kept = tmp_path / "kept.npz"
    vectors_of(["1", "2"], ["a", "b"], computed, kept)
    found = vectors_of(["7", "3", "8"], ["b", "c", "a"], computed, kept)  # renamed since
    assert found.tolist() == [[2, 4], [3, 9], [1, 1]]
    assert computed.calls == [["1", "2"], ["3"]]
    written = kept.stat().st_mtime_ns
    assert vectors_of(["9"], ["a"], computed, kept).tolist() == [[1, 1]]
    assert len(computed.calls) == 2
    assert kept.stat().st_mtime_ns == written


def test_many_images_are_computed_in_parts(tmp_path: Path) -> None:
    computed = Computed()
    told: list[tuple[int, int]] = []
    paths = [str(k) for k in range(300)]
    found = vectors_of(
        paths, paths, computed, tmp_path / "kept.npz", lambda *done: told.append(done)
    )
    assert [len(call) for call in computed.calls] == [128, 128, 44]
    assert told == [(128, 300), (256, 300), (300, 300)]
    assert found[:, 0].tolist() == list(range(300))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"no vectors",
    "half": lambda content: content[: len(content) // 2],
    "changed": lambda content: content.replace(np.float32(4).tobytes(), np.float32(5).tobytes()),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_file_counts_as_empty(kind: str, tmp_path: Path) -> None:
    computed = Computed()
    kept = tmp_path / "kept.npz"
    vectors_of(["1", "2"], ["a", "b"], computed, kept)
    content = kept.read_bytes()
    kept.write_bytes(DAMAGE[kind](content))
    assert kept.read_bytes() != content
    assert vectors_of(["2"], ["b"], computed, kept).tolist() == [[2, 4]]
    assert computed.calls[1:] == [["2"]]
    assert vectors_of(["2"], ["b"], computed, kept).tolist() == [[2, 4]]
    assert len(computed.calls) == 2


def test_file_of_something_else_counts_as_empty(tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    np.savez(kept, other=np.zeros(3))
    assert vectors_of(["2"], ["b"], Computed(), kept).tolist() == [[2, 4]]


def test_what_was_computed_before_a_failure_is_not_half_kept(tmp_path: Path) -> None:
    def failing(_: list[str]) -> NDArray[np.float32]:
        raise RuntimeError("stopped")

    kept = tmp_path / "kept.npz"
    vectors_of(["1"], ["a"], Computed(), kept)
    with pytest.raises(RuntimeError, match="stopped"):
        vectors_of(["2"], ["b"], failing, kept)
    computed = Computed()
    assert vectors_of(["1", "2"], ["a", "b"], computed, kept).tolist() == [[1, 1], [2, 4]]
    assert computed.calls == [["2"]]


def test_vectors_by_other_code_are_removed_when_new_ones_are_kept(tmp_path: Path) -> None:
    names = ["hog-1", "hog-2", "some-hog-1", "hog", "dlib-1"]
    for name in names:
        vectors_of(["1"], ["a"], Computed(), tmp_path / f"{name}.npz")
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == sorted({*names} - {"hog-1"})

    vectors_of(["1"], ["a"], Computed(), tmp_path / "hog-2.npz")  # nothing is written
    assert (tmp_path / "hog-2.npz").exists()
