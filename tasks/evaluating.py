"""Stages 8 and 10: the evaluation, beside the baselines on the same split."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.bias import read_annotations
from lfw.evaluation import (
    Score,
    calibrate,
    count_confusions,
    list_mistakes,
    mcnemar,
    score,
    score_classes,
    score_groups,
)
from lfw.fetch import Dataset
from lfw.figure_style import save, shown_name
from lfw.figures import (
    plot_calibration,
    plot_comparison,
    plot_confusion,
    plot_images,
)
from lfw.images import read_many
from lfw.parameters import OUTSIDE_DATA, TrainParameters
from lfw.split import Split
from tasks.answering import check_packed, probabilities_of
from tasks.checks import optional_digest
from tasks.markdown import table
from tasks.splitting import read_pixels
from tasks.stages import StageOutput, Summary, Work, stage

_EVEN = 0.05
"""p-values above this say that two classifiers cannot be told apart."""


@stage(
    "baselines",
    key=lambda _dataset, split, seed: {"the split": split.digest, "seed": seed},
)
def run_baselines(work: Work, dataset: Dataset, split: StageOutput, seed: int) -> Summary:
    """Fit the classical methods to training and validation images, and test them."""
    from lfw.baselines import BASELINES, predict_baseline

    drawn = Split.read(split / "split.csv")
    train, labels = read_pixels(dataset, drawn, "train", "validation")
    test, truth = read_pixels(dataset, drawn, "test")
    answers = {name: predict_baseline(name, train, labels, test, seed) for name in BASELINES}
    frame = pd.DataFrame(
        {"image_path": drawn.part("test")["image_path"], "truth": truth, **answers}
    )
    frame.to_csv(work.folder / "answers.csv", index=False)
    scores = {name: score(truth, answer) for name, answer in answers.items()}
    facts = {name: _plain(found) for name, found in scores.items()}
    metrics = {
        f"baseline_{name}_{measure}": found.value
        for name, measured in scores.items()
        for measure, found in measured.items()
    }
    rows = pd.DataFrame(
        [(name, *map(str, found.values())) for name, found in scores.items()],
        columns=["baseline", "accuracy", "macro F1", "balanced accuracy"],
    )
    markdown = f"# Baselines on the same split\n\n{table(rows)}\n"
    return Summary(markdown, {"scores": facts}, metrics)


def _plain(scores: dict[str, Score]) -> dict[str, dict[str, float]]:
    return {name: {"value": s.value, "low": s.low, "high": s.high} for name, s in scores.items()}


@stage(
    "evaluate",
    key=lambda _dataset, split, _embedding, trained, baselines, wanted: {
        "the split": split.digest,
        "the fitted model": trained.files["fingerprint.json"],
        "the baselines": baselines.digest,
        "annotations": optional_digest(wanted.annotations, "annotations"),
    },
)
def evaluate_model(
    work: Work,
    dataset: Dataset,
    split: StageOutput,
    embedding: StageOutput,
    trained: StageOutput,
    baselines: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Test the model on images it has not seen, beside the baselines, with intervals."""
    drawn = Split.read(split / "split.csv")
    rows, truth = drawn.part("test"), np.array(drawn.labels("test"))
    paths = rows["image_path"].tolist()
    probabilities = probabilities_of(
        dataset, rows, embedding, trained, wanted, work.report("images")
    )
    check_packed(dataset, rows, trained, probabilities)
    answer = probabilities.argmax(axis=1)
    scores = score(truth, answer)
    per_class = score_classes(truth, answer, drawn.classes)
    confusion = count_confusions(truth, answer, drawn.classes)
    calibration = calibrate(truth, probabilities)
    mistakes = list_mistakes(paths, truth, probabilities, drawn.classes)
    groups = _groups(wanted.annotations, paths, truth, answer)
    per_class.to_csv(work.folder / "per-class.csv", index=False)
    confusion.to_csv(work.folder / "confusion.csv")
    mistakes.to_csv(work.folder / "mistakes.csv", index=False)
    calibration.bins.to_csv(work.folder / "calibration.csv", index=False)
    if groups is not None:
        groups.to_csv(work.folder / "groups.csv", index=False)
    _write_answers(work.folder / "answers.csv", paths, truth, probabilities, drawn.classes)
    against = {name: Score(**found["accuracy"]) for name, found in _scores(baselines).items()}
    shown = f"{wanted.model} (outside data)" if wanted.model in OUTSIDE_DATA else wanted.model
    comparison = {shown: scores["accuracy"], **against}
    save(plot_confusion(confusion), work.folder / "confusion.png")
    save(plot_calibration(calibration), work.folder / "calibration.png")
    save(plot_comparison(comparison, len(truth)), work.folder / "comparison.png")
    if len(mistakes):
        _draw_mistakes(dataset, mistakes.head(15), work.folder / "mistakes.png")
    compared, below, warnings = _compare(shown, truth, answer, scores["accuracy"], baselines)
    by_class = per_class.to_dict("records")
    facts = {
        "scores": _plain(scores),
        "per_class": by_class,
        "calibration": {"expected_error": calibration.expected_error, "brier": calibration.brier},
        "mistakes": len(mistakes),
        "below": below,
    }
    metrics = {f"test_{name}": found.value for name, found in scores.items()}
    metrics |= {f"test_{name}_low": found.low for name, found in scores.items()}
    metrics |= {f"test_{name}_high": found.high for name, found in scores.items()}
    metrics |= {
        "test_calibration_error": calibration.expected_error,
        "test_brier": calibration.brier,
    }
    markdown = (
        f"# Test: {shown}\n\n{len(truth)} test images of {len(drawn.classes)} people.\n\n"
        f"{table(compared)}\n\n## By person\n\n{table(per_class)}\n\n"
        f"## Confusion: true people in rows, predicted in columns\n\n"
        f"{table(confusion.reset_index())}\n\n"
        f"## Calibration\n\nExpected error {calibration.expected_error:.3f}, Brier score "
        f"{calibration.brier:.3f}.\n\n## Most confident mistakes\n\n{table(mistakes, limit=15)}\n\n"
        f"## By annotated group\n\n{table(groups) if groups is not None else 'Not given.'}\n"
    )
    return Summary(markdown, facts, metrics, warnings)


