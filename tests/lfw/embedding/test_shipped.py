"""The shipped embedding's files belong together."""

from pathlib import Path

import numpy as np
import pytest

from lfw.digest import arrays_digest
from lfw.embedding import network
from lfw.embedding.cohort import TRAIN
from lfw.embedding.network import DIMENSIONS
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.images import read_many
from lfw.networks.asking import ask
from lfw.spread import Spread

PEOPLE = 100


def test_shipped_spread_is_of_everybody_it_was_learned_from() -> None:
    shipped = read_embedding(SHIPPED)
    learned = shipped.cohort.role(TRAIN)
    assert shipped.spread is not None
    assert shipped.spread.covariance.shape == (DIMENSIONS, DIMENSIONS)
    assert shipped.spread.freedom == len(learned) - learned["name"].nunique()
    assert np.linalg.eigvalsh(shipped.spread.covariance).min() > 0


def test_shipped_network_is_what_its_card_and_the_code_say() -> None:
    shipped = read_embedding(SHIPPED)
    weights = shipped.network.get_weights()
    assert arrays_digest(weights) == shipped.card["weights_digest"]
    built = network.embedding(network.views()).get_weights()
    assert [array.shape for array in weights] == [array.shape for array in built]


@pytest.mark.real_data
def test_shipped_spread_fits_the_shipped_network(real_images: Path) -> None:
    """A hundred people's images lie from each other as it says."""
    shipped = read_embedding(SHIPPED)
    learned = shipped.cohort.role(TRAIN)
    rows = learned[learned["name"].isin(learned["name"].unique()[:PEOPLE])]
    vectors = ask(shipped.network, read_many(real_images, rows["image_path"].tolist()))
    found = Spread.of(vectors, rows["name"].tolist()).covariance
    assert shipped.spread is not None
    whole = shipped.spread.covariance
    assert np.trace(found) == pytest.approx(np.trace(whole), rel=0.1)
    values, axes = np.linalg.eigh(whole)
    widest = axes[:, np.argsort(values)[-50:]]
    along = np.einsum("dk,de,ek->k", widest, found, widest)
    assert along.sum() == pytest.approx(np.sort(values)[-50:].sum(), rel=0.15)
    assert np.trace(np.linalg.solve(whole, found)) == pytest.approx(DIMENSIONS, rel=0.2)
