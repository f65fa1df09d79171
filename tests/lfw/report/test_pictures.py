"""Pictures are small JPEGs of the very images."""

from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from lfw.errors import DataError
from lfw.images import read_rgb
from lfw.report.pictures import read_jpegs


def test_pictures_show_what_the_images_show(sample_folder: Path) -> None:
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.jpg"))[:3]]
    pictures = read_jpegs(root, paths)
    assert len(pictures) == 3
    for path, jpeg in zip(paths, pictures, strict=True):
        assert len(jpeg) < 20_000
        shown = simplejpeg.decode_jpeg(jpeg, colorspace="RGB").astype(float)
        assert shown.shape == (250, 250, 3)
        assert np.abs(shown - read_rgb(root / path)).mean() < 4


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Nobody_0001\.jpg"):
        read_jpegs(tmp_path, ["Nobody_0001.jpg"])
