"""Kept vectors are named after all that they rest on."""

from pathlib import Path

import pytest

from lfw import digest, vector_names
from lfw.vector_names import name_of_embedding, name_of_features

NETWORK = "0123456789abcdef" * 4


def test_another_network_has_other_vectors() -> None:
    assert name_of_embedding(NETWORK) == name_of_embedding(NETWORK)
    assert name_of_embedding(NETWORK).startswith("0123456789abcdef-")
    assert name_of_embedding(NETWORK[1:] + "0") != name_of_embedding(NETWORK)


def test_what_the_names_rest_on_is_the_arithmetic_and_its_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[set[str]] = []
    known = digest.code_digests

    def noted(modules: list[str]) -> dict[str, str]:
        found = known(modules)
        asked.append(set(found))
        return found

    monkeypatch.setattr(vector_names, "code_digests", noted)
    name_of_embedding(NETWORK)
    name_of_features("hog")
    monkeypatch.setattr("lfw.dlib_faces.versions", lambda: {"dlib": "1"})
    first = name_of_features("dlib")
    assert {"lfw.layers", "lfw.networks.asking", "tensorflow", "keras"} <= asked[0]
    assert "TF_ENABLE_ONEDNN_OPTS" in asked[0]  # another kernel rounds otherwise
    assert {"lfw.hog", "lfw.images", "scikit-image"} <= asked[1]
    assert {"lfw.dlib_faces", "lfw.images", "simplejpeg"} <= asked[2]
    monkeypatch.setattr("lfw.dlib_faces.versions", lambda: {"dlib": "2"})
    assert name_of_features("dlib") != first
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"some")
    monkeypatch.setattr("lfw.imagenet.weights_file", lambda: weights)
    first = name_of_features("imagenet")
    assert "lfw.imagenet" in asked[-1]
    weights.write_bytes(b"others")
    assert name_of_features("imagenet") != first


@pytest.mark.parametrize(
    "name", [lambda: name_of_embedding(NETWORK), lambda: name_of_features("hog")]
)
def test_changed_code_is_another_name(name, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    before = name()
    monkeypatch.setattr(vector_names, "code_digests", lambda _: {"lfw.layers": "changed"})
    assert name() != before
