"""Strategies need devices that are set before TensorFlow starts: hence a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lfw.errors import InputError
from lfw.parameters import TrainParameters
from lfw.strategies import strategy_of

ROOT = Path(__file__).parents[2]

MIRRORED = """
import json, sys
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from lfw.strategies import strategy_of
from lfw.training import fit

strategy = strategy_of("mirrored")
rng = np.random.default_rng(0)
pixels = rng.integers(0, 256, (16, 250, 250, 3), dtype=np.uint8)
labels = np.arange(16) % 2
found = fit("compact", (pixels, labels), (pixels[:4], labels[:4]), 2, 0, 1, strategy=strategy)
answer = np.asarray(found.model(pixels[:3]))
print(json.dumps({
    "copies": strategy.num_replicas_in_sync,
    "epochs": len(found.history),
    "loss": float(found.history["loss"].iloc[0]),
    "shape": answer.shape,
    "sums": answer.sum(axis=1).tolist(),
}))
"""


def test_a_network_is_fitted_by_copies_on_two_devices() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["copies"], found["epochs"], found["shape"]) == (2, 1, [3, 2])
    assert found["sums"] == pytest.approx([1, 1, 1], abs=1e-5)
    assert 0 < found["loss"] < 100


def test_without_a_strategy_there_is_none() -> None:
    assert strategy_of("none") is None


def test_one_device_is_too_few_to_mirror() -> None:
    with pytest.raises(InputError, match="mirroring takes 2"):
        strategy_of("mirrored")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "TF_CONFIG does not name"),
        ("[]", "TF_CONFIG does not name"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"index": 0}}', "names 1 workers"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"index": 2}}', "the index 2"),
    ],
)
def test_workers_that_are_not_named_are_told(
    config: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(InputError, match=said):
        strategy_of("multi-worker-mirrored")


def test_another_name_is_refused() -> None:
    with pytest.raises(InputError, match="there are none, mirrored"):
        strategy_of("tpu")


def test_only_what_learns_from_scratch_takes_a_strategy() -> None:
    assert TrainParameters(model="compact", strategy="mirrored").strategy == "mirrored"
    with pytest.raises(InputError, match="hog learns no network from scratch"):
        TrainParameters.checked(model="hog", strategy="mirrored")
