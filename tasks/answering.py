"""A fitted classifier's answers, by what is known of the images already."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.embedding.store import CARD, read_embedding
from lfw.embedding.vectors import kept_vectors
from lfw.errors import LfwError
from lfw.fetch import Dataset
from lfw.images import read_many
from lfw.parameters import OUTSIDE_DATA, TrainParameters
from lfw.settings import data_folder
from lfw.threads import Progress
from lfw.vector_names import name_of_embedding, name_of_features
from tasks.embedding import vectors_by, vectors_file, vectors_through
from tasks.marking import logged
from tasks.stages import StageOutput

HEAD = "head.npz"
"""The file of a head on an embedding's vectors, where the packed network is no more than both."""

_CHUNK = 256
_FEW = 6
_ALIKE = 1e-3  # of a probability


def probabilities_of(
    dataset: Dataset,
    rows: pd.DataFrame,
    embedding: StageOutput,
    trained: StageOutput,
    wanted: TrainParameters,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Ask a classifier about images; where it is a head on kept vectors, about those.

    Parameters
    ----------
    dataset
        Where the images are.
    rows
        ``image_path`` and ``sha256``.
    embedding, trained
        What the stages *find-embedding* and *train* left.
    wanted
        What the run is asked to do.
    progress
        Told how many images are measured that no vector was kept of.

    Returns
    -------
    ndarray of shape (n, classes)
    """
    from lfw.features import FEATURES, FeatureClassifier
    from lfw.serving import load_model, model_file, predict

    if HEAD in trained.files:
        learned = read_embedding(embedding.folder)
        head = FeatureClassifier.load(trained / HEAD).head
        return head.probabilities(vectors_through(learned, dataset, rows, progress))
    model: Any = load_model(model_file(trained.folder))
    if wanted.model in OUTSIDE_DATA:
        name = name_of_features(wanted.model)
        vectors = vectors_by(name, FEATURES[wanted.model], dataset, rows, progress)
        probabilities: NDArray[np.float32] = model.head.probabilities(vectors)
        return probabilities
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    parts = [predict(model, _pixels(dataset, part["image_path"].tolist())) for part in chunks]
    return np.concatenate(parts) if parts else np.empty((0, 1), dtype=np.float32)


def check_packed(
    dataset: Dataset, rows: pd.DataFrame, trained: StageOutput, expected: NDArray[np.float32]
) -> None:
    """See that a packed network answers as its embedding and its head did, by a few images.

    Raises
    ------
    LfwError
        If it does not.
    """
    if HEAD not in trained.files:
        return
    from lfw.serving import load_model, model_file, predict

    few = np.unique(np.linspace(0, len(rows) - 1, _FEW).astype(int))
    pixels = _pixels(dataset, rows["image_path"].iloc[few].tolist())
    apart = np.abs(predict(load_model(model_file(trained.folder)), pixels) - expected[few]).max()
    if not apart < _ALIKE:
        raise LfwError(
            f"The network in {trained.folder} answers otherwise than the head that was packed into "
            f"it (a probability is {apart:.3f} off): remove that folder, and run again."
        )


def answers_by_head(run_id: str | None, rows: pd.DataFrame) -> NDArray[np.int64] | None:
    """Let the head that a run logged answer for images whose vectors are kept.

    To read a packed network, and to ask it for the first time, takes seconds.

    Parameters
    ----------
    run_id
        The MLflow run that trained it.
    rows
        ``sha256`` of the images.

    Returns
    -------
    ndarray of shape (n,), or None
        Class numbers; None if the run logged no such head, or a vector is not kept.
    """
    from lfw.features import FeatureClassifier

    with tempfile.TemporaryDirectory() as folder:
        head = logged(run_id, f"train/{HEAD}", Path(folder))
        card = logged(run_id, f"find-embedding/{CARD}", Path(folder))
        if head is None or card is None:
            return None
        digest = json.loads(card.read_text(encoding="utf-8"))["network_sha256"]
        kept = vectors_file(data_folder(os.environ), name_of_embedding(digest))
        vectors = kept_vectors(rows["sha256"].tolist(), kept)
        if vectors is None:
            return None
        answers = FeatureClassifier.load(head).head.probabilities(vectors).argmax(axis=1)
        return np.asarray(answers, dtype=np.int64)


def _pixels(dataset: Dataset, image_paths: list[str]) -> NDArray[np.uint8]:
    return read_many(Path(dataset.image_folder), image_paths)
