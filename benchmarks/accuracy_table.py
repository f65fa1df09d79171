"""The tables of accuracy: models by protocols, gains, and what strangers are answered."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.contest import Result, Taken
from lfw.comparison import Gain, corrected_t, holm
from lfw.errors import InputError
from lfw.parameters import OUTSIDE_DATA

PROTOCOLS: dict[str, dict[str, Any]] = {
    "6x75": {"top": 6, "images_per_person": 75},
    "6 all": {"top": 6, "images_per_person": "all"},
    "7 all": {"min_images": 70, "images_per_person": "all"},
    "12x50": {"top": 12, "images_per_person": 50},
    "62 all": {"min_images": 20, "images_per_person": "all"},
}
_WORDS = {
    "6x75": "the 6 most photographed × 75",  # noqa: RUF001
    "6 all": "the 6, all 1,217 images",
    "7 all": "the 7 with 70 or more, all 1,288",
    "12x50": "the 12 most photographed × 50",  # noqa: RUF001
    "62 all": "the 62 with 20 or more, all 3,023",
}
MODELS = {
    "eigenfaces_svm": "eigenfaces + SVM",
    "hog_lda": "HOG + LDA",
    "hog": "`hog`",
    "notebook": "`notebook`",
    "compact": "`compact`",
    "embedding": "`embedding`",
    "dlib": "`dlib`: OUTSIDE DATA",
    "imagenet": "`imagenet`: OUTSIDE DATA",
}
SHALLOW = ("eigenfaces_svm", "hog_lda", "hog")
"""What a network has to beat: the baselines, and the model that chooses its head on validation."""

_NOT_MEASURED = "–"  # noqa: RUF001


def result_of(
    rows: pd.DataFrame, command: str, setting: Mapping[str, object], name: str = "accuracy"
) -> Result:
    """Put a result together that is kept, and shown by its own tables.

    Parameters
    ----------
    rows
        One row a split: ``protocol``, ``model``, ``seed``, ``accuracy``, ``macro_f1``,
        ``test_images``, ``train_images``; ``identified``, ``accepted`` and ``identified_at_far``
        where strangers were asked about, else missing.
    command
        How to measure it again.
    setting
        What it rests on.
    name
        What it is kept by.
    """
    taken: Taken = {}
    for (protocol, model), group in _groups(rows).items():
        marked = f"{model} (outside data)" if model in OUTSIDE_DATA else model
        for figure in ("accuracy", "macro_f1", "identified", "accepted", "identified_at_far"):
            values = group.sort_values("seed")[figure].dropna().tolist()
            if values:
                taken[f"{protocol}, {marked}: {figure}"] = values
    return Result(name, command, [], taken, dict(setting), tables(rows))


def tables(rows: pd.DataFrame) -> str:
    """Write all tables, in Markdown."""
    return "\n\n".join(
        [
            "Test accuracy, mean (standard deviation over splits):",
            _by_model(rows, "accuracy"),
            "Macro F1, likewise:",
            _by_model(rows, "macro_f1"),
            "Gains in accuracy, split by split (p-values of a column corrected for their number by "
            "Holm's procedure):",
            _gains(rows),
            "Strangers, likewise, with `embedding`:",
            _strangers(rows[rows["model"] == "embedding"]),
        ]
    )


def check_whole(rows: pd.DataFrame, seeds: int, models: Sequence[str] = ()) -> None:
    """See that all models were measured, and whatever was under a protocol was so on all splits.

    Raises
    ------
    InputError
        Naming those that were not.
    """
    missing = [model for model in models if not (rows["model"] == model).any()]
    if missing:
        raise InputError(
            f"{', '.join(missing)}: not measured with the code at hand under any protocol: measure "
            "them first, or name the models that are to be in the table by --models."
        )
    counts = {key: group["seed"].nunique() for key, group in _groups(rows).items()}
    short = {key: count for key, count in counts.items() if count < seeds}
    if short:
        said = ", ".join(f"{model} under {protocol}: {n}" for (protocol, model), n in short.items())
        raise InputError(f"not all of {seeds} splits were measured ({said}): measure them first.")


def _groups(rows: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    return {(str(p), str(m)): group for (p, m), group in rows.groupby(["protocol", "model"])}


def _measured(rows: pd.DataFrame) -> list[str]:
    return [protocol for protocol in PROTOCOLS if (rows["protocol"] == protocol).any()]


def _by_model(rows: pd.DataFrame, figure: str) -> str:
    groups = _groups(rows)
    models = [model for model in MODELS if (rows["model"] == model).any()]

    def cell(protocol: str, model: str) -> str:
        group = groups.get((protocol, model))
        return _NOT_MEASURED if group is None else _spread(group[figure])

    head = ["people × images", *(MODELS[model] for model in models)]  # noqa: RUF001
    body = [[_WORDS[p], *(cell(p, model) for model in models)] for p in _measured(rows)]
    return markdown(head, body)


def _gains(rows: pd.DataFrame) -> str:
    head = ["people × images", "the best shallow method", "`embedding` on it"]  # noqa: RUF001
    parts = [rows[rows["protocol"] == protocol] for protocol in _measured(rows)]
    best = [best_shallow(inside) for inside in parts]
    columns = [
        _column(
            [against(inside, "embedding", name) for inside, name in zip(parts, best, strict=True)]
        ),
        _column([against(inside, "compact", "eigenfaces_svm") for inside in parts]),
        _column(
            [against(inside, "compact", name) for inside, name in zip(parts, best, strict=True)]
        ),
    ]
    named = [MODELS[name] if name else _NOT_MEASURED for name in best]
    words = [_WORDS[protocol] for protocol in _measured(rows)]
    body = [list(row) for row in zip(words, named, *columns, strict=True)]
    return markdown([*head, "`compact` on eigenfaces + SVM", "`compact` on the best"], body)


def _column(gains: list[Gain | None]) -> list[str]:
    """Write gains, one a protocol, with p-values corrected for their number."""
    corrected = holm([gain.p if gain else None for gain in gains])
    return [_said(gain, p) for gain, p in zip(gains, corrected, strict=True)]


def _said(gain: Gain | None, p: float | None) -> str:
    if gain is None:
        return _NOT_MEASURED
    said = f"{gain.mean:+.3f}, above on {gain.above} of {gain.splits}"
    if p is None:
        return said
    return f"{said}, {'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}"


def best_shallow(inside: pd.DataFrame) -> str | None:
    """Name the shallow method of the highest mean accuracy within one protocol."""
    means = inside[inside["model"].isin(SHALLOW)].groupby("model")["accuracy"].mean()
    return str(means.idxmax()) if len(means) else None


def against(inside: pd.DataFrame, model: str, other: str | None) -> Gain | None:
    """Compare two models split by split (:func:`lfw.comparison.corrected_t`), if both are there."""
    columns = ["seed", "accuracy", "test_images", "train_images"]
    ours, theirs = (inside[inside["model"] == name][columns] for name in (model, other))
    joined = ours.merge(theirs, on="seed", suffixes=("", "_other"))
    if len(joined) < 2:
        return None
    overlap = float((joined["test_images"] / joined["train_images"]).mean())
    return corrected_t(joined["accuracy"] - joined["accuracy_other"], overlap)


def _strangers(rows: pd.DataFrame) -> str:
    head = [
        "people × images",  # noqa: RUF001
        "known test images given their right name",
        "strangers given a name",
        "identified at 1 % false accepts",
    ]
    groups = _groups(rows.dropna(subset=["identified"]))
    figures = ("identified", "accepted", "identified_at_far")
    body = [
        [_WORDS[protocol], *(_spread(groups[protocol, "embedding"][name]) for name in figures)]
        for protocol in PROTOCOLS
        if (protocol, "embedding") in groups
    ]
    return markdown(head, body)


def _spread(values: "pd.Series[float]") -> str:
    return f"{values.mean():.3f} ({values.std(ddof=1):.3f})"


def markdown(head: list[str], body: list[list[str]]) -> str:
    """Write a table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))
