"""What images could be kept in: all four hold the same pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import caches
from benchmarks.data import Data
from lfw.images import read_many


@pytest.fixture(scope="module")
def wanted(data: Data) -> list[str]:
    return data.paths[3:40:4]


def test_all_caches_hold_the_same_pixels(
    data: Data, wanted: list[str], sample_zip: Path, tmp_path: Path
) -> None:
    expected = read_many(data.images, wanted)
    found = caches.caches_of(data, sample_zip, wanted)
    assert len(found) == 4
    for place, cache in enumerate(found.values()):
        folder = tmp_path / str(place)
        folder.mkdir()
        cache.make(folder)
        cache.check(folder)
        np.testing.assert_array_equal(np.asarray(cache.read(folder)), expected)


def test_each_is_made_checked_and_read_against_files(data: Data, sample_zip: Path) -> None:
    result = caches.run(data, sample_zip, rounds=1)
    ratios = [claim for claim in result.claims if claim.unit == "x"]
    assert len(ratios) == 9
    assert all(claim.median > 0 for claim in result.claims)
    kept = {claim.what: claim.median for claim in result.claims if claim.unit == "MB"}
    assert kept["on the disk: decoded array, memory map"] == pytest.approx(
        len(data.paths) * 250 * 250 * 3 / 1e6, rel=0.01
    )


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_files_are_compared_when_they_are_checked(
    data: Data, wanted: list[str], sample_zip: Path, tmp_path: Path
) -> None:
    cache = caches.caches_of(data, sample_zip, wanted)["files in folders"]
    cache.make(tmp_path)
    before: Any = cache.check(tmp_path)
    spoil(tmp_path / "files" / data.inside / wanted[0])
    after: Any = cache.check(tmp_path)
    assert before.dataset.images_digest != after.dataset.images_digest


def test_a_pack_is_compared_when_it_is_checked(
    data: Data, wanted: list[str], sample_zip: Path, tmp_path: Path
) -> None:
    cache = caches.caches_of(data, sample_zip, wanted)["one packed file, uncompressed"]
    cache.make(tmp_path)
    (pack,) = tmp_path.glob("datasets/*/images.zip")
    content = pack.read_bytes()
    spoil(pack)
    cache.check(tmp_path)
    assert pack.read_bytes() == content, "made anew"
