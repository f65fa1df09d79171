"""An embedding is read as it was written, or not at all."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from lfw.digest import file_digest
from lfw.embedding.store import (
    CARD,
    FILES,
    MANIFEST,
    NETWORK,
    SPREAD,
    pack,
    read_embedding,
    write_embedding,
)
from lfw.errors import DataError
from lfw.spread import Spread
from tests.lfw.embedding.conftest import PIXELS
from tests.lfw.embedding.test_cohort import drawn

COHORT = drawn()
SPREAD_OF_TOY = Spread(np.array([[2.0, 0.5], [0.5, 1.0]]), 7)


@pytest.fixture(scope="module")
def toy() -> keras.Model:
    """From the mean colour to two numbers: quick to write and to read."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((250, 250, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )


@pytest.fixture
def folder(toy: keras.Model, tmp_path: Path) -> Path:
    write_embedding(tmp_path, toy, COHORT, {"seed": 3, "epochs": 2}, SPREAD_OF_TOY)
    return tmp_path


def test_read_embedding_is_the_written_one_in_a_smaller_file(
    untrained: keras.Model, tmp_path: Path
) -> None:
    folder, plain = tmp_path / "embedding", tmp_path / "plain.keras"
    folder.mkdir()
    write_embedding(folder, untrained, COHORT, {"seed": 3})
    again = read_embedding(folder)
    assert np.array_equal(np.asarray(again.network(PIXELS)), np.asarray(untrained(PIXELS)))
    assert again.network is again.network
    untrained.save(plain)
    assert (folder / NETWORK).stat().st_size < 0.6 * plain.stat().st_size


def test_same_network_is_read_once_wherever_it_is(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = shutil.copytree(folder, tmp_path_factory.mktemp("copies") / "embedding")
    network = read_embedding(folder).network
    assert read_embedding(copy).network is network

    weights = [2 * values for values in network.get_weights()]
    other = keras.models.clone_model(network)
    other.set_weights(weights)
    write_embedding(copy, other, COHORT, {"seed": 3})
    again = read_embedding(copy).network
    assert again is not network
    assert all(map(np.array_equal, again.get_weights(), weights))


def test_card_tells_of_the_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    again = read_embedding(folder)
    assert again.cohort.digest == COHORT.digest
    assert again.digest == file_digest(folder / NETWORK)
    assert again.card == {
        "seed": 3,
        "epochs": 2,
        "network_sha256": file_digest(folder / NETWORK),
        "manifest_sha256": file_digest(folder / MANIFEST),
        "cohort_digest": COHORT.digest,
        "people_seen": len(COHORT.seen),
        "spread_sha256": file_digest(folder / SPREAD),
    }
    assert again.files == {name: folder / name for name in FILES}
    assert again.spread is not None
    assert again.spread.freedom == SPREAD_OF_TOY.freedom
    assert np.array_equal(again.spread.covariance, SPREAD_OF_TOY.covariance)


def test_embedding_of_before_there_was_a_spread_is_read(toy: keras.Model, tmp_path: Path) -> None:
    write_embedding(tmp_path, toy, COHORT, {"seed": 3})
    again = read_embedding(tmp_path)
    assert again.spread is None
    assert sorted(again.files) == sorted({*FILES} - {SPREAD})
    assert all(path.is_file() for path in again.files.values())


def test_digests_on_the_card_are_those_of_the_files(toy: keras.Model, tmp_path: Path) -> None:
    write_embedding(tmp_path, toy, COHORT, {"network_sha256": "x", "people_seen": 0})
    assert read_embedding(tmp_path).card["people_seen"] == len(COHORT.seen)


@pytest.mark.parametrize("name", [NETWORK, MANIFEST, SPREAD])
def test_changed_file_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(DataError, match=rf"{name} is not the file that card\.json speaks of: .*lf"):
        read_embedding(folder)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=r"holds no embedding: .*lfw pretrain"):
        read_embedding(folder)


@pytest.mark.parametrize("card", ["", "{", "[]", "{}", '{"network_sha256": 1}'])
def test_other_card_is_refused(folder: Path, card: str) -> None:
    (folder / CARD).write_text(card)
    with pytest.raises(DataError):
        read_embedding(folder)


def test_network_with_code_of_its_own_is_refused(folder: Path) -> None:
    carrier = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    pack(carrier, folder / NETWORK)
    card = json.loads((folder / CARD).read_text()) | {
        "network_sha256": file_digest(folder / NETWORK)
    }
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"(?i)lambda|unsafe|safe_mode"):
        _ = read_embedding(folder).network
