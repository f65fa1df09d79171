"""Test accuracy and macro F1 of models under five protocols, over ten splits.

    python -m benchmarks.accuracy                       # all without outside data: hours, two cores
    python -m benchmarks.accuracy --models embedding,hog_lda --protocols 6x75
    python -m benchmarks.accuracy --table               # print what is known of this code and data
    python -m benchmarks.accuracy --table --keep benchmarks/results     # and keep it for the pages

Every figure is kept in ``<data>/benchmarks/accuracy.json`` with a digest of the split, the
code and the embedding that it rests on, and measured again only when that changed. The seeds of the
table are 0 to 9. Choices (of networks, heads, sizes) were made with other seeds, on validation
parts, and on pairs of people outside every selection. Strangers are asked about where a head was
learned with some.
"""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.accuracy_asked import arguments, command_of, name_of
from benchmarks.accuracy_table import PROTOCOLS, check_whole, result_of
from benchmarks.contest import finish
from lfw.audit import audit_images, read_thumbnail
from lfw.baselines import BASELINES, predict_baseline
from lfw.catalog import expand_paths, read_catalog
from lfw.digest import code_digests, value_digest
from lfw.embedding.cohort import check_unseen
from lfw.embedding.store import Embedding, read_embedding
from lfw.embedding.vectors import vectors_of
from lfw.errors import InputError
from lfw.evaluation import score
from lfw.fetch import fetch
from lfw.files import write_text
from lfw.images import read_grey, read_many
from lfw.open_set import ROLES, draw_strangers, score_open_set, set_threshold
from lfw.parameters import OUTSIDE_DATA, TrainParameters
from lfw.same_photo import find_same_photos
from lfw.settings import data_folder
from lfw.sources import choose_source
from lfw.split import Split, draw_split, sample_images, select_people
from lfw.spread import Spread
from lfw.vector_names import name_of_embedding, name_of_features

_FEATURES = ("hog", "dlib", "imagenet")
_OPEN = ("embedding", "hog")
"""Models that are asked about strangers, too; what `dlib` measures takes a third of a second an
image."""

Labels = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Answer:
    """Class numbers for the test part; rates with strangers, missing where none were asked about.

    The rates are those of :class:`lfw.open_set.OpenSet`.
    """

    labels: Labels
    identified: float = math.nan
    accepted: float = math.nan
    identified_at_far: float = math.nan


@dataclass(frozen=True)
class Data:
    """The data set at hand: images, people, and the pairs that show one photograph."""

    root: Path
    people: pd.DataFrame
    images: pd.DataFrame
    same_photo: list[tuple[str, str]]
    kept: Path
    digest: str

    def pixels(self, rows: pd.DataFrame) -> NDArray[np.uint8]:
        """Decode the images of some rows."""
        return read_many(self.root, rows["image_path"].tolist())


@dataclass(frozen=True)
class Task:
    """One split of one protocol, to be solved by one model."""

    data: Data
    split: Split
    seed: int
    embedding: Embedding
    model: str = ""

    def labelled(self, *parts: str) -> tuple[NDArray[np.uint8], Labels]:
        """Give the images and class numbers of some parts."""
        rows = pd.concat([self.split.part(part) for part in parts])
        return self.data.pixels(rows), self.labels(*parts)

    def labels(self, *parts: str) -> Labels:
        """Give the class numbers of some parts."""
        return np.concatenate([np.array(self.split.labels(part)) for part in parts])

    @cached_property
    def strangers(self) -> pd.DataFrame:
        """People outside the selection, by what they are for."""
        seen = self.embedding.cohort.seen if self.model == "embedding" else ()
        return draw_strangers(self.data.images, self.split.classes, seen, self.data.same_photo)


