"""Verification, from the command line, on the small sample."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from tests.flows.workplace import Workplace, ran

STAGES = [
    "fetch-and-unpack",
    "read-lists",
    "path-expansion",
    "resolution-audit",
    "choose-pairs",
    "verify",
]

# Learning takes minutes and is tested elsewhere: here an untrained network stands for it.
UNTRAINED = """
import pandas as pd

from lfw.embedding import network
from lfw.embedding.pretraining import Pretrained


def pretrain(cohort, pixels, pairs, seed, epochs, checkpoint, on_epoch, *, with_spread):
    assert not with_spread
    row = {"epoch": 1, "loss": float(len(cohort.seen)), "seconds": 0.0}
    on_epoch(1, 1, {"loss": row["loss"]})
    return Pretrained(network.embedding(network.views()), pd.DataFrame([row]), None)
"""


@pytest.fixture(scope="module", autouse=True)
def untrained(place: Workplace) -> None:
    """Embeddings are not trained in this workplace."""
    (place.code / "lfw" / "embedding" / "untrained.py").write_text(UNTRAINED)
    stage = place.code / "tasks" / "pretraining.py"
    code = stage.read_text()
    before = "from lfw.embedding.pretraining import pretrain\n"
    assert before in code
    after = "from lfw.embedding.untrained import pretrain\n"
    stage.write_text(code.replace(before, after))


def verify(place: Workplace, *arguments: str) -> dict[str, Any]:
    return place.ask("verify", "--source", str(place.source), *arguments)


def test_view_1_sets_the_threshold_on_one_part_and_judges_the_other(place: Workplace) -> None:
    result = verify(place, "--view", "1", "--judge", "eigenfaces")
    assert [record["name"] for record in result["stages"]] == STAGES
    found = result["verification"]
    assert (found["view"], found["judge"]) == ("1", "eigenfaces")
    assert found["pairs"] == 100
    assert [row["threshold_pairs"] for row in found["folds"]] == [200]
    assert found["protocol"] == "LFW, unrestricted, no outside data"
    assert "drawn" in found["compared"]
    stages = place.data / "stages"
    [handed_on] = (stages / "choose-pairs").glob("*/same-photos.parquet")
    [told] = (stages / "resolution-audit").glob("*/same-photos.csv")
    same_photo = pd.read_csv(told)[["first", "second"]]
    assert len(same_photo) > 0
    assert pd.read_parquet(handed_on).to_numpy().tolist() == same_photo.to_numpy().tolist()


def test_view_2_judges_every_fold_by_the_nine_others(
    place: Workplace, client: MlflowClient
) -> None:
    result = verify(place, "--view", "2", "--judge", "eigenfaces")
    found = result["verification"]
    assert found["pairs"] == 400
    assert [row["fold"] for row in found["folds"]] == list(range(1, 11))
    assert {row["threshold_pairs"] for row in found["folds"]} == {360}
    mean = sum(row["accuracy"] for row in found["folds"]) / 10
    assert found["accuracy"] == pytest.approx(mean)
    run = client.get_run(result["mlflow_run_id"])
    assert run.info.run_name is not None
    assert run.info.run_name.startswith("view 2 · eigenfaces · seed 0")
    for name in ("accuracy", "standard_error", "auc", "tar_at_far_1", "pairs"):
        assert run.data.metrics[f"verification_{name}"] == pytest.approx(found[name])
    kept = {file.path for file in client.list_artifacts(run.info.run_id, "verify")}
    assert {"verify/roc.png", "verify/folds.csv", "verify/verdicts.csv"} <= kept


@pytest.mark.long
def test_view_2_learns_an_embedding_for_each_group_and_reuses_it(
    place: Workplace, client: MlflowClient
) -> None:
    asked = ("--view", "2", "--fold-groups", "2", "--epochs", "1")
    result = verify(place, *asked)
    groups = ("folds-1-to-5", "folds-6-to-10")
    learned = [f"{what}-{group}" for group in groups for what in ("draw-cohort", "pretrain")]
    assert [record["name"] for record in result["stages"]] == [*STAGES[:-1], *learned, STAGES[-1]]
    assert {row["threshold_pairs"] for row in result["verification"]["folds"]} == {160}
    people = pd.read_csv(place.source / "people.csv", skip_blank_lines=False)
    fold = people["name"].isna().cumsum() + 1
    for group, judged in zip(groups, (range(1, 6), range(6, 11)), strict=True):
        [manifest] = (place.data / "stages" / f"pretrain-{group}").glob("*/manifest.csv")
        rows = pd.read_csv(manifest)
        assert not set(rows["name"]) & set(people["name"][fold.isin(judged)].dropna())
    experiment = client.get_run(result["mlflow_run_id"]).info.experiment_id
    runs = client.search_runs([experiment], "attributes.run_name LIKE 'embedding without%'")
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {result["mlflow_run_id"]}
    assert len(runs) == 2

    again = verify(place, *asked)
    assert ran(again) == set()
    assert again["verification"] == result["verification"]


def test_people_without_folds_are_refused(place: Workplace, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(place.source, source)
    rows = (place.source / "people.csv").read_text(encoding="utf-8").splitlines()
    (source / "people.csv").write_text("\n".join(row for row in rows if row.strip(",")) + "\n")
    code, out, err = place.run("verify", "--source", str(source), "--view", "2", "--json")
    assert (code, out) == (2, "")
    assert "people.csv has no 9 empty rows" in err.splitlines()[-1]
