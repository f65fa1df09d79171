"""What `lfw train` does, as a script: the same `lfw` functions, no flow and no tracker.

    python -m benchmarks.peers.script SOURCE DATA_FOLDER hog
    python -m benchmarks.peers.script SOURCE DATA_FOLDER embedding

Fetch, read the lists, audit, report bias, split, fit, baselines, strangers, evaluate, save: what
the flow's stages call, and the figures that they draw; not the tables and pages that they write
beside these. The last line is the test accuracy.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.data import audited
from lfw.audit import byte_identical, describe_sizes
from lfw.baselines import BASELINES, predict_baseline
from lfw.bias import describe_bias, measure_bias, measure_selection
from lfw.catalog import check_references, expand_paths, read_catalog
from lfw.embedding.cohort import check_unseen
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.embedding.vectors import vectors_of
from lfw.errors import LfwError
from lfw.evaluation import (
    calibrate,
    count_confusions,
    list_mistakes,
    mcnemar,
    score,
    score_classes,
)
from lfw.exploration import draw_random_split
from lfw.features import FEATURES, FeatureClassifier
from lfw.fetch import fetch
from lfw.figure_style import save
from lfw.figures import (
    plot_calibration,
    plot_comparison,
    plot_confusion,
    plot_distribution,
    plot_images,
    plot_most_photographed,
    plot_open_set,
    plot_split,
)
from lfw.heads import choose_head
from lfw.images import read_many
from lfw.leaks import check_leaks
from lfw.linear import Head
from lfw.open_set import draw_strangers, score_open_set, set_threshold
from lfw.parameters import TrainParameters
from lfw.sources import choose_source
from lfw.split import PARTS, Split, draw_split, sample_images, select_people
from lfw.strangers import Strangers

_COMPONENTS = 200
_FEW, _ALIKE = 6, 1e-3  # test images that a packed network is asked about, as the stage does
_MISTAKES = 15

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Labelled = tuple[Vectors, Labels]


class _Model(ABC):
    """A measure of images, and a head on it."""

    seen: Collection[str] = ()

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder

    def read(self, rows: pd.DataFrame) -> NDArray[np.uint8]:
        return read_many(self.root, rows["image_path"].tolist())

    @abstractmethod
    def check(self, split: Split) -> None:
        """See that nobody of a split was learned from."""

    @abstractmethod
    def measure(self, rows: pd.DataFrame) -> Vectors:
        """Give vectors."""

    @abstractmethod
    def beside(self, strangers: pd.DataFrame) -> pd.DataFrame:
        """Choose the strangers that the head is learned beside."""

    @abstractmethod
    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> None:
        """Choose a head, and save the model."""

    @abstractmethod
    def answer(self, rows: pd.DataFrame) -> Vectors:
        """Give probabilities, by what was saved."""

    @abstractmethod
    def check_saved(self, rows: pd.DataFrame, known: Vectors) -> None:
        """See that the model that is served answers so."""


class _Hog(_Model):
    """Oriented gradients."""

    def measure(self, rows: pd.DataFrame) -> Vectors:
        return FEATURES["hog"](self.read(rows))

    def beside(self, strangers: pd.DataFrame) -> pd.DataFrame:
        return strangers.drop_duplicates("name")

    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> None:
        from lfw.serving import count_weights, save_model, weights_digest

        model = FeatureClassifier(
            "hog", choose_head(train, validation, strangers, _COMPONENTS).head
        )
        save_model(model, self.folder)
        weights_digest(model), count_weights(model)

    def answer(self, rows: pd.DataFrame) -> Vectors:
        from lfw.serving import load_model, model_file, predict

        return predict(load_model(model_file(self.folder)), self.read(rows))

    def check(self, split: Split) -> None:
        pass  # gradients know nobody

    def check_saved(self, rows: pd.DataFrame, known: Vectors) -> None:
        pass  # what was saved is what answers


class _Embedding(_Model):
    """The shipped embedding; vectors are kept by content, as the flow keeps them."""

    def __init__(self, root: Path, folder: Path) -> None:
        super().__init__(root, folder)
        self.embedding = read_embedding(SHIPPED)
        self.seen = self.embedding.cohort.seen

    def check(self, split: Split) -> None:
        cohort = self.embedding.cohort
        check_unseen(cohort, split.classes, split.rows["sha256"], "testing it on", "")

    def measure(self, rows: pd.DataFrame) -> Vectors:
        from lfw.networks.asking import ask

        return vectors_of(
            rows["image_path"].tolist(),
            rows["sha256"].tolist(),
            lambda paths: ask(self.embedding.network, read_many(self.root, paths)),
            self.folder / "vectors.npz",
        )

    def beside(self, strangers: pd.DataFrame) -> pd.DataFrame:
        return strangers

    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> None:
        from lfw.embedding.classifying import classify
        from lfw.serving import count_weights, save_model, weights_digest

        embedding = self.embedding
        found = classify(embedding.network, train, validation, strangers, embedding.spread)
        save_model(found.model, self.folder)
        weights_digest(found.model), count_weights(found.model)
        FeatureClassifier("embedding", found.chosen.head).save(self._head)

    def answer(self, rows: pd.DataFrame) -> Vectors:
        head: Head = FeatureClassifier.load(self._head).head
        return head.probabilities(self.measure(rows))

    def check_saved(self, rows: pd.DataFrame, known: Vectors) -> None:
        from lfw.serving import load_model, model_file, predict

        few = np.unique(np.linspace(0, len(rows) - 1, _FEW).astype(int))
        packed = predict(load_model(model_file(self.folder)), self.read(rows.iloc[few]))
        if not np.abs(packed - known[few]).max() < _ALIKE:
            raise LfwError("The saved network answers otherwise than its head.")

    @property
    def _head(self) -> Path:
        return self.folder / "head.npz"


_MODELS: dict[str, Callable[[Path, Path], _Model]] = {"hog": _Hog, "embedding": _Embedding}


def main() -> None:
    """Run the whole script."""
    folder, wanted = Path(sys.argv[2]), TrainParameters(model=sys.argv[3])
    found = fetch(choose_source(sys.argv[1], folder, os.environ), folder)
    root = Path(found.dataset.image_folder)
    lists = read_catalog(Path(found.dataset.folder))
    files = found.manifest.images.rename(columns={"path": "image_path"})
    check_references(lists, files["image_path"])
    images = expand_paths(lists.people).merge(files[["image_path", "sha256"]], on="image_path")
    draw_random_split(images, wanted.seed)
    audit, same = audited(root, files["image_path"].tolist())
    byte_identical(files)
    describe_sizes(audit)
    shown = [path for pair in same[:12] for path in pair]
    if shown:
        save(plot_images(read_many(root, shown), shown, "Twice", columns=4), folder / "same.png")
    usable = images[~images["image_path"].isin(audit.unusable["image_path"])]
    names = select_people(lists.people, wanted)
    chosen = sample_images(usable, names, wanted, wanted.seed)
    _report_bias(lists.people, chosen, names, folder)
    split = draw_split(chosen, same, wanted.seed)
    check_leaks(split, same, root)
    model = _MODELS[wanted.model](root, folder)
    model.check(split)
    counts = split.rows.pivot_table(
        index="name", columns="part", values="sha256", aggfunc="count", fill_value=0
    )[list(PARTS)]
    save(plot_split(counts), folder / "split.png")
    strangers = draw_strangers(usable, names, model.seen, same)
    _fit(model, split, strangers)
    answers = _baselines(model, split, wanted.seed)
    _meet(model, split, strangers, folder)
    print(_evaluate(model, split, answers, folder))


def _report_bias(
    people: pd.DataFrame, chosen: pd.DataFrame, names: list[str], folder: Path
) -> None:
    bias = measure_bias(people)
    describe_bias(bias, measure_selection(people, chosen), None)
    save(plot_most_photographed(bias.most_photographed, names), folder / "people.png")
    save(plot_distribution(bias.distribution), folder / "distribution.png")


def _labels(split: Split, *parts: str) -> Labels:
    return np.concatenate([np.array(split.labels(part)) for part in parts])


def _fit(model: _Model, split: Split, strangers: pd.DataFrame) -> None:
    train, validation = (
        (model.measure(split.part(part)), _labels(split, part)) for part in ("train", "validation")
    )
    rows = model.beside(strangers[strangers["role"] == "head"])
    model.fit(train, validation, Strangers.of(model.measure(rows), rows["name"].tolist()))


def _baselines(model: _Model, split: Split, seed: int) -> dict[str, Labels]:
    learned = ("train", "validation")
    pixels = model.read(pd.concat([split.part(part) for part in learned]))
    tested, truth = model.read(split.part("test")), _labels(split, "test")
    labels = _labels(split, *learned)
    answers = {name: predict_baseline(name, pixels, labels, tested, seed) for name in BASELINES}
    for answer in answers.values():
        score(truth, answer)
    return answers


def _meet(model: _Model, split: Split, strangers: pd.DataFrame, folder: Path) -> None:
    def met(role: str) -> Vectors:
        return model.answer(strangers[strangers["role"] == role])

    threshold = set_threshold(met("validation"))
    if threshold is not None:
        known, strange = model.answer(split.part("test")), met("test")
        found = score_open_set(_labels(split, "test"), known, strange, threshold)
        save(plot_open_set(found), folder / "open.png")


def _evaluate(model: _Model, split: Split, answers: dict[str, Labels], folder: Path) -> float:
    rows, truth = split.part("test"), _labels(split, "test")
    known = model.answer(rows)
    model.check_saved(rows, known)
    answer = known.argmax(axis=1)
    found = score(truth, answer)
    score_classes(truth, answer, split.classes)
    save(plot_confusion(count_confusions(truth, answer, split.classes)), folder / "confusion.png")
    save(plot_calibration(calibrate(truth, known)), folder / "calibration.png")
    beside = {name: score(truth, other)["accuracy"] for name, other in answers.items()}
    compared = {"model": found["accuracy"], **beside}
    save(plot_comparison(compared, len(truth)), folder / "comparison.png")
    for other in answers.values():
        mcnemar(truth, answer, other)
    mistakes = list_mistakes(rows["image_path"].tolist(), truth, known, split.classes)
    if len(mistakes):
        shown = mistakes["image_path"].head(_MISTAKES).tolist()
        pixels = read_many(model.root, shown)
        save(plot_images(pixels, shown, "Mistakes"), folder / "mistakes.png")
    return found["accuracy"].value


if __name__ == "__main__":
    main()
