"""Stage 9: strangers, and when the classifier should say that it does not know."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures import plot_open_set
from lfw.open_set import LEAST, OpenSet, score_open_set, set_threshold
from lfw.parameters import TrainParameters
from lfw.split import Split
from tasks.answering import probabilities_of
from tasks.splitting import read_strangers
from tasks.stages import StageOutput, Summary, Work, stage

THRESHOLD = "threshold.json"


@stage(
    "open-set",
    key=lambda _dataset, split, embedding, trained, wanted: {
        "the split": split.digest,
        "the embedding": embedding.digest,
        "the fitted model": trained.files["fingerprint.json"],
        "model": wanted.model,
    },
)
def meet_strangers(
    work: Work,
    dataset: Dataset,
    split: StageOutput,
    embedding: StageOutput,
    trained: StageOutput,
    wanted: TrainParameters,
) -> Summary:
    """Set the threshold below which the answer is "unknown", and test it on other strangers."""

    def ask(rows: pd.DataFrame) -> NDArray[np.float32]:
        return probabilities_of(dataset, rows, embedding, trained, wanted, work.report("strangers"))

    threshold = set_threshold(ask(read_strangers(split, "validation")))
    (work.folder / THRESHOLD).write_text(json.dumps(threshold), encoding="utf-8")
    if threshold is None:
        return Summary(
            f"# Strangers: not enough data\n\nA threshold takes {LEAST} validation strangers (a "
            "third of the usable people outside the selection), and there are fewer: none is set, "
            "and a name is given to every face.\n",
            {"threshold": None, "note": "not enough data"},
        )
    drawn = Split.read(split / "split.csv")
    known, strange = ask(drawn.part("test")), ask(read_strangers(split, "test"))
    found = score_open_set(np.array(drawn.labels("test")), known, strange, threshold)
    found.curve.to_csv(work.folder / "open-set.csv", index=False)
    save(plot_open_set(found), work.folder / "open-set.png")
    facts = {name: value for name, value in asdict(found).items() if name != "curve"}
    metrics = {
        "test_open_set_identified": found.identified,
        "test_open_set_accepted": found.accepted,
        "test_dir_at_far_1": found.identified_at_far,
        "rejection_threshold": threshold,
    }
    return Summary(_told(found), facts, metrics)


def _told(found: OpenSet) -> str:
    return (
        f"# Strangers\n\nA name is given from a probability of {found.threshold:.3f} on, set so "
        "that at most 1 % of the validation strangers get one.\n\n"
        f"- Of {found.known:,} test images of known people {found.identified:.1%} get their right "
        f"name (95 % interval {found.identified_low:.1%} to {found.identified_high:.1%}).\n"
        f"- Of {found.strangers:,} strangers, none of them seen before, {found.accepted:.1%} get a "
        f"name ({found.accepted_low:.1%} to {found.accepted_high:.1%}).\n"
        f"- Detection-and-identification rate at 1 % false accepts: "
        f"{found.identified_at_far:.1%}.\n"
    )
