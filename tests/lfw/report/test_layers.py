"""Layers are read from a saved network as the framework itself knows them."""

from pathlib import Path

import keras
import pytest

from lfw.networks import join, recipe_of
from lfw.report.layers import read_layers


def flat(model: keras.Model) -> list[keras.layers.Layer]:
    found = []
    for layer in model.layers:
        found += flat(layer) if isinstance(layer, keras.Model) else [layer]
    return found


@pytest.mark.parametrize("name", ["compact", "notebook"])
def test_every_layer_is_told(name: str, tmp_path: Path) -> None:
    recipe = recipe_of(name)
    model = join(recipe.preprocess(), recipe.core(4))
    path = tmp_path / "model.keras"
    model.save(path)
    told = read_layers(path)
    kinds = [kind for _, kind, _ in told if kind != "InputLayer"]
    expected = [type(layer).__name__ for layer in flat(model)]
    assert kinds == [kind for kind in expected if kind != "InputLayer"]
    units = [settings for _, kind, settings in told if kind == "Dense"]
    assert "units 4" in units[-1]
    assert any("kernel size 3\N{MULTIPLICATION SIGN}3" in settings for _, _, settings in told)
