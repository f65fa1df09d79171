"""Stages 4 and 5: the audit of the images with its gate, and the bias report."""

from pathlib import Path

import pandas as pd
from prefect import task

from lfw.audit import (
    audit_images,
    byte_identical,
    check_gate,
    describe_sizes,
    read_errata,
    read_thumbnail,
)
from lfw.bias import (
    count_groups,
    describe_bias,
    measure_bias,
    measure_selection,
    read_annotations,
)
from lfw.catalog import Catalog
from lfw.classes import select_classes
from lfw.digest import file_digest
from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures import plot_distribution, plot_images, plot_most_photographed
from lfw.images import read_grey, read_many
from lfw.parameters import SELECTION, SelectionParameters, TrainParameters
from lfw.runners import IN_THREADS, Runner, check_runner
from lfw.same_photo import find_same_photos
from lfw.split import sample_images, select_people
from tasks.data import read_image_files
from tasks.markdown import table
from tasks.splitting import read_rows, read_usable
from tasks.stages import StageOutput, Summary, Work, stage


def optional_digest(path: Path | None, parameter: str) -> str:
    """Digest of a file that the user may give, for keys.

    Raises
    ------
    InputError
        If it was given and cannot be read.
    """
    if path is None:
        return "none"
    try:
        return file_digest(path)
    except OSError as error:
        raise InputError(f"{parameter}: {path} cannot be read: {error.strerror}.") from error


@stage(
    "resolution-audit",
    key=lambda dataset, _manifest, errata, _runner=IN_THREADS: {  # where it ran changes nothing
        "the images": dataset.images_digest,
        "errata": optional_digest(errata, "errata"),
    },
)
def audit_resolution(
    work: Work,
    dataset: Dataset,
    manifest: StageOutput,
    errata: Path | None,
    runner: Runner = IN_THREADS,
) -> Summary:
    """Decode every image: sizes, damage, doubles, and known label errors."""
    root = Path(dataset.image_folder)
    files = read_image_files(manifest)
    audit = audit_images(root, files["image_path"], work.report("audit"), runner)
    paths = files["image_path"].tolist()
    same = pd.DataFrame(
        find_same_photos(
            audit.thumbnails,
            paths,
            lambda place: read_grey(root / paths[place]),
            lambda place: read_thumbnail(root / paths[place]),
        ),
        columns=["first", "second", "similarity", "same_name"],
    )
    identical = pd.DataFrame(byte_identical(files), columns=["first", "second"])
    flagged = read_errata(errata) if errata is not None else None
    found = audit.images[audit.images["problem"] != ""]
    usable = ~audit.images["image_path"].isin(audit.unusable["image_path"])
    audit.images.assign(usable=usable).to_parquet(work.folder / "images.parquet", index=False)
    for name, frame in (("same-photos", same), ("byte-identical", identical), ("errata", flagged)):
        if frame is not None:
            frame.to_csv(work.folder / f"{name}.csv", index=False)
    sizes = describe_sizes(audit).reset_index(names="")
    sizes.to_csv(work.folder / "sizes.csv", index=False)
    if len(same):
        _draw_pairs(root, same.head(12), work.folder / "same-photos.png")
    details = [
        f"{row['image_path']}: {row['problem']} ({row['detail']})"
        for row in found.to_dict("records")
    ]
    facts = {
        "images": len(paths),
        "problems": found["problem"].value_counts().to_dict(),
        "unusable": audit.unusable["image_path"].tolist(),
        "details": details,
        "same_photos": len(same),
        "byte_identical": len(identical),
        "errata": None if flagged is None else len(flagged),
    }
    metrics: dict[str, float] = {
        "audit_images": len(paths),
        "audit_problems": len(found),
        "audit_same_photo_pairs": len(same),
    }
    markdown = (
        f"# Resolution audit\n\n{len(paths):,} images, each fully decoded.\n\n{table(sizes)}\n\n"
        f"## Non-standard images\n\n{table(found)}\n\n"
        f"## Duplicate photographs\n\n{table(same)}\n\n"
        f"## Byte-identical files\n\n{table(identical)}\n\n"
        f"## Known label errors (flagged, not corrected)\n\n"
        f"{table(flagged) if flagged is not None else 'No list was given.'}\n"
    )
    return Summary(markdown, facts, metrics, details[:20])


