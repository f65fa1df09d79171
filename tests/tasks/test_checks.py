"""The bias report describes the very images that the split is drawn from."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from lfw.catalog import expand_paths, read_catalog
from lfw.digest import file_digest
from lfw.manifest import build_manifest
from lfw.parameters import BiasParameters
from lfw.split import sample_images, select_people
from tasks.checks import report_bias
from tasks.splitting import read_rows, read_usable
from tasks.stages import StageOutput, Summary, Work

WANTED = BiasParameters.checked(source="sample", top=3, images_per_person=5)


@dataclass(frozen=True)
class Before:
    """What the stages before the report left."""

    lists: StageOutput
    images: StageOutput
    manifest: StageOutput
    audit: StageOutput
    annotations: Path
    people: pd.DataFrame


def output(folder: Path) -> StageOutput:
    files = {path.name: file_digest(path) for path in folder.iterdir()}
    return StageOutput(folder.name, "key", folder, files, "run", Summary(""))


@pytest.fixture
def before(sample_folder: Path, tmp_path: Path) -> Before:
    """One image that would be drawn is not there, one cannot be used; all are labelled apart."""
    for name in ("lists", "images", "manifest", "audit"):
        (tmp_path / name).mkdir()
    catalog, files = read_catalog(sample_folder), build_manifest(sample_folder).files
    catalog.write(tmp_path / "lists")
    rows = expand_paths(catalog.people)
    rows.to_parquet(tmp_path / "images" / "images.parquet")
    people = select_people(catalog.people, WANTED)
    drawn = sample_images(rows.assign(sha256=""), people, WANTED, 0)
    lost, spoilt = drawn["image_path"][drawn["name"] == people[0]].head(2)
    files[files["path"] != lost].to_csv(tmp_path / "manifest" / "manifest.csv", index=False)
    audited = rows[["image_path"]].assign(usable=rows["image_path"] != spoilt)
    audited.to_parquet(tmp_path / "audit" / "images.parquet")
    annotations = tmp_path / "annotations.csv"
    rows.assign(itself=rows["image_path"])[["image_path", "itself"]].to_csv(annotations)
    made = {name: output(tmp_path / name) for name in ("lists", "images", "manifest", "audit")}
    return Before(**made, annotations=annotations, people=catalog.people)


def reported(before: Before, folder: Path, audit: StageOutput | None) -> tuple[Summary, set[str]]:
    """Make the report; give the images of its selection, too."""
    folder.mkdir()
    work = Work(folder, lambda _: None, "run")
    inputs = (before.lists, before.images, WANTED, 0, before.annotations, before.manifest, audit)
    summary = report_bias.function(work, *inputs)
    groups = pd.read_csv(folder / "groups.csv")
    chosen = groups["of"].eq("this selection") & groups["attribute"].eq("itself")
    return summary, set(groups["group"][chosen])


def test_it_is_of_the_images_that_a_training_would_take(before: Before, tmp_path: Path) -> None:
    summary, chosen = reported(before, tmp_path / "report", before.audit)
    names = select_people(before.people, WANTED)
    usable = read_usable(before.manifest, before.images, before.audit)
    assert chosen == set(sample_images(usable, names, WANTED, 0)["image_path"])
    assert len(chosen) == 15
    total = before.people["images"].sum()
    assert summary.metrics["selection_images_dropped"] == total - 15


def test_without_an_audit_it_is_of_the_images_that_are_there(
    before: Before, tmp_path: Path
) -> None:
    _, chosen = reported(before, tmp_path / "report", None)
    names = select_people(before.people, WANTED)
    there = read_rows(before.manifest, before.images)
    assert chosen == set(sample_images(there, names, WANTED, 0)["image_path"])


def test_it_is_made_anew_where_other_images_can_be_used(before: Before, tmp_path: Path) -> None:
    def parts(audit: StageOutput | None) -> dict[str, str]:
        return report_bias.parts(
            *(before.lists, before.images, WANTED, 0, None, before.manifest, audit)
        )

    (tmp_path / "other").mkdir()
    audited = pd.read_parquet(before.audit / "images.parquet").assign(usable=True)
    audited.to_parquet(tmp_path / "other" / "images.parquet")
    found = [parts(None), parts(before.audit), parts(output(tmp_path / "other"))]
    assert len({one["the usable images"] for one in found}) == 3
    assert len({one["the files"] for one in found}) == 1
