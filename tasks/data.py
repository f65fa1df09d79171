"""Stages 1 to 3: the data set, its lists, and one row an image."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock
import pandas as pd
from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from lfw.catalog import Catalog, check_references, expand_paths, read_catalog
from lfw.digest import value_digest
from lfw.download import FetchError
from lfw.exploration import draw_random_split
from lfw.fetch import Dataset, Fetched, fetch
from lfw.files import new_folder_beside, sweep_partial
from lfw.sources import Source
from tasks.markdown import table
from tasks.stages import StageOutput, Summary, Work, read_output, stage, write_record

_FETCH = "fetch-and-unpack"


def may_pass(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Say whether another try may mend a failure: most are final."""
    try:
        state.result(raise_on_failure=True)
    except FetchError as error:
        return error.passing
    except Exception:  # noqa: BLE001 (any other failure is final)
        return False
    return False


@task(
    name=_FETCH,
    task_run_name=_FETCH,
    persist_result=False,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=may_pass,
)
def fetch_dataset(source: Source, data_folder: Path, work: Work) -> State[str]:
    """Download, unpack and verify the data set; every file's checksum is taken each time.

    What is told of it is told of this source: others may have had the same content.
    """
    fetched = fetch(source, data_folder, work.report)
    told = asdict(fetched.dataset)
    key = value_digest([told, fetched.manifest.stray])
    folder = work.folder / key[:16]
    with filelock.FileLock(data_folder / "datasets" / ".described.lock"):
        known = _keep(fetched, folder, key, work.run_id)
    result = json.dumps({"folder": str(folder), "dataset": told})
    if fetched.why is None:
        return Completed(message=f"new: brought from {source.location}", data=result)
    if known:
        return Completed(name="Cached", message=fetched.why, data=result)
    return Completed(message=f"described anew, as read from {source.location}", data=result)


def _keep(fetched: Fetched, folder: Path, key: str, run_id: str) -> bool:
    """Write what is told of a data set, and say whether an earlier run had written the same."""
    summary = _describe(fetched)
    if read_output(folder) is not None:
        if fetched.why is None:  # it was brought in this run, whoever described it first
            write_record(folder, _FETCH, key, run_id, summary)
        return True
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep_partial(folder.parent, folder.name)
    with new_folder_beside(folder) as partial:
        made = partial / folder.name
        made.mkdir()
        for name, text in (
            ("dataset.json", json.dumps(asdict(fetched.dataset), indent=1)),
            ("manifest.csv", fetched.manifest.files.to_csv(index=False)),
            ("summary.md", summary.markdown),
        ):
            (made / name).write_text(text, encoding="utf-8")
        write_record(made, _FETCH, key, run_id, summary)
        if folder.exists():
            folder.replace(partial / "spoilt")
        made.replace(folder)
    return False


def _describe(fetched: Fetched) -> Summary:
    dataset, manifest = fetched.dataset, fetched.manifest
    size = int(manifest.files["size"].sum())
    rows = pd.DataFrame(
        [
            ("source", f"{dataset.source.kind}: {dataset.source.location}"),
            ("chosen because", dataset.source.why),
            ("kind", dataset.kind),
            ("images", f"{len(manifest.images):,}"),
            ("lists", f"{len(manifest.lists):,}"),
            ("bytes", f"{size:,}"),
            ("data digest", dataset.data_digest),
            ("images digest", dataset.images_digest),
            ("archive SHA-256", dataset.archive_sha256 or "none: a folder"),
            ("stray files ignored", ", ".join(manifest.stray[:20]) or "none"),
        ],
        columns=["", "value"],
    )
    facts = {"images": len(manifest.images), "bytes": size, "stray": list(manifest.stray)}
    markdown = f"# The data set\n\n{dataset.verification}\n\n{table(rows)}\n"
    return Summary(markdown, facts, {"images": len(manifest.images), "data_bytes": size})


