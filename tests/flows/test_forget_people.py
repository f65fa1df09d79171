"""`lfw forget` from end to end, on the sample: nothing of a person is left, and versions say so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from lfw.digest import file_digest
from lfw.embedding.store import SHIPPED, read_embedding
from tasks.lineage import holding, stage_folders
from tests.conftest import files_in
from tests.flows.workplace import CHOSEN, Workplace


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, sample_zip: Path) -> Path:
    """An archive of the user's own."""
    return Path(shutil.copy(sample_zip, tmp_path_factory.mktemp("mine") / "lfw.zip"))


@pytest.fixture(scope="module")
def trained(place: Workplace) -> dict[str, Any]:
    return place.ask("train", "--source", str(place.source), *CHOSEN)


@pytest.fixture(scope="module")
def person(trained: dict[str, Any]) -> str:
    return str(trained["classes"][0])


@pytest.fixture(scope="module")
def shown(place: Workplace, person: str) -> set[str]:
    """Digests of the person's images."""
    [manifest] = (place.data / "stages" / "fetch-and-unpack").glob("*/manifest.csv")
    files = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    return set(files["sha256"][files["path"].str.startswith(f"{person}/")])


@pytest.fixture(scope="module")
def known_to_shipped() -> str:
    return min(read_embedding(SHIPPED).cohort.seen)


@pytest.fixture(scope="module")
def forgotten(
    place: Workplace, person: str, shown: set[str], known_to_shipped: str
) -> dict[str, Any]:
    assert vectors(place) & shown
    return place.ask("forget", person, known_to_shipped)


def vectors(place: Workplace) -> set[str]:
    found: set[str] = set()
    for kept in (place.data / "vectors").glob("*.npz"):
        with np.load(kept) as saved:
            found |= set(saved["sha256"].tolist())
    return found


def test_no_image_and_nothing_computed_of_them_is_left(
    place: Workplace, forgotten: dict[str, Any], person: str, shown: set[str], client: MlflowClient
) -> None:
    assert forgotten["forgotten"]["images_removed"] == len(shown) > 5
    assert forgotten["forgotten"]["vectors_removed"] >= 12  # of its training and validation images
    assert forgotten["forgotten"]["stage_results_removed"] > 5
    assert not [path for path in files_in(place.data / "datasets") if f"{person}_" in path]
    assert not vectors(place) & shown
    assert vectors(place), "those of others are kept"
    assert holding(place.data, [person]) == []
    left = {folder.parent.name for folder in stage_folders(place.data)}
    assert not left & {"fetch-and-unpack", "stratified-split", "train", "evaluate"}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            root = Path(run.info.artifact_uri)
            mistakes = root / "evaluate" / "mistakes.csv"
            if mistakes.is_file() and f"{person}/" in mistakes.read_text():
                assert not (root / "evaluate" / "mistakes.png").exists()
                assert not (root / "report.html").exists()


def test_the_users_archive_is_left_as_it_was(
    place: Workplace, forgotten: dict[str, Any], sample_zip: Path
) -> None:
    assert file_digest(place.source) == file_digest(sample_zip)
    assert [text for text in forgotten["warnings"] if str(place.source) in text]


def test_versions_that_were_learned_from_them_are_listed_and_marked(
    trained: dict[str, Any],
    forgotten: dict[str, Any],
    person: str,
    known_to_shipped: str,
    client: MlflowClient,
) -> None:
    listed = {(row["name"], row["version"]): row for row in forgotten["versions"]}
    assert set(listed) == {("lfw-faces", trained["model_version"]), ("lfw-embedding", "1")}
    assert listed["lfw-embedding", "1"]["aliases"] == ["champion"]
    uses = listed["lfw-faces", trained["model_version"]]["people"]
    assert uses[person] == "a class"
    assert "its embedding was learned from them" in uses[known_to_shipped]
    for (name, number), row in listed.items():
        version = client.get_model_version(name, number)
        assert json.loads(version.tags["forgotten"]) == row["people"]
        assert version.description is not None
        assert version.description.count("FORGOTTEN: ") == 1
        assert "Do not use it any further" in version.description
        described = client.get_registered_model(name).description
        assert "warn that no result" in described
        assert "`lfw forget A_Name`" in described


@pytest.mark.usefixtures("forgotten")
def test_they_can_no_longer_be_chosen_and_a_run_without_them_goes_on(
    place: Workplace, trained: dict[str, Any], person: str, client: MlflowClient
) -> None:
    train = ("train", "--source", str(place.source))
    code, out, err = place.run(*train, "--people", *trained["classes"])
    assert (code, out) == (2, "")
    assert person in err.splitlines()[-1]
    after = place.ask(*train, "--top", "3", "--images-per-person", "12")
    assert person not in after["classes"]
    assert after["people"] == trained["people"] - 1
    assert holding(place.data, [person]) == []
    version = client.get_model_version("lfw-faces", after["model_version"])
    assert person not in version.tags.get("forgotten", "")
    assert "forgotten" in version.tags, "its embedding knows somebody who was forgotten"


@pytest.mark.usefixtures("forgotten")
def test_a_misspelt_name_is_answered_with_the_nearest(
    place: Workplace, person: str, answered: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, err = place.run("forget", person[:-1] + "x")
    assert (code, out) == (2, "")
    assert person in err.splitlines()[-1]
    code, out, err = answered("forget")
    assert (code, out) == (2, "")
    assert "lfw forget A_Name" in err


@pytest.mark.usefixtures("forgotten")
def test_asked_again_it_says_that_nothing_was_left(place: Workplace, person: str) -> None:
    again = place.ask("forget", person)["forgotten"]
    assert again["images_removed"] == again["vectors_removed"] == again["pictures_removed"] == 0


@pytest.mark.usefixtures("forgotten")
def test_copies_that_are_damaged_or_of_nobody_else_go_and_the_rest_is_done(
    place: Workplace, trained: dict[str, Any], sample_folder: Path
) -> None:
    other = str(trained["classes"][1])
    [pack] = (place.data / "datasets").glob("archive-*/images.zip")
    pack.write_bytes(pack.read_bytes()[:-1])
    versions = place.data / "downloads" / "kaggle" / "datasets" / "owner" / "name" / "versions"
    [images] = [path.parent for path in sample_folder.rglob(other) if path.is_dir()]
    theirs = versions / "1" / images.name / other
    shown = len(list(Path(shutil.copytree(images / other, theirs)).iterdir()))
    shutil.copytree(sample_folder, versions / "2")

    asked = place.ask("forget", other)

    assert not pack.parent.exists()
    assert [path.name for path in versions.iterdir()] == ["2"]
    assert not [path for path in files_in(place.data / "downloads") if f"{other}_" in path]
    assert asked["forgotten"]["copies"][str(versions / "1")] == shown
    assert asked["forgotten"]["copies"][str(versions / "2")] > shown, "the earlier ones', too"
    told = [text for text in asked["warnings"] if "was removed wholly" in text]
    assert [text.split()[0] for text in told] == [str(pack.parent), str(versions / "1")]
    marked = {(row["name"], row["version"]): row["people"] for row in asked["versions"]}
    assert marked["lfw-faces", trained["model_version"]][other] == "a class"
    assert holding(place.data, [other]) == []
