"""What a training run's report tells, gathered from what its stages left."""

import importlib.metadata
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient

from lfw.catalog import Catalog
from lfw.embedding.cohort import TRAIN, VALIDATION
from lfw.embedding.store import read_embedding
from lfw.evaluation import Calibration, Score, mcnemar
from lfw.fetch import Dataset
from lfw.open_set import ROLES, OpenSet
from lfw.parameters import OUTSIDE_DATA, TrainParameters
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
from lfw.report.layers import read_layers
from lfw.report.page import MOST_LISTED
from lfw.report.pictures import read_jpegs
from lfw.split import PARTS, Split
from tasks.embedding import EMBEDDING_NAME
from tasks.packaging import pinned
from tasks.runs import Run
from tasks.splitting import read_strangers
from tasks.stages import StageOutput
from tasks.tracking import model_url, run_url

_PICTURES = 24
_MORE_LIBRARIES = ("mlflow", "prefect", "scikit-learn", "scikit-image")

Outputs = Mapping[str, StageOutput]


def gather(run: Run, wanted: TrainParameters) -> Report:
    """Gather a training run's report.

    Parameters
    ----------
    run
        The run, all of whose stages but this one are over.
    wanted
        What it was asked to do.
    """
    outputs = run.outputs
    return Report(
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        model=wanted.model,
        selection=wanted.label.replace(" x ", " \N{MULTIPLICATION SIGN} "),
        seed=wanted.seed,
        outside_data=wanted.model in OUTSIDE_DATA,
        tested=_tested(outputs, run.dataset),
        data=_data(outputs, run.dataset),
        audited=_audited(outputs, wanted),
        drawn=_drawn(outputs),
        trained=_trained(outputs),
        provenance=_provenance(run, wanted),
        warnings=tuple(run.warnings),
    )


def _read(path: Path, **options: Any) -> pd.DataFrame:
    """Read a stage's CSV; nothing in it is taken for a missing value but empty figures."""
    frame: pd.DataFrame = pd.read_csv(path, keep_default_na=False, **options)
    return frame


def _scores(plain: Mapping[str, Mapping[str, float]]) -> dict[str, Score]:
    return {name: Score(**found) for name, found in plain.items()}


def _tested(outputs: Outputs, dataset: Dataset) -> Tested:
    evaluation = outputs["evaluate"]
    bins = _read(evaluation / "calibration.csv")
    confusion = _read(evaluation / "confusion.csv", dtype={"truth": str}).set_index("truth")
    return Tested(
        images=int(confusion.to_numpy().sum()),
        scores=_scores(evaluation.facts["scores"]),
        rivals=_rivals(evaluation, outputs["baselines"], confusion.columns.tolist()),
        per_class=pd.DataFrame(evaluation.facts["per_class"]),
        confusion=confusion,
        mistakes=_mistakes(evaluation, dataset),
        mistakes_in_all=evaluation.facts["mistakes"],
        calibration=Calibration(**evaluation.facts["calibration"], bins=bins),
        strangers=_strangers(outputs["open-set"]),
        groups=_groups(evaluation),
    )


def _rivals(
    evaluation: StageOutput, baselines: StageOutput, classes: list[str]
) -> tuple[Rival, ...]:
    """Set the baselines beside the model, image by image."""
    own = _read(evaluation / "answers.csv", usecols=["truth", "answer"], dtype=str)
    numbers = {name: k for k, name in enumerate(classes)}
    truth, answer = (np.array([numbers[n] for n in own[c]]) for c in ("truth", "answer"))
    theirs = _read(baselines / "answers.csv")
    return tuple(
        Rival(name, _scores(scores), mcnemar(truth, answer, theirs[name].to_numpy()))
        for name, scores in baselines.facts["scores"].items()
    )


def _mistakes(evaluation: StageOutput, dataset: Dataset) -> tuple[Mistake, ...]:
    text = dict.fromkeys(("image_path", "truth", "answer"), str)
    rows = _read(evaluation / "mistakes.csv", dtype=text).head(MOST_LISTED)
    paths = rows["image_path"].head(_PICTURES).tolist()
    pictures: list[bytes | None] = [*read_jpegs(Path(dataset.image_folder), paths)]
    pictures += [None] * (len(rows) - len(paths))
    records = rows.to_dict("records")
    return tuple(
        Mistake(**{str(k): v for k, v in row.items()}, jpeg=jpeg)
        for row, jpeg in zip(records, pictures, strict=True)
    )


def _strangers(open_set: StageOutput) -> OpenSet | None:
    if open_set.facts["threshold"] is None:
        return None
    return OpenSet(**open_set.facts, curve=_read(open_set / "open-set.csv"))


def _groups(output: StageOutput) -> pd.DataFrame | None:
    """Read figures by annotated group, where annotations were given."""
    if "groups.csv" not in output.files:
        return None
    figures = {name: [""] for name in ("accuracy", "low", "high")}
    text = dict.fromkeys(("attribute", "group", "note"), str)
    return _read(output / "groups.csv", na_values=figures, dtype=text)


def _data(outputs: Outputs, dataset: Dataset) -> Data:
    fetched, bias = outputs["fetch-and-unpack"], outputs["bias-report"]
    figures = bias.summary.metrics
    return Data(
        dataset=dataset,
        people=bias.facts["people"],
        images=bias.facts["images"],
        size=fetched.facts["bytes"],
        stray=tuple(fetched.facts["stray"]),
        gini=figures["gini"],
        distribution=_read(bias / "distribution.csv", dtype={"images": str}),
        most_photographed=_read(bias / "most-photographed.csv", dtype={"name": str}),
        people_dropped=int(figures["selection_people_dropped"]),
        images_dropped=int(figures["selection_images_dropped"]),
        groups=_groups(bias),
    )


