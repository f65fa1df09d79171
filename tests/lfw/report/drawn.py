"""Reports of invented runs: every figure comes from the project's own measures on drawn answers."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import simplejpeg
from numpy.typing import NDArray

from lfw.bias import measure_bias
from lfw.evaluation import (
    calibrate,
    count_confusions,
    list_mistakes,
    mcnemar,
    score,
    score_classes,
)
from lfw.fetch import Dataset
from lfw.open_set import score_open_set
from lfw.report.content import (
    Audited,
    Data,
    Drawn,
    LearnedFrom,
    Mistake,
    Provenance,
    Report,
    Rival,
    StageRow,
    Tested,
    Trained,
)
from lfw.sources import Source

LONG = "Luiz_Inacio_Lula_da_Silva"
EVIL = "<script>alert(1)</script>"
PER_PERSON = 15


def names(count: int) -> tuple[str, ...]:
    return tuple(sorted([LONG, EVIL, *(f"Person_Number_{k}" for k in range(2, count))]))


def answers(count: int, sharpness: float = 6) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """True classes, and probabilities that are mostly right: the same every time."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(count), PER_PERSON)
    scores = rng.normal(size=(len(truth), count))
    scores[np.arange(len(truth)), truth] += sharpness
    probabilities = np.exp(1.5 * scores)
    return truth, probabilities / probabilities.sum(axis=1, keepdims=True)


def tested(count: int, pictures: int = 3) -> Tested:
    people = names(count)
    truth, probabilities = answers(count, 3.2)
    predicted = probabilities.argmax(axis=1)
    paths = [f"{people[k]}/{people[k]}_{n:04d}.jpg" for n, k in enumerate(truth)]
    wrong = list_mistakes(paths, truth, probabilities, people)
    jpeg = simplejpeg.encode_jpeg(np.full((250, 250, 3), 128, np.uint8), colorspace="RGB")
    mistakes = tuple(
        Mistake(**{str(k): v for k, v in row.items()}, jpeg=jpeg if n < pictures else None)
        for n, row in enumerate(wrong.to_dict("records"))
    )
    others = {"majority": np.zeros_like(truth), "hog_lda": answers(count, 2.6)[1].argmax(axis=1)}
    rivals = [Rival(n, score(truth, o), mcnemar(truth, predicted, o)) for n, o in others.items()]
    strange = np.random.default_rng(1).dirichlet(np.full(count, 0.3), 400)
    return Tested(
        images=len(truth),
        scores=score(truth, predicted),
        rivals=tuple(rivals),
        per_class=score_classes(truth, predicted, people),
        confusion=count_confusions(truth, predicted, people),
        mistakes=mistakes,
        mistakes_in_all=len(wrong),
        calibration=calibrate(truth, probabilities),
        strangers=score_open_set(truth, probabilities, strange, 0.97),
    )


def data() -> Data:
    people = pd.DataFrame({"name": names(200), "images": [1] * 140 + [2] * 40 + [15] * 19 + [530]})
    bias = measure_bias(people)
    digest = "0123456789abcdef" * 4
    source = Source("archive", "/data/lfw & friends.zip")
    dataset = Dataset(
        "/data/lfw",
        "/data/lfw/images",
        source,
        "photographs",
        digest,
        "as published",
        *(digest, digest, digest),
    )
    return Data(
        dataset=dataset,
        people=bias.people,
        images=bias.images,
        size=123_456_789,
        stray=("notes <old>.txt",),
        gini=bias.gini,
        distribution=bias.distribution,
        most_photographed=bias.most_photographed,
        people_dropped=194,
        images_dropped=1000,
    )


def heads() -> pd.DataFrame:
    rows = [("LDA", 0.9876, 0.0543), ("linear SVM", 0.9765, 0.0654)]
    return pd.DataFrame(rows, columns=["head", "validation_accuracy", "validation_loss"])


def history(epochs: int) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "accuracy": 1 - 0.8 / epoch,
            "loss": 2 / epoch,
            "val_accuracy": 1 - 0.9 / epoch,
            "val_loss": 2.2 / epoch,
            "seconds": 1.5,
        }
    )


def drawn(count: int) -> Drawn:
    counts = pd.DataFrame({"name": names(count), "available": 530, "train": 48})
    counts = counts.assign(validation=12, test=PER_PERSON)
    strangers = {"head": 1000, "validation": 999, "test": 998}
    return Drawn(counts, "5" * 64, 1550, strangers)


def learned_from() -> LearnedFrom:
    card = {"label": "without those of 20 images or more", "seed": 0, "epochs": 30}
    card |= {"network_sha256": "6" * 64, "cohort_digest": "7" * 64}
    return LearnedFrom("lfw-embedding", "3", card, 1550, 5849, 96, 240)


def provenance() -> Provenance:
    made, kept = "a" * 32, "b" * 32
    return Provenance(
        flow_run="11111111-2222-3333-4444-555555555555",
        flow_run_url="http://127.0.0.1:4200/runs/flow-run/11111111-2222-3333-4444-555555555555",
        mlflow_run=made,
        mlflow_run_url=f"http://127.0.0.1:5000/#/experiments/1/runs/{made}",
        model="lfw-faces version 7",
        model_url="http://127.0.0.1:5000/#/models/lfw-faces/versions/7",
        aliases=("champion",),
        alias_reason="The first version.",
        code_digest="8" * 64,
        command="uv run lfw train --source '/data/lfw & friends.zip' --seed 0",
        parameters={"people": "None", "seed": "0"},
        libraries={"Python": "3.11.7", "numpy": "2.4.0"},
        stages=(
            StageRow("train", False, 12.3, "changed since the last run: seed (0 → 1)", made),
            StageRow("baselines", True, 0.1, "unchanged", kept),
        ),
    )


@cache
def report(count: int = 6) -> Report:
    """A run on photographs, with a head on an embedding."""
    return Report(
        made="2026-11-23 20:00 UTC",
        model="embedding",
        selection=f"top {count}",
        seed=0,
        outside_data=False,
        tested=tested(count),
        data=data(),
        audited=Audited(
            images=1210,
            gate="warn",
            problems={"damaged": 2},
            details=("A/A_0001.jpg: damaged (cut <short>)",),
            unusable=("A/A_0001.jpg", "B/B_0001.jpg"),
            list_problems=0,
            same_photos=pd.DataFrame({"first": ["A"], "second": ["B"], "similarity": [0.987]}),
            byte_identical=1,
            errata=None,
        ),
        drawn=drawn(count),
        trained=Trained(weights=2_900_123, embedding=learned_from(), heads=heads()),
        provenance=provenance(),
        warnings=("A warning that names <i>nobody</i>.",),
    )


def synthetic(whole: Report) -> Report:
    """The same run on drawn faces."""
    dataset = replace(whole.data.dataset, kind="synthetic", source=Source("sample", "sample"))
    return replace(whole, data=replace(whole.data, dataset=dataset))


def with_curves(whole: Report, epochs: int = 30) -> Report:
    """The same run with a network that learned epoch by epoch."""
    layers = (("conv2d", "Conv2D", "filters 32, kernel size 3×3"),)  # noqa: RUF001
    trained = Trained(weights=120, layers=layers, history=history(epochs), best_epoch=epochs)
    return replace(whole, model="compact", trained=trained)
