"""What each second of the default run is spent on.

    python -m benchmarks.profile                 # the first run in a new data folder, and again

`lfw train` is run under pyinstrument, a sampling profiler, in a new data folder, and once more in
the same. Stages are timed by the run itself; what is in no stage is the start of Python and of
the Prefect server, imports, and the end. Imports and libraries are from the profile of the main
thread, and are spent within the stages and the rest.
"""

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pyinstrument.frame import Frame
from pyinstrument.session import Session

from benchmarks.contest import Claim, Result, finish, options
from benchmarks.data import Data, bring
from benchmarks.processes import run
from lfw.settings import data_folder

_SHOWN = 12
_TOLD = 0.05  # seconds; what takes less is not told
_PYTHON = "Python"
_OURS = re.compile(r"/(lfw|tasks|flows|infra)/")
_WAITING = {"sleep", "lock.acquire", "select", "poll", "select.poll", "select.epoll.poll"}
APART = {
    "the Prefect server waited for": ("_find_or_start", "infra/prefect_server.py"),
    "its end": ("_wait_for_end", "infra/prefect_server.py"),
    "MLflow's store made ready": ("prepare_tracking_store", "infra/mlflow_store.py"),
    "the shipped embedding registered": ("take_shipped", "tasks/embedding_registry.py"),
    "stages' files, figures and artifacts logged": ("_tell", "tasks/runs.py"),
    "the run report": ("write_report", "tasks/reporting.py"),
}
"""What is in no stage: a function, and the end of its file's path."""

WHY = {
    "fetch-and-unpack": "every image inflated, checked and written; floor: *Archive to images*",
    "read-lists": "nine lists, every reference checked against the files",
    "path-expansion": "a random split drawn, and its expectation",
    "resolution-audit": "every image decoded (floor: *Audit*); all pairs compared: an index would "
    "miss some (*Growth*)",
    "bias-report": "two figures",
    "find-embedding": "a file copied from the registry, and read",
    "stratified-split": "SHA-256 of every image of the split, so that none has changed; a figure",
    "train": "TensorFlow imported; images taken through the embedding, by its size (*Scoring*); "
    "heads fitted, each twice",
    "baselines": "three methods fitted",
    "open-set": "some 2,000 strangers taken through the embedding, once for all selections",
    "evaluate": "the saved network read and asked, since it is what is served; intervals; figures",
    "register": "the model saved, read back and registered in MLflow, with its code",
    "the Prefect server waited for": "its own imports and, on a new database, its migrations; "
    "TensorFlow or the stages' code is read meanwhile",
    "its end": "what it holds of the run is written first",
    "MLflow's store made ready": "its migrations, once a data folder; afterwards a look",
    "the shipped embedding registered": "a version, its files and its tags",
    "stages' files, figures and artifacts logged": "some sixty files",
    "the run report": "a page with figures, in place, from what the stages left",
}
_AGAIN = {
    "fetch-and-unpack": "SHA-256 of the archive and of every image, compared with what was "
    "recorded (*Audit*, the row of an archive again)",
}
"""What else holds of a run whose stages are answered by earlier ones."""


def measure(data: Data) -> Result:
    """Run the command twice under the profiler."""
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory(dir=data_folder(os.environ)) as scratch:
        for which in ("first run", "again"):
            kept = Path(scratch) / f"{which}.pyisession"
            profiled = ["pyinstrument", "-r", "pyisession", "-o", str(kept), "-m", "infra.start"]
            asked = ["train", "--source", data.spelling, "--json"]
            ran = run([*profiled, *asked], {"LFW_DATA": str(Path(scratch) / "data")})
            stages = {one["name"]: one["seconds"] for one in json.loads(ran.output)["stages"]}
            # As it was recorded: what pyinstrument prints leaves the import statements out.
            frame = Session.load(str(kept)).root_frame()
            if frame is None:
                raise RuntimeError(f"{which}: the profiler has seen nothing.")
            claims += _rows(which, ran.seconds, stages, frame)
    return Result("profile", "python -m benchmarks.profile", claims, {}, {"rounds": 1})


def _rows(which: str, seconds: float, stages: dict[str, float], frame: Frame) -> Iterator[Claim]:
    def row(what: str, value: float, note: str = "") -> Claim:
        share = f"{100 * value / seconds:.0f} %"
        return Claim(f"{which}: {what}", "", None, "most", "s", [value], (share, ""), note)

    why = WHY | (_AGAIN if which == "again" else {})
    yield row("all", seconds, "under the profiler")
    for name, took in stages.items():
        if took >= _TOLD:
            yield row(name, took, why.get(name, ""))
    rest = seconds - sum(stages.values())
    yield row("no stage", rest, "the next rows")
    apart = 0.0
    for name, (function, file) in APART.items():
        if (took := spent_in(frame, function, file)) >= _TOLD:
            apart += took
            yield row(f"{name}, within no stage", took, why[name])
    yield row(
        "all else, within no stage",
        rest - apart,
        "the start of Python, the command's imports, tasks' states sent to the server, MLflow's "
        "calls, the profiler itself",
    )
    yield row("imports, within all", imports(frame))
    for library, took in libraries(frame).most_common(_SHOWN):
        if took >= _TOLD:
            yield row(f"{library}, within all", took)


def spent_in(frame: Frame, function: str, file: str) -> float:
    """Give the seconds below the outermost calls of a function."""
    if frame.function == function and (frame.file_path or "").endswith(file):
        return frame.time
    return sum(spent_in(child, function, file) for child in frame.children)


def imports(frame: Frame) -> float:
    """Give the seconds below the outermost import statements."""
    if "importlib._bootstrap" in (frame.file_path or ""):
        return frame.time
    return sum(imports(child) for child in frame.children)


def libraries(frame: Frame, caller: str = _PYTHON) -> Counter[str]:
    """Give the seconds that each package's own code takes, what it calls in others apart.

    What is written in C counts for the package that calls it, but for waiting.
    """
    name = _library(frame, caller)
    found = Counter({name: frame.time - sum(child.time for child in frame.children)})
    for child in frame.children:
        found.update(libraries(child, name))
    return found


def _library(frame: Frame, caller: str) -> str:
    path = frame.file_path
    if path is None or path.startswith("<built-in"):
        return "waiting" if frame.function in _WAITING else caller
    _, inside, below = path.rpartition("site-packages/")
    if inside:
        return below.partition("/")[0].removesuffix(".py")
    return "lfw-flow" if _OURS.search(path) else _PYTHON


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    asked = parser.parse_args()
    finish(measure(bring(asked.source)), as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
