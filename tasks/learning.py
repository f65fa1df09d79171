"""Stages 6 and 7: the split and the fit."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.catalog import Catalog
from lfw.digest import code_digests, value_digest
from lfw.fetch import Dataset
from lfw.figures import (
    plot_history,
    plot_split,
    save,
)
from lfw.images import read_many
from lfw.parameters import SELECTION, TrainParameters
from lfw.split import PARTS, Split, check_leaks, draw_split, sample_images, select_people
from tasks.data import read_image_files
from tasks.markdown import table
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.tracking import log_figures

_SPLIT_PARAMETERS = {*SELECTION, "seed", "test_share", "validation_share"}


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


def read_pixels(
    dataset: Dataset, split: Split, *parts: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode the images of some parts, and give their class numbers beside them."""
    paths = [path for part in parts for path in split.part(part)["image_path"]]
    labels = [label for part in parts for label in split.labels(part)]
    return read_many(Path(dataset.image_folder), paths), np.array(labels, dtype=np.int64)


def _network_digest(wanted: TrainParameters) -> str:
    return value_digest(code_digests([f"lfw.networks.{wanted.model}"]))


@stage(
    "train",
    key=lambda _dataset, split, wanted: {
        "the split": split.digest,
        "model": wanted.model,
        "epochs": wanted.epochs,
        "seed": wanted.seed,
        "the network's code": _network_digest(wanted),
    },
)
def train_model(
    work: Work, dataset: Dataset, split: StageOutput, wanted: TrainParameters
) -> Summary:
    """Fit the network by name, streaming its figures epoch by epoch."""
    from lfw.serving import save_model, weights_digest
    from lfw.training import fit

    drawn = Split.read(split / "split.csv")
    show = work.report("epochs")

    def on_epoch(epoch: int, epochs: int, figures: dict[str, float]) -> None:
        log_figures(work.run_id, figures, step=epoch)
        if show is not None:
            show(epoch, epochs)

    fitted = fit(
        wanted.model,
        read_pixels(dataset, drawn, "train"),
        read_pixels(dataset, drawn, "validation"),
        len(drawn.classes),
        wanted.seed,
        wanted.epochs,
        on_epoch,
    )
    save_model(fitted.model, work.folder / "model.keras")
    # A saved model's bytes differ from fit to fit (dates, ids): this says whether it is the same.
    fingerprint = {"weights": weights_digest(fitted.model), "network": _network_digest(wanted)}
    (work.folder / "fingerprint.json").write_text(json.dumps(fingerprint), encoding="utf-8")
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
