"""Whole commands against the notebook's script: time, and memory.

    python -m benchmarks.commands                    # 20 minutes on two quiet cores
    python -m benchmarks.commands --rounds 1 --epochs 1 --source sample

In each round, one after the other, each as a process of its own, server start included. There is no
round to warm up, as one takes minutes: the data set is fetched first, into the disk's cache.

* the notebook's script (benchmarks/peers/notebook.py). Its fit of 14 epochs is taken as the first
  epoch and 13 times the median of the later ones, of which `--epochs` are run in all (14: all).
  It is told to keep the memory that it has been given: as it is written it hands back, and asks for
  anew, a gigabyte at every step, which on a virtual machine may take it twice as long;
* `lfw train` in a new data folder, which fetches and audits everything: the first run;
* the same command again in that folder;
* the same people and images there, parted otherwise (`--test-share 0.25`): all vectors are kept;
* `lfw train` for other people in that folder, with data and embedding at hand: of those that follow
  the six most photographed so many that there are as many images as the notebook has, 450;
* `lfw train --model compact`, data at hand, with another seed in every round;
* a flow of as many tasks that do nothing, tracked (benchmarks/peers/tracked.py), its databases at
  hand, on the server that Prefect starts for a flow by itself: what is left when nothing is done.

Memory of the notebook's script is that of one more run in each round, of one epoch and without the
settings for its memory, which make it faster but let it hold more: as its user would write it.
"""

import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.contest import Claim, Result, Taken, compare, contest, finish, options, ratios
from benchmarks.data import Data, bring
from benchmarks.processes import Ran, run
from infra.prefect_server import client_settings
from lfw.settings import data_folder

_EPOCHS = 14
_IMAGES = 450  # of the notebook: six people, 75 each
_RETRAINING = 20.0  # seconds
_FIT = "the notebook's `fit`, 14 epochs"
_KEPT_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}  # of glibc


class Commands:
    """The contenders, and what they were seen to hold and to answer."""

    def __init__(self, data: Data, scratch: Path, epochs: int) -> None:
        self.data = data
        self.scratch = scratch
        self.epochs = epochs
        self.megabytes: Taken = {}
        self.accuracy: dict[str, list[float]] = {}
        self.people = other_people(data.people)
        self.files = data.as_files(scratch / "files")[0]

    def contenders(self) -> dict[str, Any]:
        """Give them by name."""
        return {
            "notebook fit": self.notebook,
            "notebook as written": self.notebook_as_written,
            "first run": lambda turn: self.train("first run", self.fresh(turn)),
            "again": lambda turn: self.train("again", self.fresh(turn)),
            "split again": lambda turn: self.train(
                "split again", self.fresh(turn), "--test-share", "0.25"
            ),
            "embedding": lambda turn: self.train(
                "embedding", self.fresh(turn), "--people", *self.people
            ),
            "compact": lambda turn: self.train(
                "compact", self.fresh(0), "--model", "compact", "--seed", str(turn)
            ),
            "nothing": lambda _: self.nothing(),
        }

    def fresh(self, turn: int) -> Path:
        """Give the data folder of a round."""
        return self.scratch / f"data-{turn}"

    def train(self, name: str, folder: Path, *more: str) -> float:
        """Run the command, and give its seconds."""
        arguments = ["infra.start", "train", "--source", self.data.spelling, *more, "--json"]
        ran = run(arguments, {"LFW_DATA": str(folder)})
        test = json.loads(ran.output)["test"]
        self._keep(name, ran, test["accuracy"]["value"])
        return ran.seconds

    def nothing(self) -> float:
        """Run a flow that does nothing, and give the seconds of the whole."""
        folder = self.scratch / "nothing"
        folder.mkdir(exist_ok=True)
        settings = client_settings(folder) | {
            "PREFECT_API_URL": "",  # not the user's own server
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        }
        return run(["benchmarks.peers.tracked", str(folder)], settings).seconds

    def notebook(self, turn: int) -> float:
        """Run the notebook's script, and give the seconds of its whole fit."""
        ran = self._notebook(self.scratch / f"notebook-{turn}", self.epochs, _KEPT_MEMORY)
        took = json.loads(ran.output.splitlines()[-1])
        self._keep("notebook fit", ran, None)
        later = statistics.median(took["later"] or [took["first"]])
        return float(took["first"] + (_EPOCHS - 1) * later)

    def notebook_as_written(self, turn: int) -> float:
        """Run the notebook's script for an epoch as its user would, for what it holds."""
        ran = self._notebook(self.scratch / f"notebook-as-written-{turn}", 1, {})
        self._keep("notebook as written", ran, None)
        return ran.seconds

    def _notebook(self, folder: Path, epochs: int, environ: dict[str, str]) -> Ran:
        folder.mkdir()
        places = [str(self.files), str(folder), "--images", self.data.inside]
        return run(["benchmarks.peers.notebook", *places, "--epochs", str(epochs)], environ)

    def _keep(self, name: str, ran: Ran, accuracy: float | None) -> None:
        self.megabytes.setdefault(name, []).append(ran.megabytes)
        if accuracy is not None:
            self.accuracy.setdefault(name, []).append(accuracy)


