"""Forgetting people: their images go from copies and caches; versions made of them say so."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from infra.running import changing_locks, live_runs
from lfw.catalog import read_people
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.embedding.vectors import forget_vectors
from lfw.errors import DataError, InputError, LfwError
from lfw.fetch import forget_images
from lfw.files import discard
from lfw.forgetting import add_forgotten, copies_of, read_forgotten
from lfw.manifest import build_manifest, person_of
from lfw.parameters import ForgetParameters
from lfw.peek import peek_people
from lfw.sources import choose_source
from lfw.split import check_names
from tasks.lineage import holding, leave_rest, readings
from tasks.markdown import table
from tasks.marking import FACES, Marked, classes_of, logged, mark_versions, result_of, versions_of
from tasks.runs import LinkedRun, connect
from tasks.tracking import log_figures

REPORT = "report.html"
_KNOWN_TO = "what is kept (copies of the data, registered versions, the shipped embedding)"
_PICTURES = {
    "evaluate/mistakes.csv": ("evaluate/mistakes.png", REPORT),
    "resolution-audit/same-photos.csv": ("resolution-audit/same-photos.png",),
}
"""Tables that name the images of pictures, and the pictures."""


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Attributes
    ----------
    images
        Images removed of each copy of the data set, by its path.
    vectors, stages, checkpoints, pictures
        How many of each.
    yours
        Archives and folders of the user's own, which hold the people still.
    wholly
        Copies of the data set that were removed wholly: damaged, or of nobody else.
    """

    images: dict[str, int]
    vectors: int
    stages: int
    checkpoints: int
    pictures: int
    yours: list[str] = field(default_factory=list)
    wholly: list[str] = field(default_factory=list)


def check_known(wanted: ForgetParameters) -> None:
    """See that everybody who is to be forgotten is known, in some copy of the data or version.

    Raises
    ------
    InputError
        Naming who is not; the nearest names are given. If nobody is named.
    """
    if not wanted.people:
        raise InputError("people: nobody is named: say who is to be forgotten, an item each.")
    check_names("people", wanted.people, sorted(_known_people(connect())), _KNOWN_TO)


def _known_people(folder: Path) -> set[str]:
    known = set(read_forgotten(folder).people) | set(read_embedding(SHIPPED).cohort.rows["name"])
    for reading in readings(folder):
        known |= set(person_of(reading.images["path"]))
    for version in versions_of(FACES):
        known |= set(classes_of(version))
    for copy in copies_of(folder):
        try:
            known |= set(read_people(copy)["name"])
        except DataError:  # its images go all the same
            continue
    if os.environ.get("LFW_SOURCE"):
        people = peek_people(choose_source("auto", folder, os.environ), folder)
        known |= set() if people is None else set(people["name"])
    return known


@task(name="forget-images", task_run_name="forget-images", cache_policy=NO_CACHE)
def remove_images(run: LinkedRun, wanted: ForgetParameters) -> Removed:
    """Remove people's images from copies, caches and the pages of earlier runs.

    They are put on the list first: from then on they are read by nothing, whatever comes next.

    Raises
    ------
    LfwError
        If another run is at work, which may be reading what is to go.
    """
    with changing_locks(run.data_folder):  # a run that begins later reads the list
        others = set(live_runs(run.data_folder)) - {str(flow_run.get_id())}
        if others:
            who = "Another run is" if len(others) == 1 else f"{len(others)} other runs are"
            raise LfwError(
                f"{who} at work on {run.data_folder}: wait until nothing is, then ask again."
            )
        forgotten = set(add_forgotten(run.data_folder, wanted.people).people)
    vectors = _forget_vectors(run.data_folder, forgotten)
    pictures = _remove_pictures(set(wanted.people))
    copies = copies_of(run.data_folder)
    images = forget_images(run.data_folder)
    wholly = [str(copy) for copy in copies if not copy.exists()]
    checkpoints = discard((run.data_folder / "checkpoints").glob("*"))
    stages = _remove_results(run.data_folder, wanted.people, forgotten)
    yours = _users_own(run.data_folder)
    return Removed(images, vectors, stages, checkpoints, pictures, yours, wholly)


def _forget_vectors(folder: Path, names: set[str]) -> int:
    """Remove the vectors of some people's images, and those of which it is not known whose.

    They may be of images that nothing kept shows any more, as a folder of the user's own may have
    been read by an earlier version: whoever needs them computes them again.
    """
    known = [reading.images for reading in readings(folder)] + [_shipped_images()]
    for copy in copies_of(folder):
        with contextlib.suppress(DataError):  # spoilt: it goes wholly
            known.append(build_manifest(copy).images)
    theirs, others = set[str](), set[str]()
    for rows in known:
        shown = person_of(rows["path"]).isin(names)
        theirs |= set(rows["sha256"][shown])
        others |= set(rows["sha256"][~shown])
    files = (folder / "vectors").glob("*.npz")
    return sum(forget_vectors(kept, _kept_in(kept) - (others - theirs)) for kept in files)