def _audited(outputs: Outputs, wanted: TrainParameters) -> Audited:
    audit, facts = outputs["resolution-audit"], outputs["resolution-audit"].facts
    return Audited(
        images=facts["images"],
        gate=wanted.audit_gate,
        problems=facts["problems"],
        details=tuple(facts["details"]),
        unusable=tuple(facts["unusable"]),
        list_problems=outputs["read-lists"].facts["problems"],
        same_photos=_read(audit / "same-photos.csv", dtype={"first": str, "second": str}),
        byte_identical=facts["byte_identical"],
        errata=facts["errata"],
    )


def _drawn(outputs: Outputs) -> Drawn:
    split = outputs["stratified-split"]
    rows = Split.read(split / "split.csv").rows
    counts = rows.pivot_table(
        index="name", columns="part", values="sha256", aggfunc="count", fill_value=0
    )[list(PARTS)]
    people = Catalog.read(outputs["read-lists"].folder).people.set_index("name")["images"]
    counts.insert(0, "available", people.loc[counts.index].astype(int))
    return Drawn(
        counts=counts.reset_index().rename_axis(columns=None),
        digest=split.facts["digest"],
        embedding_saw=outputs["find-embedding"].facts.get("people_seen"),
        strangers={role: read_strangers(split, role)["name"].nunique() for role in ROLES},
    )


def _trained(outputs: Outputs) -> Trained:
    trained, embedding = outputs["train"], outputs["find-embedding"]
    scratch = trained.facts["best_epoch"] is not None  # else it is a head on something larger
    history = trained / "history.csv"
    return Trained(
        weights=int(trained.summary.metrics["weights"]),
        embedding=learned_from(embedding) if embedding.facts else None,
        heads=_read(trained / "heads.csv") if "heads.csv" in trained.files else None,
        layers=read_layers(trained / "model.keras") if scratch else (),
        history=_read(history) if "history.csv" in trained.files else pd.DataFrame(),
        best_epoch=trained.facts["best_epoch"],
    )


def learned_from(embedding: StageOutput) -> LearnedFrom:
    """Say whom the embedding in a stage's folder was learned from, by its manifest and card."""
    learned = read_embedding(embedding.folder)
    seen, watched = learned.cohort.role(TRAIN), learned.cohort.role(VALIDATION)
    return LearnedFrom(
        name=EMBEDDING_NAME,
        version=embedding.facts["version"],
        card=learned.card,
        people=seen["name"].nunique(),
        images=len(seen),
        watched_people=watched["name"].nunique(),
        watched_images=len(watched),
    )


def _provenance(run: Run, wanted: TrainParameters) -> Provenance:
    registered, embedding = run.outputs["register"], run.outputs["find-embedding"]
    name, number = registered.facts["name"], registered.facts["version"]
    client = MlflowClient()
    version, tags = client.get_model_version(name, number), client.get_run(run.run_id).data.tags
    return Provenance(
        flow_run=tags["prefect.flow_run_id"],
        flow_run_url=tags["prefect.flow_run_url"],
        mlflow_run=run.run_id,
        mlflow_run_url=run_url(run.data_folder, run.run_id),
        model=f"{name} version {number}",
        model_url=model_url(run.data_folder, name, number),
        aliases=tuple(sorted(version.aliases)),
        alias_reason=version.tags.get("alias_reason", ""),
        code_digest=version.tags["source_digest"],
        command=command(wanted, run.dataset, embedding.facts.get("version")),
        parameters={key: str(value) for key, value in wanted.model_dump(mode="json").items()},
        libraries=_libraries(wanted.model),
        stages=tuple(
            StageRow(r.name, r.reused, r.seconds, r.why, run.outputs[r.name].run_id)
            for r in run.records
        ),
    )


def _libraries(model: str) -> dict[str, str]:
    named = dict(text.split("==") for text in pinned(model))
    named |= {name: importlib.metadata.version(name) for name in _MORE_LIBRARIES}
    return {"Python": platform.python_version(), **dict(sorted(named.items()))}


@dataclass(frozen=True)
class _Flag:
    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"--{self.name.replace('_', '-')} {shlex.join(self.values)}"


def command(wanted: TrainParameters, dataset: Dataset, embedding: str | None) -> str:
    """Give the command that repeats a run: its very source and embedding, whatever chose them.

    Parameters
    ----------
    wanted
        What the run was asked to do.
    dataset
        What it ran on.
    embedding
        The version that it took, if any.
    """
    default = TrainParameters().model_dump(mode="json")
    asked = wanted.model_dump(mode="json") | {"source": _source(dataset)}
    if embedding is not None:
        asked["embedding"] = embedding
    flags = [
        _Flag(name, tuple(map(str, value)) if isinstance(value, list) else (str(value),))
        for name, value in asked.items()
        if value != default[name]
    ]
    return " ".join(["uv run lfw train", *map(str, flags)])


def _source(dataset: Dataset) -> str:
    source = dataset.source
    if source.kind in {"sample", "kaggle"}:
        return source.kind
    checked = source.kind in {"archive", "url"} and dataset.archive_sha256
    return f"{source.location}#sha256={dataset.archive_sha256}" if checked else source.location
