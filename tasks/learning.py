"""Stages 6 to 8: the split, the fit, the baselines and the evaluation."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.baselines import BASELINES, predict_baseline
from lfw.bias import read_annotations
from lfw.catalog import Catalog
from lfw.digest import code_digests, value_digest
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
from lfw.figures import (
    plot_calibration,
    plot_comparison,
    plot_confusion,
    plot_history,
    plot_images,
    plot_split,
    save,
    shown_name,
)
from lfw.images import read_many
from lfw.parameters import SelectionParameters, TrainParameters
from lfw.split import PARTS, Split, check_leaks, draw_split, sample_images, select_people
from tasks.checks import optional_digest
from tasks.data import read_image_files
from tasks.markdown import table
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.tracking import log_figures

_EVEN = 0.05
"""p-values above this say that two classifiers cannot be told apart."""


_SPLIT_PARAMETERS = {*SelectionParameters.model_fields, "seed", "test_share", "validation_share"}


@stage(
    "stratified-split",
    key=lambda dataset, _manifest, lists, images, audit, wanted: {
        "the images": dataset.images_digest,
        "the lists": lists.digest,
        "the rows of images": images.digest,
        "the audit": audit.digest,
        **wanted.model_dump(mode="json", include=_SPLIT_PARAMETERS),
    },
)
def split_images(
    work: Work,
    dataset: Dataset,
    manifest: StageOutput,
    lists: StageOutput,
    images: StageOutput,
    audit: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Choose people and images, split them person by person, and check the split for leaks."""
    people = Catalog.read(lists.folder).people
    rows = pd.read_parquet(images / "images.parquet").merge(
        read_image_files(manifest), on="image_path"
    )
    audited = pd.read_parquet(audit / "images.parquet")
    unusable = set(audited["image_path"][~audited["usable"]])
    usable = rows[~rows["image_path"].isin(unusable)]
    names = select_people(people, wanted)
    chosen = sample_images(usable, names, wanted, wanted.seed)
    pairs = read_pairs(audit)
    split = draw_split(chosen, pairs, wanted.seed, wanted.test_share, wanted.validation_share)
    check_leaks(split, pairs, Path(dataset.image_folder))
    split.write(work.folder / "split.csv")
    counts = split.rows.pivot_table(
        index="name", columns="part", values="sha256", aggfunc="count", fill_value=0
    )[list(PARTS)]
    save(plot_split(counts), work.folder / "split.png")
    dropped = rows["image_path"][rows["name"].isin(names) & rows["image_path"].isin(unusable)]
    warnings = [f"{path} is unusable and was left out of the selection." for path in dropped]
    warnings += _flagged(audit, split)
    sizes = " / ".join(str(split.sizes[part]) for part in PARTS)
    markdown = (
        f"# The split\n\n{len(names)} people, {len(split.rows)} images: {sizes} for training, "
        f"validation and test. Digest `{split.digest}`.\n\n"
        "No image, no content and no photograph is on two sides.\n\n"
        f"{table(counts.reset_index())}\n"
    )
    facts = {"classes": list(split.classes), "sizes": split.sizes, "digest": split.digest}
    metrics = {f"images_{part}": float(size) for part, size in split.sizes.items()}
    return Summary(markdown, facts, metrics, warnings)


def read_pairs(audit: StageOutput) -> list[tuple[str, str]]:
    """Read the pairs of images that show one photograph from what the audit left."""
    pairs = pd.read_csv(audit / "same-photos.csv", dtype=str, keep_default_na=False)
    return list(zip(pairs["first"], pairs["second"], strict=True))


def _flagged(audit: StageOutput, split: Split) -> list[str]:
    """Name the known label errors among the selected images: flagged, never corrected."""
    if "errata.csv" not in audit.files:
        return []
    errata = pd.read_csv(audit / "errata.csv", dtype=str, keep_default_na=False)
    selected = set(split.rows["image_path"]) | set(split.classes)
    return [
        f"{row['subject']} is listed as {row['problem'].replace('_', ' ')} "
        f"({row['other'] or 'no other named'}): used as it is."
        for row in errata.to_dict("records")
        if row["subject"] in selected
    ]


