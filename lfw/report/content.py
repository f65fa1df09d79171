"""What a run's report tells: everything that its page shows, gathered and typed."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lfw.evaluation import Calibration, Score
from lfw.fetch import Dataset
from lfw.open_set import OpenSet


@dataclass(frozen=True)
class Rival:
    """A baseline on the same test images.

    Attributes
    ----------
    name
        What it is.
    scores
        ``accuracy``, ``macro_f1``, ``balanced_accuracy``.
    p
        p-value of McNemar's test that it errs as often as the model.
    """

    name: str
    scores: dict[str, Score]
    p: float


@dataclass(frozen=True)
class Mistake:
    """A wrong answer.

    Attributes
    ----------
    image_path, truth, answer
        The image, who it shows, and who was answered.
    probability, truth_probability
        Of the answer, and of the person it shows.
    jpeg
        The image, small; None where it is only listed.
    """

    image_path: str
    truth: str
    answer: str
    probability: float
    truth_probability: float
    jpeg: bytes | None = None


@dataclass(frozen=True)
class Tested:
    """What the test came to.

    Attributes
    ----------
    images
        Test images that every figure rests on.
    scores
        ``accuracy``, ``macro_f1``, ``balanced_accuracy``.
    rivals
        The baselines.
    per_class
        ``name``, ``precision``, ``recall``, ``f1``, ``support``, one row a person.
    confusion
        Numbers of images by true person (index) and answer (columns), in the order of `per_class`.
    mistakes
        The most confident first; all of them, or the first of very many.
    mistakes_in_all
        How many there are.
    calibration
        Whether probabilities mean what they say.
    strangers
        What happens to them; None if there was not enough data to set a threshold.
    groups
        Accuracy by annotated group (:func:`lfw.evaluation.score_groups`), or None.
    """

    images: int
    scores: dict[str, Score]
    rivals: tuple[Rival, ...]
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    mistakes: tuple[Mistake, ...]
    mistakes_in_all: int
    calibration: Calibration
    strangers: OpenSet | None
    groups: pd.DataFrame | None = None


@dataclass(frozen=True)
class Audited:
    """What the audit found.

    Attributes
    ----------
    images
        Images decoded.
    gate
        What a finding does: ``warn`` or ``fail``.
    problems
        Non-standard images, by kind.
    details
        The same, a sentence each.
    unusable
        Paths of images that were left out.
    list_problems
        References in the lists that do not hold.
    same_photos
        ``first``, ``second``, ``similarity``: one photograph under two file names.
    byte_identical
        Pairs of files with the same content.
    errata
        Known label errors in the list that was given, or None.
    """

    images: int
    gate: str
    problems: dict[str, int]
    details: tuple[str, ...]
    unusable: tuple[str, ...]
    list_problems: int
    same_photos: pd.DataFrame
    byte_identical: int
    errata: int | None


@dataclass(frozen=True)
class Data:
    """The data set, and who is in it.

    Attributes
    ----------
    dataset
        Where it came from, and its digests.
    people, images, size
        How many, and the bytes of all its files.
    stray
        Files that are not part of it.
    gini
        Gini coefficient of images per person.
    distribution, most_photographed
        As :class:`lfw.bias.Bias` has them.
    people_dropped, images_dropped
        What the selection leaves out.
    groups
        Images by annotated group (:func:`lfw.bias.count_groups`, with ``of``), or None.
    """

    dataset: Dataset
    people: int
    images: int
    size: int
    stray: tuple[str, ...]
    gini: float
    distribution: pd.DataFrame
    most_photographed: pd.DataFrame
    people_dropped: int
    images_dropped: int
    groups: pd.DataFrame | None = None


@dataclass(frozen=True)
class Drawn:
    """The selection and its split.

    Attributes
    ----------
    counts
        ``name``, ``available`` (images in the data set), ``train``, ``validation``, ``test``.
    digest
        Of the split.
    embedding_saw
        People whom the embedding was learned from, none of them selected; None without one.
    strangers
        Other people, counted by what they are for.
    """

    counts: pd.DataFrame
    digest: str
    embedding_saw: int | None
    strangers: dict[str, int]


@dataclass(frozen=True)
class LearnedFrom:
    """The embedding that a model rests on.

    Attributes
    ----------
    name, version
        In the registry.
    card
        How it was made (see :class:`lfw.embedding.store.Embedding`).
    people, images
        Whom it was learned from.
    watched_people, watched_images
        Whom its learning was watched on.
    """

    name: str
    version: str
    card: dict[str, Any]
    people: int
    images: int
    watched_people: int
    watched_images: int


@dataclass(frozen=True)
class Trained:
    """The model, and how it came about.

    Attributes
    ----------
    weights
        How many numbers were learned.
    embedding
        What it rests on, if on an embedding.
    heads
        ``head``, ``validation_accuracy``, ``validation_loss``, the chosen one first; or None.
    layers
        Kind, name and settings of each layer, of a network.
    history
        Figures by ``epoch``; empty if there were no passes over the images.
    best_epoch
        The epoch whose weights were kept, if one was chosen.
    """

    weights: int
    embedding: LearnedFrom | None = None
    heads: pd.DataFrame | None = None
    layers: tuple[tuple[str, str, str], ...] = ()
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int | None = None


@dataclass(frozen=True)
class StageRow:
    """How a stage went; `run_id` is the MLflow run that its result was made in."""

    name: str
    reused: bool
    seconds: float
    why: str
    run_id: str


@dataclass(frozen=True)
class Provenance:
    """Where everything came from, and how to have it again.

    Attributes
    ----------
    flow_run, flow_run_url, mlflow_run, mlflow_run_url
        Both runs.
    model, model_url
        The registered version, as ``name version N``.
    aliases, alias_reason
        What the version was called when this was written, and why.
    code_digest
        Of the code that the model rests on.
    command
        Repeats the run.
    parameters
        Everything that was asked for.
    libraries
        Versions by name.
    stages
        How each went.
    """

    flow_run: str
    flow_run_url: str
    mlflow_run: str
    mlflow_run_url: str
    model: str
    model_url: str
    aliases: tuple[str, ...]
    alias_reason: str
    code_digest: str
    command: str
    parameters: dict[str, str]
    libraries: dict[str, str]
    stages: tuple[StageRow, ...]


@dataclass(frozen=True)
class Report:
    """A training run, told whole.

    Attributes
    ----------
    made
        When, as text.
    model, selection, seed
        What was asked for.
    outside_data
        Whether the model learned from faces that are not in the data set.
    """

    made: str
    model: str
    selection: str
    seed: int
    outside_data: bool
    tested: Tested
    data: Data
    audited: Audited
    drawn: Drawn
    trained: Trained
    provenance: Provenance
    warnings: tuple[str, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether the faces are drawn, of people who do not exist."""
        return self.data.dataset.kind == "synthetic"