def _kept_in(path: Path) -> set[str]:
    """Give the digests of the images whose vectors a file keeps; a damaged one keeps none."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            return set(saved["sha256"].tolist())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return set()


def _remove_results(folder: Path, names: Collection[str], forgotten: Collection[str]) -> int:
    """Remove results of stages; what they tell of the origin of other people's images is left."""
    held = holding(folder, names)
    for reading in readings(folder):
        if reading.folder in held or reading.shows(forgotten).any():
            leave_rest(reading, forgotten)
    discard(held)
    return len(held)


def _shipped_images() -> pd.DataFrame:
    return read_embedding(SHIPPED).cohort.rows.rename(columns={"image_path": "path"})


def _users_own(folder: Path) -> list[str]:
    own = {one.location for one in readings(folder) if one.kind in {"archive", "folder"}}
    return sorted(path for path in own if Path(path).exists())


def _remove_pictures(names: set[str]) -> int:
    """Remove the pictures and pages of earlier runs that show some people."""
    client, removed = MlflowClient(), 0
    # What was deleted in MLflow keeps its files until `mlflow gc`.
    experiments = [one.experiment_id for one in client.search_experiments(ViewType.ALL)]
    token = None
    while True:
        page = client.search_runs(
            experiments, run_view_type=ViewType.ALL, max_results=500, page_token=token
        )
        removed += sum(_remove_pictures_of(client, run, names) for run in page)
        token = page.token
        if not token:
            return removed


def _remove_pictures_of(client: MlflowClient, run: Run, names: set[str]) -> int:
    shown = {
        picture for file in _PICTURES if _names(run, file, names) for picture in _PICTURES[file]
    }
    if not shown:
        return 0
    there = set()
    for parent in {path.rpartition("/")[0] for path in shown}:
        there |= {one.path for one in client.list_artifacts(run.info.run_id, parent or None)}
    store = get_artifact_repository(run.info.artifact_uri)
    for path in sorted(shown & there):
        store.delete_artifacts(path)  # type: ignore[no-untyped-call]
    if shown & there and run.info.lifecycle_stage == LifecycleStage.ACTIVE:
        said = f"{', '.join(sorted(shown & there))} removed: they showed people who were forgotten."
        client.set_tag(run.info.run_id, "forgotten", said)
    return len(shown & there)


def _names(run: Run, table_path: str, names: set[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        found = logged(run.info.run_id, table_path, Path(folder))
        if found is None:
            return False
        try:
            rows = pd.read_csv(found, dtype=str, keep_default_na=False)
        except ValueError:  # nobody can tell whom the pictures show: they go
            rows = pd.DataFrame()
    columns = [name for name in ("image_path", "first", "second") if name in rows]
    found_in = (bool(person_of(rows[name]).isin(names).any()) for name in columns)
    return not columns or any(found_in)


@task(name="mark-versions", task_run_name="mark-versions", cache_policy=NO_CACHE)
def mark_learned(wanted: ForgetParameters) -> list[Marked]:
    """Mark every registered version that was learned from people who are forgotten."""
    return mark_versions(wanted.people)


@task(name="report-forgotten", task_run_name="report-forgotten", cache_policy=NO_CACHE)
def report_forgotten(
    run: LinkedRun, wanted: ForgetParameters, removed: Removed, marked: list[Marked]
) -> dict[str, Any]:
    """Put together what was removed, and which versions rest on it."""
    counts = {
        "images_removed": sum(removed.images.values()),
        "vectors_removed": removed.vectors,
        "stage_results_removed": removed.stages,
        "checkpoints_removed": removed.checkpoints,
        "pictures_removed": removed.pictures,
        "versions_marked": len(marked),
    }
    log_figures(run.run_id, counts)
    warnings = [
        f"{path} is yours and was left as it is: what is read of it leaves them out."
        for path in removed.yours
    ]
    warnings += [
        f"{path} was removed wholly: it was damaged, or showed nobody else."
        for path in removed.wholly
    ]
    versions = result_of(marked)
    rows = [
        (one.name, one.version, ", ".join(one.aliases), name, how)
        for one in marked
        for name, how in one.people.items()
    ]
    columns = ["model", "version", "aliases", "person", "used as"]
    frame = pd.DataFrame(rows, columns=columns)
    markdown = f"# Forgotten: {', '.join(wanted.people)}\n\n{table(frame)}\n"
    create_markdown_artifact(key="forgotten", markdown=markdown)
    result = {
        "flow_run_id": flow_run.get_id(),
        "mlflow_run_id": run.run_id,
        "forgotten": {"people": list(wanted.people), **counts, "copies": removed.images},
        "versions": versions,
        "warnings": warnings,
    }
    MlflowClient().log_dict(run.run_id, result, "result.json")
    return result
