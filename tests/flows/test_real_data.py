"""The main job on the real data set, with defaults, as a new user runs it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.flows.workplace import Workplace, reused


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, real_archive: Path) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("real-run"), real_archive)


def run(place: Workplace) -> tuple[dict[str, Any], bool]:
    """Run the main job; give its result, and whether it imported TensorFlow."""
    environment = {"LFW_SOURCE": str(place.source), "PYTHONPROFILEIMPORTTIME": "1"}
    code, out, err = place.run("train", "--json", **environment)
    assert code == 0, err[-4000:]
    result: dict[str, Any] = json.loads(out)
    return result, bool(re.search(r"^import time:.*\btensorflow$", err, re.MULTILINE))


def test_the_main_job_with_defaults_and_again(place: Workplace) -> None:
    first, loaded = run(place)
    assert loaded
    assert (first["people"], first["images"]) == (5749, 13233)
    assert first["classes"] == [
        "Ariel_Sharon",
        "Colin_Powell",
        "Donald_Rumsfeld",
        "George_W_Bush",
        "Gerhard_Schroeder",
        "Tony_Blair",
    ]
    assert first["split_sizes"] == {"train": 288, "validation": 72, "test": 90}
    assert first["source"]["kind_of_data"] == "photographs"
    assert first["source"]["why"] == "LFW_SOURCE names it"
    accuracy = first["test"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"]
    # Two of 90 images below what was measured (README), and above every baseline.
    assert first["model"] == "embedding"
    assert accuracy["value"] >= 87 / 90
    for name, scores in first["baselines"].items():
        assert accuracy["value"] > scores["accuracy"]["value"], name
    assert first["open_set"]["strangers"] == 1000
    assert first["open_set"]["accepted"] < 0.03
    assert first["open_set"]["identified"] > 0.8
    assert first["baselines"]["majority"]["accuracy"]["value"] == pytest.approx(1 / 6)
    assert 0.8 < first["baselines"]["eigenfaces_svm"]["accuracy"]["value"] < 1
    assert first["model_alias"] == "champion"
    again, loaded = run(place)
    assert not loaded, "a run that is answered by earlier stages waits for no TensorFlow"
    assert all(reused(again).values()), again["stages"]
    assert again["split_digest"] == first["split_digest"]
    assert again["model_version"] == first["model_version"]
