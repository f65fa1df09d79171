"""What the cells of a comparison come to: a table, a figure and paired tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from prefect import task
from prefect.artifacts import create_table_artifact

from lfw.comparison import NOT_ENOUGH, compare_pairs, summarise
from lfw.comparison_tables import shown_summary, shown_tests
from lfw.errors import LfwError
from lfw.figure_style import save
from lfw.figures_comparison import plot_models
from lfw.parameters import CompareParameters
from tasks.cells import Row
from tasks.embedding import EMBEDDING_NAME, embedding_number
from tasks.embedding_registry import offer_shipped
from tasks.markdown import table
from tasks.runs import Run
from tasks.stages import StageOutput, Summary, Work, stage
from tasks.tracking import add_to_description

_DESCRIBED = 40
"""Rows of the table in a description, whose length MLflow limits."""

METHOD = (
    "t: the corrected resampled t test over splits (Nadeau and Bengio 2003), for which one seed is "
    f"{NOT_ENOUGH}. McNemar: the exact test on the test images of one seed, the lowest that both "
    "have, since the test parts of several seeds share images. Both p-values are also given "
    "after Holm's correction over all rows of the table."
)


def settle_embedding(wanted: CompareParameters) -> CompareParameters:
    """Name the embedding asked for by its number, before any cell, so that all take the same.

    Raises
    ------
    InputError
        If a model is to rest on one and there is no such version.
    """
    if "embedding" not in wanted.models:
        return wanted
    offer_shipped()
    number = embedding_number("embedding", wanted.embedding)
    return wanted.model_copy(update={"embedding": number})


@stage("compare", key=lambda cells: {"cells": [_what_counts(row) for row in cells]})
def compare_cells(work: Work, cells: list[Row]) -> Summary:
    """Put every model beside the others and the baselines, selection by selection."""
    done = [row for row in cells if row["failure"] is None]
    failed = [row for row in cells if row["failure"] is not None]
    embedding = next((row["embedding"] for row in cells if row["embedding"]), None)
    facts: dict[str, Any] = {"table": [], "tests": [], "method": METHOD, "embedding": embedding}
    metrics = {"cells": float(len(cells)), "cells_failed": float(len(failed))}
    markdown = f"# Comparison of models\n\n{_rests_on(embedding)}"
    if done:
        scores, right = pd.DataFrame(_scores(done)), _right(done)
        summary, tests = summarise(scores), compare_pairs(scores, right)
        scores.to_csv(work.folder / "splits.csv", index=False)
        summary.to_csv(work.folder / "comparison.csv", index=False)
        tests.to_csv(work.folder / "tests.csv", index=False)
        save(plot_models(summary, scores), work.folder / "comparison.png")
        facts |= {"table": plain(summary), "tests": plain(tests)}
        markdown += (
            f"{_texts(shown_summary(facts['table']))}\n\nNothing that learned from outside data is "
            "comparable with the other rows. Baselines are on the same splits.\n\n"
            f"## Pairs, on the same splits\n\nTests: p, and p after Holm's correction.\n\n"
            f"{_texts(shown_tests(facts['tests']))}\n\n{METHOD}\n"
        )
    if failed:
        columns = ["model", "selection", "seed", "failure"]
        markdown += f"\n## Failed\n\n{table(pd.DataFrame(failed)[columns], limit=200)}\n"
    return Summary(markdown, facts, metrics)


def _rests_on(embedding: str | None) -> str:
    """Say which version all cells of the model embedding took, if there are any."""
    if embedding is None:
        return ""
    return f"The model embedding rests on {EMBEDDING_NAME} version {embedding}.\n\n"


def _what_counts(row: Row) -> Row:
    """Give what of a cell decides the comparison: neither its run nor what it reused."""
    kept = {"selection", "model", "embedding", "seed", "failure", "scores", "baselines"}
    kept |= {"split_digest", "answers_sha256", "baseline_answers_sha256"}  # scores may be equal
    return {name: value for name, value in row.items() if name in kept}


def _scores(done: list[Row]) -> list[dict[str, Any]]:
    """Give a row a classifier, selection and seed; baselines once for each split."""
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in done:
        asked = {row["model"]: (row["scores"], False)}
        for name, (scores, baseline) in _with_baselines(asked, row).items():
            rows.setdefault(
                (row["selection"], name, row["seed"]),
                {
                    "selection": row["selection"],
                    "classifier": name,
                    "baseline": baseline,
                    "outside_data": row["outside_data"] and not baseline,
                    "seed": row["seed"],
                    "accuracy": scores["accuracy"]["value"],
                    "macro_f1": scores["macro_f1"]["value"],
                    "hits": round(scores["accuracy"]["value"] * row["test_images"]),
                    "test_images": row["test_images"],
                    "train_images": row["train_images"],
                },
            )
    return sorted(rows.values(), key=lambda one: (one["baseline"],))


def _with_baselines(asked: dict[str, Any], row: Row) -> dict[str, Any]:
    return asked | {name: (scores, True) for name, scores in row["baselines"].items()}


def _right(done: list[Row]) -> pd.DataFrame:
    """Say of every test image and classifier whether the answer is right."""
    frames: list[pd.DataFrame] = []
    known: set[tuple[str, int]] = set()
    for row in done:
        answers = pd.read_csv(Path(row["answers"]), dtype=str, keep_default_na=False)
        frames.append(
            pd.DataFrame(
                {
                    "image_path": answers["image_path"],
                    "right": answers["truth"] == answers["answer"],
                }
            ).assign(selection=row["selection"], seed=row["seed"], classifier=row["model"])
        )
        if (row["selection"], row["seed"]) in known:
            continue
        known.add((row["selection"], row["seed"]))
        given = pd.read_csv(Path(row["baseline_answers"]))
        frames += [
            pd.DataFrame(
                {"image_path": given["image_path"], "right": given[name] == given["truth"]}
            ).assign(selection=row["selection"], seed=row["seed"], classifier=name)
            for name in row["baselines"]
        ]
    return pd.concat(frames, ignore_index=True)


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a frame's rows as JSON has them: missing figures as None."""
    return [
        {
            str(name): None
            if value is None or (isinstance(value, float) and np.isnan(value))
            else (value.item() if hasattr(value, "item") else value)
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


@task(name="show-comparison", task_run_name="show-comparison")
def show_comparison(run_id: str, cells: list[Row], compared: StageOutput) -> None:
    """Put the tables where each web page shows tables."""
    client = MlflowClient()
    listed = [
        {
            "model": row["model"],
            "embedding": row["embedding"] or "",
            "selection": row["selection"],
            "seed": row["seed"],
            "state": "done" if row["failure"] is None else "failed",
            "accuracy": row["scores"]["accuracy"]["value"] if row["failure"] is None else None,
            "macro_f1": row["scores"]["macro_f1"]["value"] if row["failure"] is None else None,
            "failure": row["failure"] or "",
            "mlflow_run": row.get("mlflow_run_id", ""),
        }
        for row in cells
    ]
    summary, tests = compared.facts["table"], compared.facts["tests"]
    for key, rows, shown, said in (
        ("comparison", summary, shown_summary(summary), "Test accuracy over splits"),
        ("comparison-tests", tests, shown_tests(tests), METHOD),
        ("comparison-cells", listed, listed, "Every cell, and the reason of those that failed"),
    ):
        if rows:
            create_table_artifact(key=key, table=shown, description=said)
            client.log_table(run_id, pd.DataFrame(rows).astype(object), f"{key}.json")
    add_to_description(run_id, describe(compared.facts["table"], compared.facts["embedding"]))


def describe(rows: list[dict[str, Any]], embedding: str | None = None) -> str:
    """Sum a comparison up for the page of its MLflow run, where figures of cells are not seen."""
    where = "Figure, pairs and every split: `compare`, under *Artifacts*; each cell is a child run."
    if not rows:
        return where
    kept = ["selection", "classifier", "seeds", "mean [95 %]"]
    shown = table(pd.DataFrame(shown_summary(rows))[kept], limit=_DESCRIBED)
    return f"{_rests_on(embedding)}Test accuracy over splits.\n\n{shown}\n\n{where}"


def _texts(rows: list[dict[str, str]]) -> str:
    return table(pd.DataFrame(rows), limit=200)


def end_for_failures(run: Run, cells: list[Row]) -> None:
    """End the run as failed if a cell failed; all that the others found is kept by then.

    Raises
    ------
    LfwError
        Naming each failed cell, and why.
    """
    failed = [row for row in cells if row["failure"] is not None]
    if failed:
        said = " ".join(
            f"{row['model']} on {row['selection']}, seed {row['seed']}: {row['failure']}"
            for row in failed
        )
        raise LfwError(
            f"{len(failed)} of {len(cells)} cells failed, the others are reported in MLflow run "
            f"{run.run_id}. {said}"
        )
