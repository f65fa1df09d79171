"""A saved network's layers, read without the framework that runs it."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TOLD = ("filters", "kernel_size", "strides", "pool_size", "units", "activation", "rate")
_PLAIN = {"strides": [1, 1], "activation": "linear"}


def read_layers(path: Path) -> tuple[tuple[str, str, str], ...]:
    """Give name, kind and settings of each layer of a Keras file, those of inner networks too.

    Parameters
    ----------
    path
        A ``.keras`` file: an archive whose ``config.json`` describes the network.
    """
    with zipfile.ZipFile(path) as archive:
        network = json.loads(archive.read("config.json"))
    return tuple(_layers(network))


def _layers(network: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for layer in network["config"]["layers"]:
        config = layer["config"]
        if "layers" in config:
            yield from _layers(layer)
        else:
            yield str(config["name"]), str(layer["class_name"]), _settings(config)


def _settings(config: dict[str, Any]) -> str:
    told = [
        f"{name.replace('_', ' ')} {_text(config[name])}"
        for name in _TOLD
        if config.get(name) is not None and config[name] != _PLAIN.get(name)
    ]
    return ", ".join(told)


def _text(value: object) -> str:
    return (
        "\N{MULTIPLICATION SIGN}".join(map(str, value)) if isinstance(value, list) else str(value)
    )
