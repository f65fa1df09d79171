"""What `lfw train` does, as a script: the same `lfw` functions, no flow and no tracker.

    python -m benchmarks.peers.script SOURCE DATA_FOLDER hog
    python -m benchmarks.peers.script SOURCE DATA_FOLDER embedding

Fetch, read the lists, audit, report bias, split, fit, baselines, strangers, evaluate, save. The
last line is the test accuracy.
"""

import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.data import audited
from lfw.audit import describe_sizes
from lfw.baselines import BASELINES, predict_baseline
from lfw.bias import describe_bias, measure_bias, measure_selection
from lfw.catalog import expand_paths, read_catalog
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.embedding.vectors import vectors_of
from lfw.errors import LfwError
from lfw.evaluation import calibrate, count_confusions, list_mistakes, score, score_classes
from lfw.exploration import draw_random_split
from lfw.features import FEATURES, FeatureClassifier
from lfw.fetch import fetch
from lfw.figure_style import save
from lfw.figures import (
    plot_calibration,
    plot_confusion,
    plot_distribution,
    plot_images,
    plot_most_photographed,
    plot_open_set,
)
from lfw.heads import choose_head
from lfw.images import read_many
from lfw.leaks import check_leaks
from lfw.linear import Head
from lfw.open_set import draw_strangers, score_open_set, set_threshold
from lfw.parameters import TrainParameters
from lfw.sources import choose_source
from lfw.split import Split, draw_split, sample_images, select_people
from lfw.strangers import Strangers

_COMPONENTS = 200
_FEW, _ALIKE = 6, 0.01  # test images that the saved network is asked about, as the stage does

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


class Model(Protocol):
    """What is fitted: a measure of images, and a head on it."""

    seen: Collection[str]
    """People whom the measure was learned from."""

    def measure(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Give the vectors of images."""

    def strangers(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Choose the strangers that the head is learned beside."""

    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> Head:
        """Choose a head, and keep the model."""

    def check(self, pixels: NDArray[np.uint8], known: NDArray[np.float32]) -> None:
        """See that what was kept answers as the head does."""


class _Hog:
    """Oriented gradients."""

    seen: Collection[str] = ()

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder

    def measure(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        return FEATURES["hog"](read_many(self.root, rows["image_path"].tolist()))

    def strangers(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop_duplicates("name")

    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> Head:
        head = choose_head(train, validation, strangers, _COMPONENTS).head
        FeatureClassifier("hog", head).save(self.folder / "head.npz")
        return head

    def check(self, pixels: NDArray[np.uint8], known: NDArray[np.float32]) -> None:
        pass


class _Embedding:
    """The shipped embedding; vectors are kept by content, as the flow keeps them."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.embedding = read_embedding(SHIPPED)
        self.seen: Collection[str] = self.embedding.cohort.seen

    def measure(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        from lfw.networks.asking import ask

        return vectors_of(
            rows["image_path"].tolist(),
            rows["sha256"].tolist(),
            lambda paths: ask(self.embedding.network, read_many(self.root, paths)),
            self.folder / "vectors.npz",
        )

    def strangers(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows

    def fit(self, train: Labelled, validation: Labelled, strangers: Strangers) -> Head:
        from lfw.embedding.classifying import classify
        from lfw.serving import save_model

        found = classify(
            self.embedding.network, train, validation, strangers, self.embedding.spread
        )
        save_model(found.model, self.folder)
        return found.chosen.head

    def check(self, pixels: NDArray[np.uint8], known: NDArray[np.float32]) -> None:
        from lfw.serving import load_model, model_file, predict

        few = np.unique(np.linspace(0, len(pixels) - 1, _FEW).astype(int))
        packed = predict(load_model(model_file(self.folder)), pixels[few])
        if not np.abs(packed - known[few]).max() < _ALIKE:
            raise LfwError("The saved network answers otherwise than its head.")


_MODELS: dict[str, Callable[[Path, Path], Model]] = {"hog": _Hog, "embedding": _Embedding}


def main() -> None:
    """Run the whole script."""
    folder, wanted = Path(sys.argv[2]), TrainParameters(model=sys.argv[3])
    found = fetch(choose_source(sys.argv[1], folder, os.environ), folder)
    root = Path(found.dataset.image_folder)
    people = read_catalog(Path(found.dataset.folder)).people
    files = found.manifest.images.rename(columns={"path": "image_path"})
    images = expand_paths(people).merge(files[["image_path", "sha256"]], on="image_path")
    draw_random_split(images, wanted.seed)
    audit, same = audited(root, files["image_path"].tolist())
    describe_sizes(audit)
    shown = [path for pair in same[:12] for path in pair]
    if shown:
        save(plot_images(read_many(root, shown), shown, "Twice", columns=4), folder / "same.png")
    usable = images[~images["image_path"].isin(audit.unusable["image_path"])]
    names = select_people(people, wanted)
    chosen = sample_images(usable, names, wanted, wanted.seed)
    _report_bias(people, chosen, names, folder)
    split = draw_split(chosen, same, wanted.seed)
    check_leaks(split, same, root)
    model = _MODELS[wanted.model](root, folder)
    strangers = draw_strangers(usable, names, model.seen, same)
    print(_fit_and_test(root, split, strangers, folder, model, wanted.seed))


def _report_bias(
    people: pd.DataFrame, chosen: pd.DataFrame, names: list[str], folder: Path
) -> None:
    bias = measure_bias(people)
    describe_bias(bias, measure_selection(people, chosen), None)
    save(plot_most_photographed(bias.most_photographed, names), folder / "people.png")
    save(plot_distribution(bias.distribution), folder / "distribution.png")


def _fit_and_test(
    root: Path, split: Split, strangers: pd.DataFrame, folder: Path, model: Model, seed: int
) -> float:
    def read(*parts: str) -> tuple[Any, Any]:
        rows = pd.concat([split.part(part) for part in parts])
        labels = np.concatenate([np.array(split.labels(part)) for part in parts])
        return read_many(root, rows["image_path"].tolist()), labels

    def met(role: str) -> pd.DataFrame:
        return strangers[strangers["role"] == role]

    train, validation = (
        (model.measure(split.part(part)), np.array(split.labels(part)))
        for part in ("train", "validation")
    )
    beside = model.strangers(met("head"))
    others = Strangers.of(model.measure(beside), beside["name"].tolist())
    head = model.fit(train, validation, others)
    pixels, truth = read("test")
    answers = {name: predict_baseline(name, *read("train", "validation"), pixels, seed)
               for name in BASELINES}  # fmt: skip
    for answer in answers.values():
        score(truth, answer)
    known = head.probabilities(model.measure(split.part("test")))
    model.check(pixels, known)
    threshold = set_threshold(head.probabilities(model.measure(met("validation"))))
    if threshold is not None:
        strange = head.probabilities(model.measure(met("test")))
        save(plot_open_set(score_open_set(truth, known, strange, threshold)), folder / "open.png")
    return _evaluate(split, truth, known, folder)


def _evaluate(split: Split, truth: Any, known: Any, folder: Path) -> float:
    answer = known.argmax(axis=1)
    found = score(truth, answer)
    score_classes(truth, answer, split.classes)
    save(plot_confusion(count_confusions(truth, answer, split.classes)), folder / "confusion.png")
    save(plot_calibration(calibrate(truth, known)), folder / "calibration.png")
    paths = split.part("test")["image_path"].tolist()
    list_mistakes(paths, truth, known, split.classes)
    return found["accuracy"].value


if __name__ == "__main__":
    main()
