"""Stage 6: the split, and the strangers beside it."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.catalog import Catalog
from lfw.classes import select_classes
from lfw.embedding.cohort import Cohort, check_unseen
from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures import plot_split
from lfw.images import read_many
from lfw.leaks import check_leaks
from lfw.open_set import MOST_IMAGES, ROLES, draw_strangers
from lfw.parameters import SELECTION, TrainParameters
from lfw.photographs import linked, shown_with
from lfw.split import PARTS, Split, draw_split, sample_images
from tasks.data import read_image_files
from tasks.embedding import read_cohort
from tasks.markdown import table
from tasks.stages import StageOutput, Summary, Work, stage

_ADVICE = (
    "Choose other people, or a model that rests on no embedding (such as compact), or an embedding "
    "that was learned without them: lfw pretrain --exclude-people … learns one, and --embedding "
    "takes the version that it names."
)
_SPLIT_PARAMETERS = {*SELECTION, "seed", "test_share", "validation_share"}


@stage(
    "stratified-split",
    key=lambda dataset, _manifest, lists, images, audit, embedding, wanted: {
        "the images": dataset.images_digest,
        "the lists": lists.digest,
        "the rows of images": images.digest,
        "the audit": audit.digest,
        "the embedding": embedding.digest,
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
    embedding: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Choose people and images, split them person by person, and check the split for leaks."""
    people = Catalog.read(lists.folder).people
    rows, usable = read_rows(manifest, images), read_usable(manifest, images, audit)
    names = select_classes(people, wanted)
    chosen = sample_images(usable, names, wanted, wanted.seed)
    pairs = read_pairs(audit)
    split = draw_split(chosen, pairs, wanted.seed, wanted.test_share, wanted.validation_share)
    check_leaks(split, pairs, Path(dataset.image_folder))
    cohort = read_cohort(embedding)
    if cohort is not None:
        _check_unseen(cohort, split, rows, pairs)
    split.write(work.folder / "split.csv")
    seen = frozenset[str]() if cohort is None else cohort.seen
    strangers = draw_strangers(usable, names, seen, pairs)
    strangers.to_csv(work.folder / "strangers.csv", index=False)
    counts = split.rows.pivot_table(
        index="name", columns="part", values="sha256", aggfunc="count", fill_value=0
    )[list(PARTS)]
    save(plot_split(counts), work.folder / "split.png")
    dropped = set(rows["image_path"][rows["name"].isin(names)]) - set(usable["image_path"])
    warnings = [
        f"{path} is unusable and was left out of the selection." for path in sorted(dropped)
    ]
    warnings += _flagged(audit, split)
    sizes = " / ".join(str(split.sizes[part]) for part in PARTS)
    roles = strangers.groupby("role")["name"].nunique()
    apart = ", ".join(f"{int(roles.get(role, 0)):,} ({role})" for role in ROLES)
    known = (
        ""
        if cohort is None
        else f" The embedding was trained on {len(cohort.seen):,} people, none of them here."
    )
    markdown = (
        f"# The split\n\n{len(names)} people, {len(split.rows)} images: {sizes} for training, "
        f"validation and test. Digest `{split.digest}`.\n\n"
        f"No image, no content and no photograph is in two parts.{known}\n\n"
        f"Strangers, nobody in two roles: {apart}. Those to learn a head from have up to "
        f"{MOST_IMAGES} images each, the others one.\n\n{table(counts.reset_index())}\n"
    )
    facts = {"classes": list(split.classes), "sizes": split.sizes, "digest": split.digest}
    metrics = {f"images_{part}": float(size) for part, size in split.sizes.items()}
    metrics["strangers"] = float(strangers["name"].nunique())
    return Summary(markdown, facts, metrics, warnings)


def _check_unseen(
    cohort: Cohort, split: Split, rows: pd.DataFrame, pairs: list[tuple[str, str]]
) -> None:
    """See that the embedding knows nobody of a split, nor its photographs by whatever name."""
    shown = rows["image_path"].isin(shown_with(linked(pairs), split.rows["image_path"]))
    check_unseen(cohort, split.classes, rows["sha256"][shown], "testing it on", _ADVICE)


def read_rows(manifest: StageOutput, images: StageOutput) -> pd.DataFrame:
    """Read one row an image, with its digest."""
    listed = pd.read_parquet(images / "images.parquet")
    return listed.merge(read_image_files(manifest), on="image_path")


def read_usable(manifest: StageOutput, images: StageOutput, audit: StageOutput) -> pd.DataFrame:
    """Read one row an image, with its digest, those left out that the audit found unusable."""
    rows, audited = read_rows(manifest, images), pd.read_parquet(audit / "images.parquet")
    return rows[~rows["image_path"].isin(audited["image_path"][~audited["usable"]])]


def read_strangers(split: StageOutput, role: str) -> pd.DataFrame:
    """Read the strangers of one role: ``name``, ``image_path``, ``sha256``."""
    rows = pd.read_csv(split / "strangers.csv", dtype=str, keep_default_na=False)
    return rows[rows["role"] == role].reset_index(drop=True)


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
