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
WHY = {
    "fetch-and-unpack": "SHA-256 of the archive and of every image; one file written of all images",
    "read-lists": "nine lists, every reference checked against the files",
    "path-expansion": "a random split drawn, and its expectation",
    "resolution-audit": "every image decoded; all pairs compared, the nearest laid on each other",
    "bias-report": "two figures",
    "find-embedding": "a file copied from the registry, and read",
    "stratified-split": "SHA-256 of every image of the split; a figure",
    "train": "images taken through the embedding, which are most of it; heads fitted",
    "baselines": "three methods fitted",
    "open-set": "strangers taken through the embedding, once for all selections",
    "evaluate": "the saved network read, and asked about six images; intervals; figures",
    "register": "the model saved, checked and registered in MLflow",
}


def measure(data: Data) -> Result:
    """Run the command twice under the profiler."""
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory(dir=data_folder(os.environ)) as scratch:
        for which in ("first run", "again"):
            kept = Path(scratch) / f"{which}.pyisession"
            profiled = ["pyinstrument", "-r", "pyisession", "-o", str(kept), "-m", "infra.start"]
            asked = ["train", "--source", data.source.location, "--json"]
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

    yield row("all", seconds, "under the profiler")
    for name, took in stages.items():
        if took >= _TOLD:
            yield row(name, took, WHY.get(name, ""))
    rest = seconds - sum(stages.values())
    yield row("no stage", rest, "Python, imports, the Prefect server, MLflow, the run report")
    yield row("imports, within all", imports(frame))
    for library, took in libraries(frame).most_common(_SHOWN):
        if took >= _TOLD:
            yield row(f"{library}, within all", took)


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
