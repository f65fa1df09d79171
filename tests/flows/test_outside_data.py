"""A model that rests on outside data is marked as such wherever its figures or answers appear."""

from pathlib import Path

import keras
from mlflow import MlflowClient

from lfw.imagenet import NAME
from tests.flows.workplace import CHOSEN, HOG, Workplace
from tests.web import Site


def test_outside_data_is_marked_wherever_it_goes(
    place: Workplace, client: MlflowClient, http_server: Site, sample_folder: Path
) -> None:
    keras.utils.set_random_seed(1)
    keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None, pooling="avg"
    ).save(http_server.folder / NAME)
    mirror = {"LFW_WEIGHTS_URL": http_server.url}
    source = ("--source", str(place.source))
    found = place.ask("train", *source, *CHOSEN, "--model", "imagenet", **mirror)
    assert found["outside_data"] is True
    version = client.get_model_version("lfw-faces", found["model_version"])
    assert version.tags["outside_data"] == "true"
    assert client.get_run(found["mlflow_run_id"]).data.tags["outside_data"] == "true"
    assert "learned from outside data" in str(version.description)
    image = next((sample_folder / "lfw-deepfunneled").rglob("*_0001.jpg"))
    scored = place.ask("score", str(image), "--model-version", found["model_version"], **mirror)
    assert any("outside data" in text for text in scored["warnings"])
    page = Path(scored["contact_sheet"][0]).read_text(encoding="utf-8")
    assert "outside data" in page
    plain = place.ask("train", *source, *HOG)
    assert client.get_run(plain["mlflow_run_id"]).data.tags["outside_data"] == "false"
    cells = place.ask(
        *("compare", *source, "--models", "hog", "imagenet", "--selections", "3x15"),
        *("--seeds", "0"),
        **mirror,
    )
    told = {
        run.data.params["model"]: run.data.tags["outside_data"]
        for run in client.search_runs(
            [client.get_run(cells["mlflow_run_id"]).info.experiment_id],
            f"tags.mlflow.parentRunId = '{cells['mlflow_run_id']}'",
        )
    }
    assert told == {"hog": "false", "imagenet": "true"}