def other_people(people: pd.DataFrame) -> list[str]:
    """Give the most photographed from the seventh on: so many that they have 450 images.

    All have as many as the last of them. Of a small sample, all people but the six.
    """
    ranked = people.sort_values(["images", "name"], ascending=[False, True])
    others = ranked[6:] if len(ranked) > 7 else ranked
    names = others["name"].tolist()
    for count, images in enumerate(others["images"], start=1):
        if count * images >= _IMAGES:
            return names[:count]
    return names


def measure(data: Data, rounds: int, epochs: int) -> Result:
    """Run all commands in interleaved rounds."""
    home = data_folder(os.environ)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        commands = Commands(data, Path(scratch), epochs)
        commands.nothing()  # makes its databases
        taken = contest(commands.contenders(), rounds, warm_up=0, turned=False)
    held = commands.megabytes
    setting: dict[str, object] = {
        "epochs run of the notebook's fit": epochs,
        "test accuracy": {n: round(statistics.mean(v), 3) for n, v in commands.accuracy.items()},
        "megabytes": {name: round(statistics.median(values)) for name, values in held.items()},
    }
    claims = [*_times(taken, len(commands.people)), _memory(held)]
    return Result("commands", "python -m benchmarks.commands", claims, taken, setting)


def _times(taken: dict[str, list[float]], people: int) -> list[Claim]:
    new = f"`lfw train --people …`: {people} other people, data and embedding at hand"
    compact = "`lfw train --model compact`, data at hand"
    again = "`lfw train` again, nothing changed"
    nothing = (
        "beside them: 18 tasks that do nothing and a model of one line, on Prefect's own server"
    )
    return [
        compare(taken, ("embedding", "notebook fit"), (new, _FIT), 0.25),
        compare(taken, ("compact", "notebook fit"), (compact, _FIT), 1.0),
        compare(taken, ("again", "first run"), (again, "its first run"), 0.15),
        compare(taken, ("nothing", "first run"), (nothing, "`lfw train`, the first run"), None),
        compare(taken, ("nothing", "notebook fit"), (nothing, _FIT), None),
        compare(taken, ("first run", "notebook fit"), ("`lfw train`, the first run", _FIT), None),
        Claim(
            "`lfw train`, another split of the same 6 people × 75, vectors cached",  # noqa: RUF001
            "nothing",
            _RETRAINING,
            "most",
            "s",
            taken["split again"],
        ),
    ]


def _memory(held: Taken) -> Claim:
    ours, peer = "first run", "notebook as written"
    return Claim(
        "peak memory of `lfw train`, its Prefect server included",
        "the notebook's script as its user would write it, one epoch",
        0.7,
        "most",
        "x",
        ratios(held, ours, peer),
        (f"{statistics.median(held[ours]):,.0f} MB", f"{statistics.median(held[peer]):,.0f} MB"),
    )


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--epochs", type=int, default=2, help="of the notebook's 14 that are run")
    asked = parser.parse_args()
    result = measure(bring(asked.source), asked.rounds, asked.epochs)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