def _pixels(
    dataset: Dataset, split: Split, *parts: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    paths = [path for part in parts for path in split.part(part)["image_path"]]
    labels = [label for part in parts for label in split.labels(part)]
    return read_many(Path(dataset.image_folder), paths), np.array(labels, dtype=np.int64)


@stage(
    "train",
    key=lambda _dataset, split, wanted: {
        "the split": split.digest,
        "model": wanted.model,
        "epochs": wanted.epochs,
        "seed": wanted.seed,
        "the network's code": value_digest(code_digests([f"lfw.networks.{wanted.model}"])),
    },
)
def train_model(
    work: Work, dataset: Dataset, split: StageOutput, wanted: TrainParameters
) -> Summary:
    """Fit the network by name, streaming its figures epoch by epoch."""
    from lfw.serving import save_model
    from lfw.training import fit

    drawn = Split.read(split / "split.csv")
    show = work.report("epochs")

    def on_epoch(epoch: int, epochs: int, figures: dict[str, float]) -> None:
        log_figures(work.run_id, figures, step=epoch)
        if show is not None:
            show(epoch, epochs)

    fitted = fit(
        wanted.model,
        _pixels(dataset, drawn, "train"),
        _pixels(dataset, drawn, "validation"),
        len(drawn.classes),
        wanted.seed,
        wanted.epochs,
        on_epoch,
    )
    save_model(fitted.model, work.folder / "model.keras")
    fitted.history.to_csv(work.folder / "history.csv", index=False)
    save(plot_history(fitted.history, fitted.best_epoch), work.folder / "learning-curves.png")
    best = fitted.history.iloc[fitted.best_epoch - 1]
    metrics = {
        "best_epoch": float(fitted.best_epoch),
        "epochs_run": float(len(fitted.history)),
        "best_val_accuracy": float(best["val_accuracy"]),
        "weights": float(fitted.model.count_params()),
        "training_seconds": float(fitted.history["seconds"].sum()),
    }
    markdown = (
        f"# Training: {wanted.model}\n\n{fitted.model.count_params():,} weights, "
        f"{len(fitted.history)} epochs; kept: epoch {fitted.best_epoch} with a validation accuracy "
        f"of {best['val_accuracy']:.3f}.\n\n{table(fitted.history)}\n"
    )
    return Summary(markdown, {"best_epoch": fitted.best_epoch}, metrics)


@stage(
    "baselines",
    key=lambda _dataset, split, seed: {"the split": split.digest, "seed": seed},
)
def run_baselines(work: Work, dataset: Dataset, split: StageOutput, seed: int) -> Summary:
    """Fit the classical methods to training and validation images, and test them."""
    drawn = Split.read(split / "split.csv")
    train, labels = _pixels(dataset, drawn, "train", "validation")
    test, truth = _pixels(dataset, drawn, "test")
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
    key=lambda _dataset, split, trained, baselines, wanted: {
        "the split": split.digest,
        "the fitted model": trained.digest,
        "the baselines": baselines.digest,
        "annotations": optional_digest(wanted.annotations, "annotations"),
    },
)
def evaluate_model(
    work: Work,
    dataset: Dataset,
    split: StageOutput,
    trained: StageOutput,
    baselines: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Test the model on images it has not seen, beside the baselines, with intervals."""
    from lfw.serving import load_model, predict

    drawn = Split.read(split / "split.csv")
    pixels, truth = _pixels(dataset, drawn, "test")
    paths = drawn.part("test")["image_path"].tolist()
    probabilities = predict(load_model(trained / "model.keras"), pixels)
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
    comparison = {wanted.model: scores["accuracy"], **against}
    save(plot_confusion(confusion), work.folder / "confusion.png")
    save(plot_calibration(calibration), work.folder / "calibration.png")
    save(plot_comparison(comparison, len(truth)), work.folder / "comparison.png")
    if len(mistakes):
        _draw_mistakes(dataset, mistakes.head(15), work.folder / "mistakes.png")
    compared, below, warnings = _compare(wanted.model, truth, answer, scores["accuracy"], baselines)
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
    for row in by_class:
        metrics |= {f"test_{m}/{row['name']}": row[m] for m in ("precision", "recall", "f1")}
    markdown = (
        f"# Test: {wanted.model}\n\n{len(truth)} test images of {len(drawn.classes)} people.\n\n"
        f"{table(compared)}\n\n## By person\n\n{table(per_class)}\n\n"
        f"## Confusion: true people in rows, answers in columns\n\n"
        f"{table(confusion.reset_index())}\n\n"
        f"## Calibration\n\nExpected error {calibration.expected_error:.3f}, Brier score "
        f"{calibration.brier:.3f}.\n\n## Surest mistakes\n\n{table(mistakes, limit=15)}\n\n"
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

    The second part names the baselines that it is below beyond chance.
    """
    answers = pd.read_csv(baselines / "answers.csv")
    rows = [(model, str(accuracy), "")]
    below, warnings = [], []
    for name, found in _scores(baselines).items():
        p = mcnemar(truth, answer, answers[name].to_numpy())
        rows.append((name, str(Score(**found["accuracy"])), f"{p:.3f}"))
        if accuracy.value < found["accuracy"]["value"]:
            if p < _EVEN:
                below.append(name)
            told = "beyond chance" if p < _EVEN else "but that may be chance"
            warnings.append(
                f"{model} ({accuracy.value:.3f}) is below the baseline {name} "
                f"({found['accuracy']['value']:.3f}) on the same test images, {told} "
                f"(McNemar's p = {p:.3f})."
            )
    columns = ["classifier", "accuracy", "p that it errs as often as the model (McNemar)"]
    return pd.DataFrame(rows, columns=columns), below, warnings


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
    save(plot_images(pixels, captions, "Surest mistakes: answer, and who it is"), path)
