"""What `lfw train --model hog` does, as a script: the same `lfw` functions, no flow and no tracker.

    python -m benchmarks.peers.script SOURCE DATA_FOLDER

Fetch, read the lists, audit, report bias, split, fit, baselines, strangers, evaluate, save. The
last line is the test accuracy.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import audited
from lfw.audit import describe_sizes
from lfw.baselines import BASELINES, predict_baseline
from lfw.bias import describe_bias, measure_bias, measure_selection
from lfw.catalog import expand_paths, read_catalog
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
from lfw.open_set import draw_strangers, score_open_set, set_threshold
from lfw.parameters import TrainParameters
from lfw.sources import choose_source
from lfw.split import Split, draw_split, sample_images, select_people
from lfw.strangers import Strangers

_WANTED = TrainParameters(model="hog")
_COMPONENTS = 200


def main() -> None:
    """Run the whole script."""
    folder = Path(sys.argv[2])
    found = fetch(choose_source(sys.argv[1], folder, os.environ), folder)
    root = Path(found.dataset.image_folder)
    people = read_catalog(Path(found.dataset.folder)).people
    files = found.manifest.images.rename(columns={"path": "image_path"})
    images = expand_paths(people).merge(files[["image_path", "sha256"]], on="image_path")
    draw_random_split(images, _WANTED.seed)
    audit, same = audited(root, files["image_path"].tolist())
    describe_sizes(audit)
    shown = [path for pair in same[:12] for path in pair]
    if shown:
        save(plot_images(read_many(root, shown), shown, "Twice", columns=4), folder / "same.png")
    usable = images[~images["image_path"].isin(audit.unusable["image_path"])]
    names = select_people(people, _WANTED)
    chosen = sample_images(usable, names, _WANTED, _WANTED.seed)
    _report_bias(people, chosen, names, folder)
    split = draw_split(chosen, same, _WANTED.seed)
    check_leaks(split, same, root)
    strangers = draw_strangers(usable, names, (), same)
    print(_fit_and_test(root, split, strangers, folder))


def _report_bias(
    people: pd.DataFrame, chosen: pd.DataFrame, names: list[str], folder: Path
) -> None:
    bias = measure_bias(people)
    describe_bias(bias, measure_selection(people, chosen), None)
    save(plot_most_photographed(bias.most_photographed, names), folder / "people.png")
    save(plot_distribution(bias.distribution), folder / "distribution.png")


def _fit_and_test(root: Path, split: Split, strangers: pd.DataFrame, folder: Path) -> float:
    def read(*parts: str) -> tuple[Any, Any]:
        rows = pd.concat([split.part(part) for part in parts])
        labels = np.concatenate([np.array(split.labels(part)) for part in parts])
        return read_many(root, rows["image_path"].tolist()), labels

    def met(role: str) -> tuple[Any, list[str]]:
        rows = strangers[strangers["role"] == role].drop_duplicates("name")
        return hog(read_many(root, rows["image_path"].tolist())), rows["name"].tolist()

    hog = FEATURES["hog"]
    fitted = [(hog(pixels), labels) for pixels, labels in (read("train"), read("validation"))]
    head = choose_head(fitted[0], fitted[1], Strangers.of(*met("head")), _COMPONENTS).head
    FeatureClassifier("hog", head).save(folder / "head.npz")
    pixels, truth = read("test")
    answers = {name: predict_baseline(name, *read("train", "validation"), pixels, _WANTED.seed)
               for name in BASELINES}  # fmt: skip
    for answer in answers.values():
        score(truth, answer)
    known = head.probabilities(hog(pixels))
    threshold = set_threshold(head.probabilities(met("validation")[0]))
    if threshold is not None:
        strange = head.probabilities(met("test")[0])
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
