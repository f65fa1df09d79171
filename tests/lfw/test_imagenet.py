"""Weights come over HTTP once; what is measured does not depend on the batch."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from lfw import imagenet
from lfw.download import FetchError
from lfw.errors import DataError
from lfw.imagenet import LENGTH, NAME, imagenet_features, weights_file
from tests.lfw.bad_images import drawn
from tests.web import Site


@pytest.fixture
def site(http_server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A mirror, and an empty data folder."""
    monkeypatch.setenv("LFW_WEIGHTS_URL", http_server.url)
    monkeypatch.setenv("LFW_DATA", str(tmp_path / "data"))
    imagenet._network.cache_clear()
    yield http_server
    imagenet._network.cache_clear()


def test_weights_are_fetched_once_and_used(site: Site) -> None:
    keras.utils.set_random_seed(1)
    body = keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None, pooling="avg"
    )
    # Keras publishes them in the older format of whole models.
    body.save(site.folder / NAME)
    images = np.stack([drawn(1), drawn(2), drawn(3)])
    found = imagenet_features(images)
    assert found.shape == (3, LENGTH)
    assert not np.array_equal(found[0], found[1])
    (site.folder / NAME).unlink()
    imagenet._network.cache_clear()
    again = imagenet_features(images[1:])
    np.testing.assert_allclose(again, found[1:], rtol=1e-3, atol=1e-3 * found.max())


def test_weights_that_are_not_there_are_told(site: Site) -> None:
    with pytest.raises(FetchError, match=f"{NAME} answers 404"):
        weights_file()


def test_other_files_are_no_weights(site: Site) -> None:
    (site.folder / NAME).write_text("<html>Sorry</html>")
    with pytest.raises(DataError, match="no weights of MobileNetV2"):
        imagenet_features(np.stack([drawn(1)]))


def test_no_images_need_no_weights(site: Site) -> None:
    assert imagenet_features(np.empty((0, 250, 250, 3), np.uint8)).shape == (0, LENGTH)
