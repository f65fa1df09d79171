"""Scoring is measured of every image, with the network alone and a part of it as floors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import scoring
from benchmarks.data import Data
from benchmarks.processes import Ran
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.image_store import read_image
from lfw.images import read_many
from lfw.scoring import Scorer


def test_images_to_be_scored_are_from_all_over_the_data_set(data: Data, tmp_path: Path) -> None:
    names = scoring.lay_out(data, tmp_path, 3)
    for number, name in enumerate(names):
        there = data.images / data.paths[number * len(data.paths) // 3]
        assert (tmp_path / "images" / name).read_bytes() == read_image(there)
    assert scoring._spread(13, 10) == [0, 1, 2, 3, 5, 6, 7, 9, 10, 11]
    assert scoring._spread(2, 4) == [0, 0, 1, 1]


def test_scoring_scores_every_image(data: Data) -> None:
    asked: list[int] = []

    def answer(pixels: np.ndarray) -> pd.DataFrame:
        asked.append(len(pixels))
        one = np.ones(len(pixels))
        return pd.DataFrame({"name": "A", "probability": one, "A": one, "B": 0 * one})

    result = scoring.run(Scorer("drawn", "1", 0.5, answer), data, images=40, rounds=1)
    assert len(result.claims) == 2
    assert sum(asked) == 2 * 2 * 40  # in warm-up and one round, by scoring and the network alone
    smaller: list[int] = []
    scorer = Scorer("drawn", "1", 0.5, answer)
    result = scoring.run(scorer, data, 40, 1, lambda pixels: smaller.append(len(pixels)))
    assert [claim.what for claim in result.claims][2].startswith("floor: one view of the network")
    assert sum(smaller) == 2 * 40


def test_one_view_is_that_of_the_embedding_without_mirror_images(data: Data) -> None:
    import keras

    from lfw.networks.asking import ask

    pixels = read_many(data.images, data.paths[:3])
    whole = read_embedding(SHIPPED).network
    both = keras.Model(whole.inputs, whole.get_layer("with_mirror_images").output)
    views = whole.get_layer("views")
    place = views.output_names.index("gradients")
    expected = views(ask(both, pixels)[:3], training=False)[place]
    np.testing.assert_allclose(ask(scoring.one_view(whole), pixels), expected, atol=1e-3)


def test_memory_of_scoring_is_taken_as_often_as_there_are_rounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def run(arguments: list[str]) -> Ran:
        asked.append(int(arguments[-1]))
        return Ran(1.0, 0.0, json.dumps(100.0 * len(asked) + asked[-1]))

    monkeypatch.setattr(scoring, "run_module", run)
    claim, taken = scoring.memory(10, 50, rounds=3)
    assert asked == [10, 50, 50, 10, 10, 50], "in turns"
    assert claim.rounds == [140.0, -60.0, 140.0]
    assert [len(megabytes) for megabytes in taken.values()] == [3, 3]
