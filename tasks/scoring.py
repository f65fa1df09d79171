"""Scoring's own tasks: the registered model, its answers for new images, what is told of them."""

import functools
import shutil
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput
from mlflow.pyfunc import PyFuncModel
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from lfw.errors import InputError
from lfw.files import new_folder_beside
from lfw.image_files import find_files
from lfw.parameters import ScoreParameters
from lfw.scoring import SCORES, UNREADABLE, Scorer, Scores, score_files
from tasks.markdown import table
from tasks.promotion import find_version
from tasks.registry import MODEL_NAME, load_version
from tasks.runs import LinkedRun
from tasks.tracking import log_figures, log_tags

_SHOWN = 200


_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class RegisteredModel:
    """A registered version that any process loads when it is first asked.

    Attributes
    ----------
    uri
        Such as ``models:/lfw-faces/3``.
    tracking_uri
        The MLflow store or server that has it.
    """

    uri: str
    tracking_uri: str

    def loaded(self) -> PyFuncModel:
        """Give the model, once loaded a process."""
        return _load(self)

    def __call__(self, pixels: NDArray[np.uint8]) -> pd.DataFrame:
        """Answer for raw pixels of shape (n, 250, 250, 3)."""
        with _ONE_AT_A_TIME:  # it takes all cores by itself, and Keras has one of it
            return cast("pd.DataFrame", self.loaded().predict(pixels))


@functools.lru_cache(maxsize=1)
def _load(model: RegisteredModel) -> PyFuncModel:
    mlflow.set_tracking_uri(model.tracking_uri)
    return load_version(model.uri)


@task(name="load-model", task_run_name="load-model", cache_policy=NO_CACHE)
def load_scorer(run: LinkedRun, wanted: str) -> Scorer:
    """Load a version of lfw-faces, as it is served.

    Raises
    ------
    InputError
        If there is no such version.
    """
    number = find_version(wanted)
    version = MlflowClient().get_model_version(MODEL_NAME, number)
    model = RegisteredModel(f"models:/{MODEL_NAME}/{number}", mlflow.get_tracking_uri())
    loaded = model.loaded()
    log_tags(run.run_id, {"model_name": MODEL_NAME, "model_version": number})
    if version.model_id:
        MlflowClient().log_inputs(run.run_id, models=[LoggedModelInput(version.model_id)])
    remarks = []
    if version.tags.get("data.kind") == "synthetic":
        remarks.append(
            "This version was trained on synthetic faces of invented people: its answers say "
            "nothing about real faces."
        )
    if version.tags.get("outside_data") == "true":
        remarks.append("This version rests on outside data: its network was learned elsewhere.")
    threshold = loaded.unwrap_python_model().threshold  # type: ignore[no-untyped-call]
    return Scorer(MODEL_NAME, number, threshold, model, tuple(remarks))


@task(name="score-images", task_run_name="score-images", cache_policy=NO_CACHE)
def score_images(run: LinkedRun, scorer: Scorer, wanted: ScoreParameters) -> Scores:
    """Answer for every image in the named folders, archives and files."""
    found = find_files(wanted.paths)
    get_run_logger().info(
        "%s files to score, %s stray ones skipped", f"{len(found.files):,}", f"{found.stray:,}"
    )
    folder = run.data_folder / "scores" / run.run_id
    return score_files(found, scorer, folder, run.report("images"), wanted.place)


@task(name="report-scores", task_run_name="report-scores", cache_policy=NO_CACHE)
def report_scores(
    run: LinkedRun, scorer: Scorer, scores: Scores, wanted: ScoreParameters
) -> dict[str, Any]:
    """Log the tables and the contact sheet, and put together what the scoring came to."""
    if wanted.output is not None:
        _copy(scores.folder / SCORES, wanted.output)
    client = MlflowClient()
    client.log_artifacts(run.run_id, str(scores.folder), "scores")
    figures = {
        "images_scored": scores.images,
        "images_unknown": scores.unknown,
        "files_unreadable": len(scores.unreadable),
        "files_skipped": scores.stray,
        "scoring_seconds": round(scores.seconds, 3),
    }
    log_figures(run.run_id, figures)
    warnings = [*scorer.remarks, *_warnings(scores)]
    for text in warnings:
        get_run_logger().warning(text)
    create_markdown_artifact(key="scores", markdown=_markdown(scorer, scores, warnings))
    result = {
        "flow_run_id": flow_run.get_id(),
        "mlflow_run_id": run.run_id,
        "model_name": scorer.name,
        "model_version": scorer.version,
        "model_alias": None if wanted.model_version.isdigit() else wanted.model_version,
        "scores": {**figures, "threshold": scorer.threshold, "answers": dict(scores.answers)},
        "unreadable": [asdict(row) for row in scores.unreadable[:_SHOWN]],
        "table": str(wanted.output or scores.folder / SCORES),
        "unreadable_table": str(scores.folder / UNREADABLE),
        "contact_sheet": [str(scores.folder / page) for page in scores.pages],
        "warnings": warnings,
    }
    client.log_dict(run.run_id, result, "result.json")
    return result


def _warnings(scores: Scores) -> list[str]:
    said = []
    if scores.unreadable:
        said.append(f"Files not read: {len(scores.unreadable):,} ({UNREADABLE} says why).")
    if scores.left_out:
        said.append(f"Images only in the table, as the pages are full: {scores.left_out:,}.")
    return said


def _markdown(scorer: Scorer, scores: Scores, warnings: list[str]) -> str:
    answers = pd.DataFrame(scores.answers.most_common(), columns=["answer", "images"])
    unreadable = pd.DataFrame(
        [(row.path, row.reason) for row in scores.unreadable], columns=["file", "why"]
    )
    rule = (
        "It gives every face a name."
        if scorer.threshold is None
        else f"A name is given from a probability of {scorer.threshold:.3f} on."
    )
    remarks = "".join(f"\n\n**{text}**" for text in warnings)
    return (
        f"# {scores.images:,} images scored\n\nBy {scorer.name} version {scorer.version}. {rule} "
        f"{scores.stray:,} stray files were skipped.{remarks}\n\n## Answers\n\n{table(answers)}"
        f"\n\n## Not read\n\n{table(unreadable, _SHOWN)}\n\n## Files\n\n"
        f"In `{scores.folder}`: `{SCORES}`, `{UNREADABLE}`, `{scores.pages[0]}`; the MLflow run "
        "has them too.\n"
    )


def _copy(table_file: Path, output: Path) -> None:
    try:
        with new_folder_beside(output) as partial:
            shutil.copyfile(table_file, partial / output.name).replace(output)
    except OSError as error:
        raise InputError(
            f"output: {output} cannot be written ({error.strerror}); the table is in {table_file}."
        ) from None
