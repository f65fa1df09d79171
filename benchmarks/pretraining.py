"""The default embedding learned again: how long that takes, and how like the shipped one it is.

    python -m benchmarks.pretraining --source ~/Downloads/archive.zip    # forty minutes

`lfw pretrain` in a data folder of its own, as a user would run it: from the archive to the
registered version. Then View 1 is judged by it and, in another data folder, by the shipped one.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.contest import Claim, Result, Taken, finish
from benchmarks.processes import run
from lfw.embedding.store import CARD, SHIPPED
from lfw.settings import data_folder

_MINUTES = 40.0
_POINT = 1.0


def measure(source: str, epochs: int | None = None) -> Result:
    """Learn, and judge both.

    Parameters
    ----------
    source
        As for ``lfw pretrain --source``.
    epochs
        The default's, if None.
    """
    home = data_folder(os.environ)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        folder, other = Path(scratch) / "learned", Path(scratch) / "shipped"
        more = [] if epochs is None else ["--epochs", str(epochs)]
        asked = ["infra.start", "pretrain", "--source", source, *more, "--json"]
        ran = run(asked, {"LFW_DATA": str(folder)})
        told = json.loads(ran.output)
        [learned] = (folder / "stages" / "pretrain").glob(f"*/{CARD}")
        card = json.loads(learned.read_text(encoding="utf-8"))
        history = pd.read_csv(learned.parent / "history.csv")
        verified = [
            _verified(source, folder, told["model_version"]),
            _verified(source, other, "champion"),
        ]
    shipped = json.loads((SHIPPED / CARD).read_text(encoding="utf-8"))
    return result_of(ran.seconds, history["seconds"].tolist(), (card, shipped), verified)


def _verified(source: str, folder: Path, version: str) -> dict[str, Any]:
    asked = ["infra.start", "verify", "--source", source, "--embedding", version, "--json"]
    found: dict[str, Any] = json.loads(run(asked, {"LFW_DATA": str(folder)}).output)
    judged: dict[str, Any] = found["verification"]
    return judged


def result_of(
    seconds: float,
    epochs: list[float],
    cards: tuple[dict[str, Any], dict[str, Any]],
    verified: list[dict[str, Any]],
) -> Result:
    """Put together what is kept.

    Parameters
    ----------
    seconds
        Of the whole command.
    epochs
        Of each epoch.
    cards, verified
        Of the embedding learned here, and of the shipped one: their cards, and what
        ``lfw verify`` said.
    """
    watched = [card["validation"] for card in cards]
    taken: Taken = {"seconds": [seconds], "seconds of an epoch": epochs}
    claims = [
        Claim("`lfw pretrain`: whole command", "", _MINUTES, "most", "min", [seconds / 60]),
        _apart("monitoring pairs", [one["pairs_accuracy"] for one in watched]),
        _apart(
            "`lfw verify`",
            [one["accuracy"] for one in verified],
            [one["standard_error"] for one in verified],
        ),
    ]
    digests = [card["weights_digest"] for card in cards]
    setting: dict[str, object] = {
        "rounds": None,  # once
        "epochs": len(epochs),
        "seconds of an epoch": f"{statistics.median(epochs):.0f} ({max(epochs):.0f} at most)",
        "area under the ROC curve, monitoring pairs": _sides([w["pairs_auc"] for w in watched]),
        "area under the ROC curve, lfw verify": _sides([one["auc"] for one in verified]),
        "pairs judged": verified[0]["pairs"],
        "weights": digests[0][:10],
        "weights are the shipped ones": digests[0] == digests[1],
    }
    return Result("pretraining", "python -m benchmarks.pretraining", claims, taken, setting)


def _apart(how: str, accuracies: list[float], errors: list[float] | None = None) -> Claim:
    ends = [""] * 2 if errors is None else [f" ± {error:.3f}" for error in errors]
    first, second = (f"{a:.3f}{end}" for a, end in zip(accuracies, ends, strict=True))
    return Claim(
        f"learned again by `lfw pretrain`: accuracy on View 1 by {how}, difference",
        "the shipped embedding",
        _POINT,
        "most",
        "points",
        [100 * abs(accuracies[0] - accuracies[1])],
        (first, second),
    )


def _sides(figures: list[float]) -> str:
    return " and, of the shipped one, ".join(f"{figure:.3f}" for figure in figures)


def main() -> None:
    """Measure, and print the table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", default="auto")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--keep", type=Path, help="folder to keep the result in")
    asked = parser.parse_args()
    finish(measure(asked.source), as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
