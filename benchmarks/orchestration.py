"""What flow and tracking cost: `lfw train` against a script of the same functions.

    python -m benchmarks.orchestration                      # --model hog: short, so the strictest
    python -m benchmarks.orchestration --model embedding    # the default model, ten minutes

The script (benchmarks/peers/script.py) calls the same `lfw` functions in a row. The flow adds
Prefect's states and artifacts, MLflow's run, the registered model and the run report, checksums of
every stage's files, and their reuse. Each starts in an empty data folder and is a process of its
own; the Prefect server is up before, and a first round, which does not count, warms it up. Both
must come to the same test accuracy. Beside them, what Prefect and MLflow take by themselves: a flow
of as many tasks that do nothing, tracked (benchmarks/peers/tracked.py).
"""

import json
import os
import statistics
import tempfile
from pathlib import Path

from benchmarks.contest import Claim, Result, compare, contest, finish, options
from benchmarks.data import Data, bring
from benchmarks.processes import run
from infra.prefect_server import client_settings, prefect_server
from lfw.errors import LfwError
from lfw.settings import data_folder

_USUAL = "hog"


def measure(data: Data, rounds: int, model: str) -> Result:
    """Run both in interleaved rounds."""
    accuracy: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data_folder(os.environ)) as scratch:

        def flow(turn: int) -> float:
            asked = ["infra.start", "train", "--source", data.spelling, "--model", model]
            folder = Path(scratch) / f"flow-{turn}"
            ran = run([*asked, "--json"], {"LFW_DATA": str(folder), "PREFECT_API_URL": url})
            accuracy["flow"] = json.loads(ran.output)["test"]["accuracy"]["value"]
            return ran.seconds

        def script(turn: int) -> float:
            folder = Path(scratch) / f"script-{turn}"
            folder.mkdir()
            asked = ["benchmarks.peers.script", data.spelling, str(folder), model]
            ran = run(asked, {"LFW_DATA": str(folder)})
            accuracy["script"] = float(ran.output.split()[-1])
            return ran.seconds

        def nothing(turn: int) -> float:
            folder = Path(scratch) / f"nothing-{turn}"
            folder.mkdir()
            environ = {**client_settings(folder), "PREFECT_API_URL": url}
            return run(["benchmarks.peers.tracked", str(folder)], environ).seconds

        with prefect_server(Path(scratch) / "server") as url:
            contenders = {"flow": flow, "script": script, "nothing": nothing}
            taken = contest(contenders, rounds)
    if accuracy["flow"] != accuracy["script"]:
        raise LfwError(f"Flow and script differ: {accuracy}.")
    more = [a - b for a, b in zip(taken["flow"], taken["script"], strict=True)]
    words = (f"`lfw train --model {model}`, server up", "the same functions in a script")
    sides = (f"{statistics.median(taken['flow']):.1f} s",
             f"{statistics.median(taken['script']):.1f} s")  # fmt: skip
    claims = [
        compare(taken, ("flow", "script"), words, 1.2),
        Claim(f"{words[0]}: seconds more", words[1], 12.0, "most", "s", more, sides),
        Claim(
            "floor: a flow of 18 tasks that do nothing, an MLflow run, a registered model",
            "nothing at all",
            None,
            "most",
            "s",
            taken["nothing"],
        ),
    ]
    setting: dict[str, object] = {"images": len(data.paths), "test accuracy of both": accuracy}
    return Result(*named(model), claims, taken, setting)


def named(model: str) -> tuple[str, str]:
    """Give the result's name and command: but for the usual model it is kept beside that table."""
    name, command = "orchestration", "python -m benchmarks.orchestration"
    return (name, command) if model == _USUAL else (f"{name}_{model}", f"{command} --model {model}")


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--model", choices=("hog", "embedding"), default=_USUAL)
    asked = parser.parse_args()
    result = measure(bring(asked.source), asked.rounds, asked.model)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