def main() -> None:
    """Measure what is asked for and not known yet, then print the table."""
    asked = arguments(__doc__)
    folder = data_folder(os.environ)
    kept = folder / "benchmarks" / "accuracy.json"
    known: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    embedding = read_embedding(Path(asked.embedding))
    data = _data(asked.source, folder)
    shown: list[dict[str, Any]] = []
    for protocol in asked.protocols.split(","):
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            task = _task(data, protocol, seed, embedding)
            for model in asked.models.split(","):
                task = replace(task, model=model)
                label = embedding.card["label"] if model == "embedding" else ""
                key, digest = f"{protocol}/{model}/{label}/{seed}", _digest(task)
                if known.get(key, {}).get("digest") != digest:
                    if asked.table:
                        continue  # not known of this code, this split and this embedding
                    known[key] = _measure(model, protocol, label, task) | {"digest": digest}
                    write_text(kept, json.dumps(known, indent=1))
                shown.append(known[key])
    if not shown:
        raise InputError("nothing of what was asked for has been measured with this code yet.")
    seeds = f"{asked.first_seed} to {asked.first_seed + asked.seeds - 1}"
    setting = {
        "seeds": seeds,
        "models": asked.models,
        "embedding": embedding.card["label"],
        "its SHA-256": embedding.digest[:10],
        "of its spread": str(embedding.card.get("spread_sha256"))[:10],
        "of the images": data.digest[:10],
    }
    if asked.keep is not None:
        check_whole(pd.DataFrame(shown), asked.seeds, asked.models.split(","))
    result = result_of(pd.DataFrame(shown), command_of(asked), setting, name_of(asked, embedding))
    finish(result, as_json=asked.json, keep=asked.keep)


def _data(source: str, folder: Path) -> Data:
    found = fetch(choose_source(source, folder, os.environ), folder)
    root = Path(found.dataset.image_folder)
    lists = read_catalog(Path(found.dataset.folder)).without(found.dataset.forgotten)
    people = lists.people
    files = found.manifest.files.rename(columns={"path": "image_path"})
    images = expand_paths(people).merge(files[["image_path", "sha256"]], on="image_path")
    paths = images["image_path"].tolist()
    audit = audit_images(root, paths)
    same = find_same_photos(
        audit.thumbnails,
        paths,
        lambda place: read_grey(root / paths[place]),
        lambda place: read_thumbnail(root / paths[place]),
    )
    pairs = pd.DataFrame(same, columns=["first", "second", "similarity", "same_name"])
    usable = images[~images["image_path"].isin(audit.unusable["image_path"])]
    doubled = list(zip(pairs["first"], pairs["second"], strict=True))
    digest = found.dataset.images_digest
    return Data(root, people, usable, doubled, folder / "vectors", digest)


def _task(data: Data, protocol: str, seed: int, embedding: Embedding) -> Task:
    wanted = TrainParameters(seed=seed, **PROTOCOLS[protocol])
    names = select_people(data.people, wanted)
    chosen = sample_images(data.images, names, wanted, seed)
    return Task(data, draw_split(chosen, data.same_photo, seed), seed, embedding)


def _digest(task: Task) -> str:
    """Digest what a figure rests on: the split, the code, the embedding, and who is a stranger."""
    model = task.model
    modules = {
        "embedding": ["lfw.embedding.classifying", "lfw.open_set"],
        "hog": ["lfw.features", "lfw.heads", "lfw.hog", "lfw.open_set"],
        "dlib": ["lfw.features", "lfw.heads", "lfw.dlib_faces", "lfw.open_set"],
        "imagenet": ["lfw.features", "lfw.heads", "lfw.imagenet", "lfw.open_set"],
        **{name: ["lfw.baselines"] for name in BASELINES},
    }.get(model, [f"lfw.networks.{model}", "lfw.training"])
    card = task.embedding.card
    names = ("network_sha256", "spread_sha256", "manifest_sha256")
    learned: object = "everybody else is a stranger" if model in _FEATURES else None
    if model == "embedding":
        learned = [card.get(name) for name in names]
    return value_digest([task.split.digest, code_digests(modules), learned])


