"""Stage 7: the fit of a classifier, by name."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.digest import code_digests, value_digest
from lfw.embedding.store import read_embedding
from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures import plot_history, plot_pretraining
from lfw.images import read_many
from lfw.parameters import TrainParameters
from lfw.split import Split
from lfw.strategies import strategy_of
from lfw.vector_names import name_of_features
from tasks.answering import HEAD
from tasks.embedding import vectors_by, vectors_through
from tasks.markdown import table
from tasks.splitting import read_pixels, read_strangers
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.tracking import log_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lfw.features import FeatureClassifier
    from lfw.heads import Chosen
    from lfw.serving import Classifier

Vectors = NDArray[np.float32]

_COMPONENTS_HOG = 200
_CODE = {"embedding": ["lfw.embedding.classifying"], "hog": ["lfw.features", "lfw.heads"]}
_CODE["dlib"] = [*_CODE["hog"], "lfw.dlib_faces"]
_CODE["imagenet"] = [*_CODE["hog"], "lfw.imagenet"]


@dataclass(frozen=True)
class _Fitted:
    """A classifier, and what there is to say of how it came about."""

    model: "Classifier"
    said: str
    metrics: dict[str, float]
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int | None = None
    head: pd.DataFrame | None = None
    on_vectors: "FeatureClassifier | None" = None


def model_code(model: str) -> list[str]:
    """Give the modules that a model rests on."""
    return _CODE.get(model, [f"lfw.networks.{model}"])


def _code_digest(wanted: TrainParameters) -> str:
    return value_digest(code_digests(model_code(wanted.model)))


@stage(
    "train",
    key=lambda _dataset, split, embedding, wanted: {
        "the split": split.digest,
        "the embedding": embedding.digest,
        "model": wanted.model,
        "epochs": wanted.epochs,
        "seed": wanted.seed,
        "strategy": wanted.strategy,
        "the model's code": _code_digest(wanted),
    },
)
def train_model(
    work: Work,
    dataset: Dataset,
    split: StageOutput,
    embedding: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Fit the classifier by name, streaming the figures of every epoch that it makes."""
    from lfw.serving import count_weights, save_model, weights_digest

    drawn = Split.read(split / "split.csv")
    fitted = _FITS.get(wanted.model, _fit_network)(work, dataset, drawn, split, embedding, wanted)
    save_model(fitted.model, work.folder)
    # A saved model's bytes differ from fit to fit (dates, ids): this says whether it is the same.
    fingerprint = {"weights": weights_digest(fitted.model), "code": _code_digest(wanted)}
    (work.folder / "fingerprint.json").write_text(json.dumps(fingerprint), encoding="utf-8")
    if fitted.on_vectors is not None:
        fitted.on_vectors.save(work.folder / HEAD)
    weights = count_weights(fitted.model)
    if fitted.head is not None:
        fitted.head.to_csv(work.folder / "heads.csv", index=False)
    if len(fitted.history):
        fitted.history.to_csv(work.folder / "history.csv", index=False)
        save(_draw(fitted), work.folder / "learning-curves.png")
    return Summary(
        f"# Training: {wanted.model}\n\n{weights:,} weights. {fitted.said}\n\n"
        f"{'' if fitted.head is None else table(fitted.head)}\n\n"
        f"{table(fitted.history) if len(fitted.history) else 'No passes over the images.'}\n",
        {"best_epoch": fitted.best_epoch},
        {**fitted.metrics, "weights": float(weights)},
    )


def _draw(fitted: _Fitted) -> "Figure":
    if fitted.best_epoch is None:
        return plot_pretraining(fitted.history)
    return plot_history(fitted.history, fitted.best_epoch)


def _fit_network(
    work: Work,
    dataset: Dataset,
    drawn: Split,
    _split: StageOutput,
    _embedding: StageOutput,
    wanted: TrainParameters,
) -> _Fitted:
    """Fit a network from scratch."""
    from lfw.training import fit

    fitted = fit(
        wanted.model,
        read_pixels(dataset, drawn, "train"),
        read_pixels(dataset, drawn, "validation"),
        len(drawn.classes),
        wanted.seed,
        wanted.epochs,
        streamed(work),
        strategy_of(wanted.strategy),
    )
    best = fitted.history.iloc[fitted.best_epoch - 1]
    said = (
        f"{len(fitted.history)} epochs; kept: epoch {fitted.best_epoch} with a validation accuracy "
        f"of {best['val_accuracy']:.3f}."
    )
    metrics = {
        "best_epoch": float(fitted.best_epoch),
        "epochs_run": float(len(fitted.history)),
        "best_val_accuracy": float(best["val_accuracy"]),
        "training_seconds": float(fitted.history["seconds"].sum()),
    }
    return _Fitted(fitted.model, said, metrics, fitted.history, fitted.best_epoch)


