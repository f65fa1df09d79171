"""Whether run after run in one process leaves memory, files, threads and disk as they were.

    python -m benchmarks.soak --runs 200
    python -m benchmarks.soak --runs 20 --json

Each run trains on a small drawn data set from its first stage to its last: the results of stages
are removed before it. What runs leave on purpose (records, models and logs, in MLflow and Prefect)
is counted by itself. Growth is the slope of a straight line, a run; the first runs, which import
libraries and fill caches, are left out. The exit code is 1 if anything grows that should not; time
swings, and twice its slope's standard error is allowed for.
"""

import argparse
import contextlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from infra.prefect_server import client_environment, prefect_server
from lfw.sample import write_sample

_WARM = 4
_LARGEST_GROWTH = {
    "memory_mb": 0.5,
    "open_files": 0.05,
    "threads": 0.05,
    "children": 0.05,
    "temporary_files": 0.05,
    "disk_mb": 0.02,
    "import_path": 0.05,
    "processor_seconds": 0.01,
}
"""What a run may add on average; memory falls apart into pieces a little."""

_SWINGS = ("processor_seconds",)
_RECORDS = ("mlflow", "prefect", "home")


def main() -> None:
    """Measure, and print a table or one JSON object."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LFW_DATA"] = folder
        for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "LFW_SOURCE"):
            os.environ.pop(name, None)
        source = Path(folder) / "source"
        write_sample(source, scale=0.15)
        with prefect_server(Path(folder)) as url, contextlib.redirect_stdout(sys.stderr):
            os.environ.update(client_environment(Path(folder), url))
            train = importlib.import_module("flows.train_faces").train_faces
            rows = [_measure(Path(folder), source, train) for _ in range(asked.runs)]
    found = summary(rows)
    print(json.dumps({"rows": rows, **found}) if asked.json else _table(found, asked.runs))
    raise SystemExit(bool(found["growing"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.runs < _WARM + 4:
        parser.error(f"--runs: at least {_WARM + 4} make a slope")
    return asked


def _measure(folder: Path, source: Path, train: Callable[..., Any]) -> dict[str, float]:
    shutil.rmtree(folder / "stages", ignore_errors=True)
    began, worked = time.monotonic(), time.process_time()
    train(source=str(source), model="hog", top=3, images_per_person=15)
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    me = psutil.Process()
    shared = Path(tempfile.gettempdir())
    own = [path for path in (folder / "tmp").iterdir() if path.name != "sweep"]
    return {
        "seconds": seconds,
        "processor_seconds": worked,
        "memory_mb": me.memory_info().rss / 2**20,
        "open_files": float(me.num_fds()),
        "threads": float(threading.active_count()),
        "children": float(len(me.children(recursive=True))),
        "temporary_files": float(len(own) + sum(1 for _ in shared.iterdir())),
        "import_path": float(len(sys.path)),
        "disk_mb": _size(folder, lambda top: top not in _RECORDS) / 2**20,
        "records_mb": _size(folder, lambda top: top in _RECORDS) / 2**20,
    }


def _size(folder: Path, counted: Callable[[str], bool]) -> float:
    total = 0
    for top in folder.iterdir():
        if counted(top.name):
            paths = top.rglob("*") if top.is_dir() else [top]
            for path in paths:
                with contextlib.suppress(FileNotFoundError):  # the server's, on their way
                    total += path.stat().st_size if path.is_file() else 0
    return total


def summary(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Say how each quantity went: after the warm-up, at the end, and its growth a run.

    Parameters
    ----------
    rows
        A row of quantities a run, in order.

    Returns
    -------
    dict
        ``quantities``, each with ``first``, ``last``, ``growth`` a run and its standard ``error``;
        ``growing``, those that grow by more than they may.
    """
    warm = rows[_WARM:]
    quantities = {}
    for name in warm[0]:
        values = [row[name] for row in warm]
        line, spread = np.polyfit(np.arange(len(warm)), values, 1, cov=True)
        quantities[name] = {
            "first": values[0],
            "last": values[-1],
            "growth": float(line[0]),
            "error": float(np.sqrt(max(spread[0, 0], 0))),
        }
    growing = []
    for name, most in _LARGEST_GROWTH.items():
        allowed = most + 2 * quantities[name]["error"] * (name in _SWINGS)
        if quantities[name]["growth"] > allowed:
            growing.append(name)
    return {"quantities": quantities, "growing": growing}


def _table(found: dict[str, Any], runs: int) -> str:
    lines = [
        f"{runs} runs, the first {_WARM} left out\n",
        "| | after the first | at the end | growth a run | standard error | at most |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in found["quantities"].items():
        most = _LARGEST_GROWTH.get(name, "")
        growth = f"{row['growth']:+.3f} | {row['error']:.3f} | {most}"
        shown = name.replace("_", " ")
        lines.append(f"| {shown} | {row['first']:.1f} | {row['last']:.1f} | {growth} |")
    said = f"grows: {', '.join(found['growing'])}" if found["growing"] else "nothing grows"
    return "\n".join([*lines, "", said])


if __name__ == "__main__":
    main()
