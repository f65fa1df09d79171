"""The cells of a comparison: each a training and its test, in an MLflow run under the parent's."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from prefect import task
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.parameters import OUTSIDE_DATA, CompareParameters, TrainParameters
from lfw.runners import Runner
from tasks.checks import audit_resolution, check_selection, report_bias
from tasks.data import list_images, read_lists
from tasks.embedding import find_embedding
from tasks.evaluating import evaluate_model, run_baselines
from tasks.progress import log_now_and_then
from tasks.runs import Run
from tasks.splitting import split_images
from tasks.stages import StageOutput
from tasks.strangers import meet_strangers
from tasks.tracking import child_run, log_dataset, log_parameters, log_tags, outside_tag
from tasks.training import train_model

Row = dict[str, Any]


@dataclass(frozen=True)
class Parent:
    """What a cell has to know of the comparison that it is part of.

    Attributes
    ----------
    folder
        The project's data folder.
    tracking_uri
        Where MLflow is.
    run_id
        The comparison's MLflow run.
    dataset, manifest
        The data set, verified already.
    """

    folder: Path
    tracking_uri: str
    run_id: str
    dataset: Dataset
    manifest: StageOutput


def run_cells(run: Run, dataset: Dataset, wanted: CompareParameters) -> list[Row]:
    """Run every cell, and give a row for each: what it found, or why it failed."""
    parent = Parent(run.data_folder, mlflow.get_tracking_uri(), run.run_id, dataset, run.manifest)
    cells = wanted.cells()
    names = [f"{cell.model} · {cell.label} · seed {cell.seed}" for cell in cells]
    with _task_runner(wanted.place) as runner:
        futures = [
            runner.submit(run_cell, {"name": name, "parent": parent, "wanted": cell})
            for name, cell in zip(names, cells, strict=True)
        ]
        rows = [_row(cell, future) for cell, future in zip(cells, futures, strict=True)]
    for row in rows:
        run.warnings += [text for text in row.pop("warnings", []) if text not in run.warnings]
    return rows


def _task_runner(place: Runner) -> AbstractContextManager[TaskRunner[Any]]:
    """Give what runs the cells.

    In one process they come one after the other: a network's fit takes all cores, and the seed of
    its chance is the process's, so that two fits at a time would differ from each alone.
    """
    if place.kind == "dask":
        try:
            from prefect_dask.task_runners import DaskTaskRunner
        except ModuleNotFoundError:
            raise InputError(
                'runner = dask: Dask is not installed: make setup EXTRAS="--extra dask".'
            ) from None
        return DaskTaskRunner(address=place.address)
    if place.kind == "processes":
        return ProcessPoolTaskRunner(max_workers=max(2, (os.cpu_count() or 1) // 2))
    return ThreadPoolTaskRunner(max_workers=1)


def _row(cell: TrainParameters, future: PrefectFuture[Row]) -> Row:
    """Wait for a cell, and give its row."""
    known = {
        "selection": cell.label,
        "model": cell.model,
        "embedding": cell.embedding if cell.model == "embedding" else None,
        "outside_data": cell.model in OUTSIDE_DATA,
        "seed": cell.seed,
    }
    try:
        future.wait()
        found = future.state.result(raise_on_failure=False)
    except Exception as error:  # noqa: BLE001 (a worker that is gone must not take the rest along)
        found = error
    if isinstance(found, dict):
        return {**known, "failure": None, **found}
    said = str(found) or type(found).__name__
    return {**known, "failure": said}


@task(name="cell", task_run_name="{name}", persist_result=False)
def run_cell(name: str, parent: Parent, wanted: TrainParameters) -> Row:
    """Train and test one model on one split, in an MLflow run of its own."""
    mlflow.set_tracking_uri(parent.tracking_uri)
    with _opened(parent, name, wanted) as run_id:
        run = Run(parent.folder, run_id, name, log_now_and_then)
        run.dataset, run.manifest = parent.dataset, parent.manifest
        row = _train_and_test(run, wanted) | {"mlflow_run_id": run_id, "warnings": run.warnings}
        MlflowClient().log_dict(run_id, row, "result.json")
    return row


@contextlib.contextmanager
def _opened(parent: Parent, name: str, wanted: TrainParameters) -> Iterator[str]:
    """Open a cell's MLflow run; where it fails, the run says why."""
    shown = f"{name} · SYNTHETIC" if parent.dataset.kind == "synthetic" else name
    with child_run(parent.run_id, shown) as run_id:
        log_parameters(run_id, wanted.model_dump(mode="json"))
        log_dataset(run_id, parent.dataset)
        tags = {"data.kind": parent.dataset.kind, "data_digest": parent.dataset.data_digest}
        tags["outside_data"] = outside_tag(wanted.model)
        tags["prefect.flow_run_url"] = flow_run.get_flow_run_ui_url() or ""
        log_tags(run_id, tags)
        try:
            yield run_id
        except BaseException as error:
            log_tags(run_id, {"failure": f"{type(error).__name__}: {error}"[:5000]})
            raise


def _train_and_test(run: Run, wanted: TrainParameters) -> Row:
    """Take the stages of ``train-faces``, registration apart: what either made serves both."""
    dataset, manifest = run.dataset, run.manifest
    lists = run.stage(read_lists, dataset, manifest)
    check_selection(lists, wanted)
    images = run.stage(list_images, lists, wanted.seed)
    audit = run.stage(audit_resolution, dataset, manifest, wanted.errata)
    run.stage(report_bias, lists, images, wanted, wanted.seed, wanted.annotations, manifest, audit)
    learned = run.stage(find_embedding, wanted.model, wanted.embedding)
    split = run.stage(split_images, dataset, manifest, lists, images, audit, learned, wanted)
    trained = run.stage(train_model, dataset, split, learned, wanted)
    baselines = run.stage(run_baselines, dataset, split, wanted.seed)
    run.stage(meet_strangers, dataset, split, learned, trained, wanted)
    evaluation = run.stage(evaluate_model, dataset, split, learned, trained, baselines, wanted)
    run.replay_history(trained)
    sizes = split.facts["sizes"]
    return {
        "scores": evaluation.facts["scores"],
        "baselines": baselines.facts["scores"],
        "test_images": sizes["test"],
        "train_images": sizes["train"] + sizes["validation"],
        "split_digest": split.facts["digest"],
        "answers": str(evaluation / "answers.csv"),
        "answers_sha256": evaluation.files["answers.csv"],
        "baseline_answers": str(baselines / "answers.csv"),
        "baseline_answers_sha256": baselines.files["answers.csv"],
        "stages_run": [record.name for record in run.records if not record.reused],
    }