def _fit_hog(
    _work: Work,
    dataset: Dataset,
    drawn: Split,
    split: StageOutput,
    _embedding: StageOutput,
    _wanted: TrainParameters,
) -> _Fitted:
    """Choose a head on the principal components of oriented gradients."""
    from lfw.features import FEATURES, FeatureClassifier
    from lfw.heads import choose_head
    from lfw.strangers import Strangers

    parts = [read_pixels(dataset, drawn, part) for part in ("train", "validation")]
    train, validation = [(FEATURES["hog"](pixels), labels) for pixels, labels in parts]
    rows = read_strangers(split, "head").drop_duplicates("name")
    pixels = read_many(Path(dataset.image_folder), rows["image_path"].tolist())
    strangers = Strangers.of(FEATURES["hog"](pixels), rows["name"].tolist())
    chosen = choose_head(train, validation, strangers, _COMPONENTS_HOG)
    model = FeatureClassifier("hog", chosen.head)
    return _Fitted(model, _said(chosen), _head_metrics(chosen), head=chosen.candidates)


def _fit_outside(
    work: Work,
    dataset: Dataset,
    drawn: Split,
    split: StageOutput,
    _embedding: StageOutput,
    wanted: TrainParameters,
) -> _Fitted:
    """Choose a head on the features of a network that learned from outside data."""
    from lfw.features import FEATURES, FeatureClassifier
    from lfw.heads import choose_head
    from lfw.strangers import Strangers

    name = wanted.model

    def measured(rows: pd.DataFrame) -> Vectors:
        return vectors_by(
            name_of_features(name), FEATURES[name], dataset, rows, work.report("images")
        )

    train, validation = [
        (measured(drawn.part(part)), np.array(drawn.labels(part)))
        for part in ("train", "validation")
    ]
    rows = read_strangers(split, "head").drop_duplicates("name")  # some take long an image
    strangers = Strangers.of(measured(rows), rows["name"].tolist())
    chosen = choose_head(train, validation, strangers)
    model = FeatureClassifier(name, chosen.head)
    return _Fitted(model, _said(chosen), _head_metrics(chosen), head=chosen.candidates)


def _fit_embedding(
    work: Work,
    dataset: Dataset,
    drawn: Split,
    split: StageOutput,
    embedding: StageOutput,
    wanted: TrainParameters,
) -> _Fitted:
    """Choose a head on the embedding asked for, and fine-tune if epochs are asked for."""
    from lfw.embedding.classifying import classify, fine_tune
    from lfw.features import FeatureClassifier
    from lfw.strangers import Strangers

    learned = read_embedding(embedding.folder)

    def measured(rows: pd.DataFrame) -> Vectors:
        return vectors_through(learned, dataset, rows, work.report("images"))

    train, validation = [
        (measured(drawn.part(part)), np.array(drawn.labels(part)))
        for part in ("train", "validation")
    ]
    rows = read_strangers(split, "head")
    names = rows["name"].tolist()
    strangers = Strangers.of(measured(rows), names)
    found = classify(learned.network, train, validation, strangers, learned.spread)
    if wanted.epochs is not None:
        paths = rows["image_path"].tolist()
        found = fine_tune(
            found,
            read_pixels(dataset, drawn, "train"),
            read_pixels(dataset, drawn, "validation"),
            (read_many(Path(dataset.image_folder), paths), names),
            wanted.epochs,
            wanted.seed,
            streamed(work),
        )
    said = f"{_said(found.chosen)} The embedding saw {len(learned.cohort.seen):,} other people."
    if wanted.epochs is not None:
        kept = "kept" if found.tuned else "no better on validation: left aside"
        said += f" Fine-tuned for {wanted.epochs} epochs: {kept}."
    metrics = _head_metrics(found.chosen)
    if len(found.history):
        metrics |= {"training_seconds": float(found.history["seconds"].sum())}
        metrics |= {"fine_tuned": float(found.tuned)}
    on_vectors = None if found.tuned else FeatureClassifier("embedding", found.chosen.head)
    return _Fitted(
        found.model,
        said,
        metrics,
        found.history,
        head=found.chosen.candidates,
        on_vectors=on_vectors,
    )


_Fit = Callable[[Work, Dataset, Split, StageOutput, StageOutput, TrainParameters], _Fitted]

_FITS: dict[str, _Fit] = {
    "hog": _fit_hog,
    "dlib": _fit_outside,
    "imagenet": _fit_outside,
    "embedding": _fit_embedding,
}


def _said(chosen: "Chosen") -> str:
    best = chosen.candidates.iloc[0]
    return (
        f"Head: {best['head']}, chosen of {len(chosen.candidates)} on the validation part "
        f"(accuracy {best['validation_accuracy']:.3f}), then fitted to training and validation "
        "images."
    )


def _head_metrics(chosen: "Chosen") -> dict[str, float]:
    best = chosen.candidates.iloc[0]
    return {
        "best_val_accuracy": float(best["validation_accuracy"]),
        "best_val_loss": float(best["validation_loss"]),
    }


def streamed(work: Work) -> Callable[[int, int, dict[str, float]], None]:
    """Log the figures of every epoch while they come, and show how far the fit is."""
    show = work.report("epochs")

    def on_epoch(epoch: int, epochs: int, figures: dict[str, float]) -> None:
        log_figures(work.run_id, figures, step=epoch)
        if show is not None:
            show(epoch, epochs)

    return on_epoch
