"""The embedding's own stages: whom it learns from, the learning, and its registered version."""

import importlib.metadata
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from lfw.catalog import Catalog
from lfw.digest import arrays_digest, code_digests, file_digest, value_digest
from lfw.embedding.cohort import TRAIN, VALIDATION, Cohort, choose_left_out, draw_cohort
from lfw.embedding.store import MANIFEST, SPREAD, read_embedding, write_embedding
from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures import plot_pretraining
from lfw.images import read_many
from lfw.pairs import view1_pairs, with_images
from lfw.parameters import PretrainParameters
from lfw.protocol import unseen_pairs
from lfw.settings import data_folder
from tasks.embedding_registry import register_version
from tasks.markdown import table
from tasks.model_registry import still_registered
from tasks.splitting import read_pairs, read_usable
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.training import streamed

_CODE = ["lfw.embedding.pretraining", "lfw.embedding.cohort"]


@stage(
    "draw-cohort",
    key=lambda _manifest, lists, images, audit, wanted: {
        "the lists": lists.digest,
        "the rows of images": images.digest,
        "the audit": audit.digest,
        **wanted.model_dump(
            mode="json",
            include={
                "exclude_people",
                "exclude_top",
                "exclude_min_images",
                "least_images",
                "seed",
            },
        ),
    },
)
def choose_cohort(
    work: Work,
    manifest: StageOutput,
    lists: StageOutput,
    images: StageOutput,
    audit: StageOutput,
    wanted: PretrainParameters,
) -> Summary:
    """Choose the people to learn from; whoever is to be recognised later is left out."""
    catalog = Catalog.read(lists.folder)
    left_out = choose_left_out(catalog.people, wanted)
    usable = read_usable(manifest, images, audit)
    return write_cohort(work, catalog, usable, read_pairs(audit), left_out, wanted, wanted.label)


def write_cohort(
    work: Work,
    catalog: Catalog,
    usable: pd.DataFrame,
    same_photo: list[tuple[str, str]],
    left_out: Collection[str],
    wanted: PretrainParameters,
    label: str,
) -> Summary:
    """Draw a cohort without some people, and write its manifest and validation pairs.

    Parameters
    ----------
    work
        Where to.
    catalog, usable, same_photo
        The lists, one row a usable image, and the pairs that show one photograph.
    left_out
        The people never to be seen.
    wanted
        Says how many images a person must have, and the seed.
    label
        Whom the embedding will not know, in a few words.
    """
    names = sorted(left_out)
    cohort = draw_cohort(usable, catalog, names, same_photo, wanted.least_images, wanted.seed)
    cohort.write(work.folder / MANIFEST)
    pairs = pd.concat([view1_pairs(catalog, "train"), view1_pairs(catalog, "test")])
    digests = dict(zip(usable["image_path"], usable["sha256"], strict=True))
    unseen = unseen_pairs(with_images(pairs, usable["image_path"]), cohort, digests, same_photo)
    unseen.to_csv(work.folder / "validation-pairs.csv", index=False)
    learned, watched = cohort.role(TRAIN), cohort.role(VALIDATION)
    facts: dict[str, Any] = {
        "people": len(cohort.seen),
        "images": len(learned),
        "held_out": int(watched["name"].nunique()),
        "left_out": len(names),
        "label": label,
        "digest": cohort.digest,
    }
    who = ", ".join(names[:80]) + (" …" if len(names) > 80 else "")
    return Summary(
        f"# Whom the embedding learns from\n\n{facts['people']:,} people, {facts['images']:,} "
        f"images. Held out to monitor the training: {facts['held_out']:,} people, and all "
        f"{len(unseen):,} of View 1's pairs that show nobody it learns from.\n\n"
        f"Left out: {len(names):,} people: {who}\n",
        facts,
        {"people_seen": float(facts["people"]), "images_seen": float(facts["images"])},
    )


@stage(
    "pretrain",
    key=lambda _dataset, cohort, seed, epochs: {
        "the cohort": cohort.files[MANIFEST],
        "the pairs": cohort.files["validation-pairs.csv"],
        "seed": seed,
        "epochs": epochs,
        "the embedding's code": value_digest(code_digests(_CODE)),
    },
)
def pretrain_embedding(
    work: Work, dataset: Dataset, cohort: StageOutput, seed: int, epochs: int | None
) -> Summary:
    """Learn the embedding; killed, it goes on after the last finished epoch."""
    return learn(work, dataset, cohort, seed, epochs, with_spread=True)