def _measure(model: str, protocol: str, label: str, task: Task) -> dict[str, Any]:
    since = time.monotonic()
    answer = _ANSWERS.get(model, _ask_baseline if model in BASELINES else _ask_network)(model, task)
    truth = task.labels("test")
    found = score(truth, answer.labels)
    row = {
        "protocol": protocol,
        "model": model,
        "embedding": label,
        "seed": task.seed,
        "test_images": len(truth),
        "train_images": task.split.sizes["train"] + task.split.sizes["validation"],
        "accuracy": found["accuracy"].value,
        "macro_f1": found["macro_f1"].value,
        **{name: rate for name, rate in asdict(answer).items() if name != "labels"},
        "seconds": round(time.monotonic() - since, 1),
        "outside_data": model in OUTSIDE_DATA,
    }
    shown = ("protocol", "model", "seed", "accuracy", "macro_f1", "seconds")
    print("  ".join(f"{row[name]:.4g}" if isinstance(row[name], float) else str(row[name])
                    for name in shown), flush=True)  # fmt: skip
    return row


def _ask_baseline(model: str, task: Task) -> Answer:
    train, labels = task.labelled("train", "validation")
    return Answer(predict_baseline(model, train, labels, task.labelled("test")[0], task.seed))


def _ask_network(model: str, task: Task) -> Answer:
    from lfw.serving import predict
    from lfw.training import fit

    classes = len(task.split.classes)
    fitted = fit(model, task.labelled("train"), task.labelled("validation"), classes, task.seed)
    return Answer(_surest(predict(fitted.model, task.labelled("test")[0])))


def _ask_embedding(model: str, task: Task) -> Answer:
    """Ask the head on kept vectors: the packed network gives the same (tests/lfw/embedding)."""
    names = task.split.classes
    advice = "Name protocols without them, or the folder of an embedding that has not seen them."
    check_unseen(task.embedding.cohort, names, task.split.rows["sha256"], "testing it on", advice)

    def measure(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        from lfw.networks.asking import ask

        return ask(task.embedding.network, pixels)

    name = name_of_embedding(task.embedding.digest)
    return _ask_head(model, task, name, measure, spread=task.embedding.spread)


def _ask_features(model: str, task: Task) -> Answer:
    from lfw.features import FEATURES

    components = 200 if model == "hog" else None
    return _ask_head(model, task, name_of_features(model), FEATURES[model], components)


def _ask_head(
    model: str,
    task: Task,
    name: str,
    measure: Callable[[NDArray[np.uint8]], Vectors],
    components: int | None = None,
    spread: Spread | None = None,
) -> Answer:
    from lfw.heads import choose_head
    from lfw.strangers import Strangers

    def vectors(rows: pd.DataFrame) -> Vectors:
        def compute(paths: list[str]) -> NDArray[np.float32]:
            return measure(read_many(task.data.root, paths))

        paths, sha256 = rows["image_path"].tolist(), rows["sha256"].tolist()
        return vectors_of(paths, sha256, compute, task.data.kept / f"{name}.npz")

    train, validation = [
        (vectors(task.split.part(part)), task.labels(part)) for part in ("train", "validation")
    ]
    apart = {role: task.strangers[task.strangers["role"] == role] for role in ROLES}
    rows = apart["head"]
    if model != "embedding":
        rows = rows.drop_duplicates("name")  # as the stage does
    strangers = Strangers.of(vectors(rows), rows["name"].tolist())
    head = choose_head(train, validation, strangers, components, spread).head
    known = head.probabilities(vectors(task.split.part("test")))
    if model not in _OPEN:
        return Answer(_surest(known))
    threshold = set_threshold(head.probabilities(vectors(apart["validation"])))
    if threshold is None:
        raise InputError("too few strangers for a threshold: take the whole data set.")
    strange = head.probabilities(vectors(apart["test"]))
    found = score_open_set(task.labels("test"), known, strange, threshold)
    rates = (found.identified, found.accepted, found.identified_at_far)
    return Answer(_surest(known), *rates)


_ANSWERS: dict[str, Callable[[str, Task], Answer]] = {
    "embedding": _ask_embedding,
    **dict.fromkeys(_FEATURES, _ask_features),
}


def _surest(probabilities: NDArray[np.float32]) -> Labels:
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


if __name__ == "__main__":
    main()