def _scores(baselines: StageOutput) -> dict[str, dict[str, dict[str, float]]]:
    scores: dict[str, dict[str, dict[str, float]]] = baselines.facts["scores"]
    return scores


def _compare(
    model: str,
    truth: NDArray[np.int64],
    answer: NDArray[np.int64],
    accuracy: Score,
    baselines: StageOutput,
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Put the model beside each baseline, and warn where it does not earn its minutes.

    The second part names the baselines that it is significantly below.
    """
    answers = pd.read_csv(baselines / "answers.csv")
    rows = [(model, str(accuracy), "")]
    below, warnings = [], []
    for name, found in _scores(baselines).items():
        p = mcnemar(truth, answer, answers[name].to_numpy())
        rows.append((name, str(Score(**found["accuracy"])), _shown_p(p)))
        if accuracy.value < found["accuracy"]["value"]:
            if p < _EVEN:
                below.append(name)
            told = "significantly" if p < _EVEN else "but not significantly"
            warnings.append(
                f"{model} ({accuracy.value:.3f}) is below the baseline {name} "
                f"({found['accuracy']['value']:.3f}) on the same test images, {told} "
                f"(McNemar's test: {_shown_p(p)})."
            )
    columns = ["classifier", "accuracy", "p (McNemar's test against the model)"]
    return pd.DataFrame(rows, columns=columns), below, warnings


def _shown_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _groups(
    annotations: Path | None, paths: list[str], truth: NDArray[np.int64], answer: NDArray[np.int64]
) -> pd.DataFrame | None:
    if annotations is None:
        return None
    return score_groups(read_annotations(annotations), paths, truth, answer)


def _write_answers(
    path: Path,
    image_paths: list[str],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: tuple[str, ...],
) -> None:
    frame = pd.DataFrame(probabilities, columns=list(classes))
    frame.insert(0, "image_path", image_paths)
    frame.insert(1, "truth", [classes[k] for k in truth])
    frame.insert(2, "answer", [classes[k] for k in probabilities.argmax(axis=1)])
    frame.to_csv(path, index=False)


def _draw_mistakes(dataset: Dataset, mistakes: pd.DataFrame, path: Path) -> None:
    captions = [
        f"{shown_name(row['answer'])} ({row['probability']:.0%})\nis {shown_name(row['truth'])}"
        for row in mistakes.to_dict("records")
    ]
    pixels = read_many(Path(dataset.image_folder), mistakes["image_path"].tolist())
    save(plot_images(pixels, captions, "Most confident mistakes: predicted, and true"), path)