def learn(
    work: Work,
    dataset: Dataset,
    cohort: StageOutput,
    seed: int,
    epochs: int | None,
    *,
    with_spread: bool,
) -> Summary:
    """Learn an embedding into a stage's folder; what only verifies pairs takes no spread."""
    from lfw.embedding.checkpoint import forget
    from lfw.embedding.pretraining import pretrain

    people = Cohort.read(cohort / MANIFEST)
    pairs = _read_validation_pairs(cohort)
    root = Path(dataset.image_folder)
    checkpoint = data_folder(os.environ) / "checkpoints" / work.folder.name
    learned = pretrain(
        people,
        lambda paths: read_many(root, paths),
        pairs,
        seed,
        epochs,
        checkpoint,
        streamed(work),
        with_spread=with_spread,
    )
    last: dict[str, float] = json.loads(learned.history.iloc[-1].to_json())
    card: dict[str, Any] = {
        "data_kind": dataset.kind,
        "data_digest": dataset.data_digest,
        "label": cohort.facts["label"],
        "left_out": cohort.facts["left_out"],
        "seed": seed,
        "epochs": int(last["epoch"]),
        "weights_digest": arrays_digest(learned.model.get_weights()),
        "code_digest": value_digest(code_digests(_CODE)),
        "libraries": {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")},
        "validation": _watched(last, pairs),
    }
    write_embedding(work.folder, learned.model, people, card, learned.spread)
    learned.history.to_csv(work.folder / "history.csv", index=False)
    forget(checkpoint)
    seconds = float(learned.history["seconds"].sum())
    metrics = {f"validation_{name}": value for name, value in card["validation"].items()}
    metrics |= {"training_seconds": seconds, "weights": float(learned.model.count_params())}
    return Summary(
        f"# The embedding\n\n{learned.model.count_params():,} weights, "
        f"{len(learned.history)} epochs in {seconds / 60:.1f} minutes.\n\n"
        f"{table(learned.history)}\n",
        {"card": card},
        metrics,
    )


def _watched(last: dict[str, float], pairs: pd.DataFrame) -> dict[str, float]:
    """Give the last figures on the pairs that watched the learning, and their numbers."""
    if "pairs_auc" not in last:
        return {}
    same = int(pairs["same"].sum())
    return {
        **{name: round(last[name], 4) for name in ("pairs_auc", "pairs_accuracy")},
        "pairs_same": same,
        "pairs_different": len(pairs) - same,
    }


def _read_validation_pairs(cohort: StageOutput) -> pd.DataFrame:
    frame = pd.read_csv(cohort / "validation-pairs.csv", keep_default_na=False)
    return frame.astype({name: str for name in frame.columns if name != "same"} | {"same": bool})


@stage(
    "register-embedding",
    key=lambda dataset, _cohort, learned, wanted: {
        "data kind": dataset.kind,
        "the network": learned.files["embedding.keras"],
        "the spread": learned.files.get(SPREAD),
        "label": wanted.label,
        "registry": mlflow.get_registry_uri(),
        "how it is served": file_digest(Path(__file__).with_name("served_embedding.py")),
    },
    still_holds=still_registered,
)
def register_embedding(
    work: Work,
    dataset: Dataset,
    cohort: StageOutput,
    learned: StageOutput,
    wanted: PretrainParameters,
) -> Summary:
    """Make the embedding, with its manifest and card, a version of lfw-embedding."""
    found = read_embedding(learned.folder)
    registered = register_version(work.run_id, found, wanted.label, dataset.kind)
    (work.folder / "registered.json").write_text(json.dumps(registered), encoding="utf-8")
    # Drawn here, so that a change of figures does not ask for the learning again.
    history = pd.read_csv(learned / "history.csv")
    save(plot_pretraining(history), work.folder / "learning-curves.png")
    return Summary(
        f"# Registered: {registered['name']} version {registered['version']}\n\n"
        f"{registered['why']}\n\nUse it: `lfw train --model embedding --embedding "
        f"{registered['version']}`\n",
        {**registered, "people_seen": cohort.facts["people"]},
    )