def dataset_from(saved: dict[str, object]) -> Dataset:
    """Build a data set's description from what its stage wrote."""
    values = dict(saved)
    source = Source(**values.pop("source"))  # type: ignore[arg-type]
    values["forgotten"] = tuple(values["forgotten"])  # type: ignore[arg-type]
    return Dataset(source=source, **values)  # type: ignore[arg-type]


@stage(
    "read-lists",
    key=lambda dataset, _manifest: {
        "the lists": dataset.lists_digest,
        "the images": dataset.images_digest,
        "the forgotten": sorted(dataset.forgotten),
    },
)
def read_lists(work: Work, dataset: Dataset, manifest: StageOutput) -> Summary:
    """Read the nine lists, and check every reference in them against the files."""
    catalog = read_catalog(Path(dataset.folder)).without(dataset.forgotten)
    catalog.write(work.folder)
    problems = check_references(catalog, read_image_files(manifest)["image_path"])
    problems.to_csv(work.folder / "problems.csv", index=False)
    lists = pd.DataFrame(
        [(name, len(frame)) for name, frame in vars(catalog).items()], columns=["list", "rows"]
    )
    folds = catalog.view2_people["fold"]
    warnings = [
        f"{row['subject']}: {row['problem']} ({row['list']})"
        for row in problems.head(20).to_dict("records")
    ]
    if folds.isna().all():
        warnings.append("people.csv has no empty rows between folds: View 2's folds are unknown.")
    facts = {
        "people": len(catalog.people),
        "images": int(catalog.people["images"].sum()),
        "problems": len(problems),
        "missing": problems["subject"][problems["problem"] == "missing image"].tolist(),
    }
    markdown = (
        f"# The nine lists\n\n{facts['people']:,} people, {facts['images']:,} images.\n\n"
        f"{table(lists)}\n\n## Broken references\n\n{table(problems)}\n"
    )
    metrics: dict[str, float] = {"people": len(catalog.people), "list_problems": len(problems)}
    return Summary(markdown, facts, metrics, warnings)


def read_image_files(manifest: StageOutput) -> pd.DataFrame:
    """Read ``image_path``, ``size`` and ``sha256`` of every image from the data manifest."""
    text = {"kind": str, "path": str, "sha256": str}
    files = pd.read_csv(manifest / "manifest.csv", dtype=text, keep_default_na=False)
    images = files[files["kind"] == "image"].drop(columns="kind").reset_index(drop=True)
    return images.rename(columns={"path": "image_path"})


@stage(
    "path-expansion",
    key=lambda lists, seed: {"the lists": lists.digest, "seed": seed},
)
def list_images(work: Work, lists: StageOutput, seed: int) -> Summary:
    """Give one row an image, and show what a random split of them all does to people."""
    images = expand_paths(Catalog.read(lists.folder).people)
    images.to_parquet(work.folder / "images.parquet", index=False)
    drawn = draw_random_split(images, seed)
    outcome = pd.DataFrame(
        [
            ("in the training part too", drawn.known, drawn.expected_known, *drawn.known_range),
            ("never seen in training", drawn.unknown, drawn.expected_unknown, *drawn.unknown_range),
        ],
        columns=["people of the test part", "this draw", "expected", "95 % from", "to"],
    )
    strangers = drawn.unknown / (drawn.known + drawn.unknown)
    markdown = (
        f"# One row an image\n\n{len(images):,} rows: `name`, `image_number`, `image_path`.\n\n"
        f"{table(images, limit=5)}\n\n## A random split of all images\n\n"
        f"Seed {seed}: {drawn.train_images:,} images to train, {drawn.test_images:,} to test.\n\n"
        f"{table(outcome)}\n\n{strangers:.0%} of the test part's people have no image to "
        "train on, so no classifier can name them. People are therefore chosen first, and each "
        "one's images are split separately.\n"
    )
    facts = {"rows": len(images), "known": drawn.known, "unknown": drawn.unknown}
    return Summary(markdown, facts)
