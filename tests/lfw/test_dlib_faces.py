"""dlib's descriptors: told how to get where they are missing, and steady where they are not."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from lfw import dlib_faces
from lfw.dlib_faces import LENGTH, dlib_features
from lfw.errors import InputError
from lfw.images import SIZE, read_rgb

NOTHING = np.empty((0, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def unloaded() -> Iterator[None]:
    """The models as if nothing had asked for them yet."""
    dlib_faces._describer.cache_clear()
    yield
    dlib_faces._describer.cache_clear()


@pytest.fixture
def with_extra() -> None:
    pytest.importorskip("dlib", reason="the extra dlib is not installed")


@pytest.fixture
def faces(sample_folder: Path, with_extra: None) -> NDArray[np.uint8]:
    """One drawn image of each of two people."""
    paths = sorted(sample_folder.rglob("*_0001.jpg"))[:2]
    return np.stack([read_rgb(path) for path in paths])


def test_without_the_extra_it_is_said_how_to_get_it(
    unloaded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(
        InputError, match=r"^model = dlib: dlib .*: make setup EXTRAS=\"--extra dlib\""
    ):
        dlib_features(NOTHING)


def test_the_models_are_missed_by_name(unloaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("dlib")
    monkeypatch.setattr(library, "shape_predictor", str, raising=False)
    monkeypatch.setitem(sys.modules, "dlib", library)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    expected = r"^model = dlib: face_recognition_models .*: make setup EXTRAS=\"--extra dlib\""
    with pytest.raises(InputError, match=expected):
        dlib_features(NOTHING)


def test_models_without_their_files_are_no_models(
    unloaded: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "face_recognition_models").mkdir()
    (tmp_path / "face_recognition_models" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "face_recognition_models", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(InputError, match=r"no file shape_predictor_5_face_landmarks\.dat"):
        dlib_faces._model_file("shape_predictor_5_face_landmarks.dat")


def test_each_image_has_a_vector(faces: NDArray[np.uint8]) -> None:
    features = dlib_features(faces)
    assert features.shape == (2, LENGTH)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.array_equal(features[1:], dlib_features(faces[1:]))


def test_no_image_has_no_vector(with_extra: None) -> None:
    assert dlib_features(NOTHING).shape == (0, LENGTH)


def test_a_mirror_image_has_the_same_vector(faces: NDArray[np.uint8]) -> None:
    assert np.array_equal(dlib_features(faces[:1]), dlib_features(faces[:1, :, ::-1]))


def test_two_people_have_different_vectors(faces: NDArray[np.uint8]) -> None:
    first, second = dlib_features(faces)
    assert np.linalg.norm(first - second) > 0.1


def test_models_are_loaded_once(with_extra: None) -> None:
    assert dlib_faces._describer() is dlib_faces._describer()


def test_images_are_left_as_they_were(faces: NDArray[np.uint8]) -> None:
    before = faces.copy()
    dlib_features(faces[:1])
    assert np.array_equal(faces, before)