def _draw_pairs(root: Path, pairs: pd.DataFrame, path: Path) -> None:
    shown = [name for pair in zip(pairs["first"], pairs["second"], strict=True) for name in pair]
    captions = [Path(name).stem.replace("_", " ") for name in shown]
    title = "Duplicate photographs, pairs side by side"
    save(plot_images(read_many(root, shown), captions, title, columns=4), path)


@task(name="runner-check", task_run_name="runner-check")
def check_place(runner: Runner) -> None:
    """End the run at once if there is no cluster where one is asked for."""
    check_runner(runner)


@task(name="audit-gate", task_run_name="audit-gate")
def apply_gate(gate: str, lists: StageOutput, audit: StageOutput) -> None:
    """End the run if there is anything wrong with the data and the gate is to fail for it."""
    problems = list(audit.facts["details"])
    if lists.facts["problems"]:
        problems += [f"{lists.facts['problems']} broken references in the lists"]
    check_gate(gate, problems)


@task(name="selection-check", task_run_name="selection-check")
def check_selection(lists: StageOutput, wanted: SelectionParameters) -> None:
    """End the run at once if a name is misspelt or the selection is too large."""
    select = select_classes if isinstance(wanted, TrainParameters) else select_people
    select(Catalog.read(lists.folder).people, wanted)


@stage(
    "bias-report",
    key=lambda lists, images, wanted, seed, annotations, manifest=None, audit=None: {
        "the lists": lists.digest,
        "the rows of images": images.digest,
        "the files": manifest.files["manifest.csv"] if manifest else "not looked at",
        "the usable images": audit.files["images.parquet"] if audit else "not audited",
        **wanted.model_dump(mode="json", include=set(SELECTION)),
        "seed": seed,
        "annotations": optional_digest(annotations, "annotations"),
    },
)
def report_bias(
    work: Work,
    lists: StageOutput,
    images: StageOutput,
    wanted: SelectionParameters,
    seed: int,
    annotations: Path | None,
    manifest: StageOutput | None = None,
    audit: StageOutput | None = None,
) -> Summary:
    """Say who is in the data, and who the selection drops, claiming only what the data shows.

    The selection is that of a training if the manifest and an audit are given; without an audit it
    is drawn from the images that are there, without either from those that the lists name.
    """
    people = Catalog.read(lists.folder).people
    rows = pd.read_parquet(images / "images.parquet")
    names = select_people(people, wanted)
    chosen = sample_images(_selectable(rows, images, manifest, audit), names, wanted, seed)
    bias = measure_bias(people)
    dropped = measure_selection(people, chosen)
    labels = read_annotations(annotations) if annotations is not None else None
    groups = None if labels is None else _count_groups(labels, rows, chosen)
    for name, frame in (
        ("most-photographed", bias.most_photographed),
        ("distribution", bias.distribution),
        ("top-shares", bias.top_shares),
        ("groups", groups),
    ):
        if frame is not None:
            frame.to_csv(work.folder / f"{name}.csv", index=False)
    save(plot_most_photographed(bias.most_photographed, names), work.folder / "people.png")
    save(plot_distribution(bias.distribution), work.folder / "distribution.png")
    text = describe_bias(bias, dropped, groups)
    return Summary(
        f"# Bias report\n\n{text}\n\n## Most photographed\n\n{table(bias.most_photographed)}\n\n"
        f"## Images of a person\n\n{table(bias.distribution)}\n\n"
        f"## Shares of the most photographed\n\n{table(bias.top_shares)}\n\n"
        f"## Groups, as annotated\n\n{table(groups) if groups is not None else 'Not given.'}\n",
        {"people": bias.people, "images": bias.images, "selected": names},
        {
            "single_photo_people_share": bias.single_share_of_people,
            "single_photo_images_share": bias.single_share_of_images,
            "gini": bias.gini,
            "selection_images_dropped": float(dropped.images_dropped),
            "selection_people_dropped": float(dropped.people_dropped),
        },
    )


def _selectable(
    rows: pd.DataFrame, images: StageOutput, manifest: StageOutput | None, audit: StageOutput | None
) -> pd.DataFrame:
    if manifest is None:
        return rows.assign(sha256="")
    return read_rows(manifest, images) if audit is None else read_usable(manifest, images, audit)


def _count_groups(labels: pd.DataFrame, rows: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    whole = count_groups(labels, rows["image_path"]).assign(of="all images")
    selected = count_groups(labels, chosen["image_path"]).assign(of="this selection")
    return pd.concat([whole, selected], ignore_index=True)
