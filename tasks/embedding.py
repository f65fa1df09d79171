"""Embeddings as stages: found in the registry, and put to use."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from numpy.typing import NDArray

from lfw.embedding.cohort import Cohort
from lfw.embedding.store import FILES, MANIFEST, Embedding, read_embedding
from lfw.embedding.vectors import vectors_of
from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.images import read_many
from lfw.settings import data_folder
from lfw.threads import Progress
from lfw.vector_names import name_of_embedding
from tasks.model_registry import version_number
from tasks.stages import StageOutput, Summary, Work, stage

EMBEDDING_NAME = "lfw-embedding"

Vectors = NDArray[np.float32]

_NO_SPREAD = (
    "The within-class covariance of their vectors was not stored when it was trained, so the head "
    "that uses it is not a candidate. lfw pretrain on the same people stores it.\n"
)


def registered_version(wanted: str) -> str | None:
    """Give the number of the version of lfw-embedding that an alias or a number names.

    Returns
    -------
    str or None
        None if there is no such version.
    """
    return version_number(EMBEDDING_NAME, wanted)


def embedding_number(model: str, embedding: str | None) -> str | None:
    """Give the number of the version that a model is to rest on; None if the model takes none.

    Whoever passes the number on, not the alias, takes one version all through a run: an alias may
    move meanwhile.

    Raises
    ------
    InputError
        If there is no such version.
    """
    if model != "embedding":
        return None
    number = registered_version(str(embedding))
    if number is None:
        raise InputError(
            f"embedding = {embedding!r}: {EMBEDDING_NAME} has no such version. Its page in "
            "MLflow lists those that there are; lfw pretrain learns a new one."
        )
    return number


def _asked_for(model: str, embedding: str | None) -> dict[str, object]:
    """Name the version that a run takes, for keys; models without an embedding take none."""
    version = embedding_number(model, embedding)
    if version is None:
        return {"version": None}
    tags = MlflowClient().get_model_version(EMBEDDING_NAME, version).tags
    return {
        "version": version,
        "network": tags["network_sha256"],
        "spread": tags.get("spread_sha256", ""),
        "registry": mlflow.get_registry_uri(),
    }


@stage("find-embedding", key=_asked_for)
def find_embedding(work: Work, model: str, embedding: str | None) -> Summary:
    """Bring the embedding that a model is to rest on from the registry, by its number."""
    version = embedding_number(model, embedding)
    if version is None:
        return Summary(f"# No embedding\n\nThe model {model} takes none.\n")
    with_files = mlflow.artifacts.download_artifacts(f"models:/{EMBEDDING_NAME}/{version}")
    found = {path.name: path for path in Path(with_files).rglob("*") if path.name in FILES}
    for name, path in found.items():
        shutil.copyfile(path, work.folder / name)
    learned = read_embedding(work.folder)
    facts = {
        "version": version,
        "network_sha256": learned.digest,
        "people_seen": len(learned.cohort.seen),
    }
    return Summary(
        f"# The embedding: {EMBEDDING_NAME} version {version}\n\nLearned from "
        f"{len(learned.cohort.seen):,} people ({learned.card['label']}); its "
        f"manifest names them.\n\n{'' if learned.spread else _NO_SPREAD}",
        facts,
        {"embedding_people_seen": float(len(learned.cohort.seen))},
    )


def read_cohort(embedding: StageOutput) -> Cohort | None:
    """Read the manifest of the people that an embedding saw; None if there is no embedding."""
    return Cohort.read(embedding / MANIFEST) if MANIFEST in embedding.files else None


def vectors_through(
    learned: Embedding, dataset: Dataset, rows: pd.DataFrame, progress: Progress | None
) -> Vectors:
    """Take images through an embedding, those apart whose vectors are known.

    Parameters
    ----------
    learned
        The embedding.
    dataset
        Where the images are.
    rows
        ``image_path`` and ``sha256``.
    progress
        Told how many of the missing images are done.
    """

    def measure(pixels: NDArray[np.uint8]) -> Vectors:
        from lfw.networks.asking import ask

        return ask(learned.network, pixels)

    return vectors_by(name_of_embedding(learned.digest), measure, dataset, rows, progress)


def vectors_by(
    name: str,
    measure: Callable[[NDArray[np.uint8]], Vectors],
    dataset: Dataset,
    rows: pd.DataFrame,
    progress: Progress | None,
) -> Vectors:
    """Measure images, those apart whose vectors are kept under the same name."""
    root = Path(dataset.image_folder)
    return vectors_of(
        rows["image_path"].tolist(),
        rows["sha256"].tolist(),
        lambda paths: measure(read_many(root, paths)),
        vectors_file(data_folder(os.environ), name),
        progress,
    )


def vectors_file(folder: Path, name: str) -> Path:
    """Give the file of the data folder that keeps the vectors of one name."""
    return folder / "vectors" / f"{name}.npz"
