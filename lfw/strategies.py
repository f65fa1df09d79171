"""Training on several devices: TensorFlow's distribution strategies, by name."""

import json
import os
from typing import Any, Literal

from lfw.errors import InputError

Name = Literal["none", "mirrored", "multi-worker-mirrored"]


def strategy_of(name: str) -> Any | None:
    """Give a ``tf.distribute`` strategy by name.

    Parameters
    ----------
    name
        ``none``; ``mirrored``: a copy of the network on each of this machine's devices (graphics
        processors where there are some, else logical processors), each with a part of every batch;
        ``multi-worker-mirrored``: the same over the machines that ``TF_CONFIG`` names.

    Returns
    -------
    tf.distribute.Strategy or None
        None for ``none``.

    Raises
    ------
    InputError
        If there are not the devices or machines for it, or it has another name.
    """
    if name == "none":
        return None
    import tensorflow as tf

    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise InputError(
                f"strategy = mirrored: TensorFlow sees {len(devices)} device, and mirroring takes "
                "2: use none."
            )
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi-worker-mirrored":
        _check_cluster(os.environ.get("TF_CONFIG", ""))
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise InputError(f"strategy = {name}: there are none, mirrored and multi-worker-mirrored.")


def _check_cluster(config: str) -> None:
    """See that ``TF_CONFIG`` names workers, and which of them this is."""
    try:
        said = json.loads(config)
        workers, mine = said["cluster"]["worker"], said["task"]["index"]
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "strategy = multi-worker-mirrored: the environment variable TF_CONFIG does not name "
            'the workers: set it on each, such as {"cluster": {"worker": ["HOST:PORT", …]}, '
            '"task": {"type": "worker", "index": 0}}.'
        ) from None
    if len(workers) < 2 or not 0 <= mine < len(workers):
        raise InputError(
            f"strategy = multi-worker-mirrored: TF_CONFIG names {len(workers)} workers and gives "
            f"this one the index {mine}: name 2 or more, counted from 0."
        )
