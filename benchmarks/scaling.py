"""What the stages cost as the data set grows: time, memory, and the slope of each.

    python -m benchmarks.scaling --sizes 500,1000,2000,4000     # minutes
    python -m benchmarks.scaling --keep benchmarks/results      # the sizes of docs/scaling.md

Data sets are made in LFW's proportions of people to images: the files are links to a few synthetic
faces, the names are as many as the size asks for. Every stage is measured at every size in
interleaved rounds, so that a busy moment of the machine falls on all of them. Processor time is
taken (of all threads), since it hardly depends on who else is at work; memory is the most
that Python and NumPy held at a time, in a round of its own. A slope is that of a straight line
through the logarithms of the medians: 1 grows with the data set, 2 with its square.
"""

import functools
import os
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from benchmarks.contest import Result, finish, options
from lfw.archive import unpack
from lfw.audit import audit_images
from lfw.bias import measure_bias
from lfw.catalog import expand_paths
from lfw.hog import hog_features
from lfw.images import read_many
from lfw.look_alikes import find_look_alikes
from lfw.manifest import build_manifest
from lfw.parameters import TrainParameters
from lfw.same_photo import THUMBNAIL_SIDE
from lfw.sample import write_sample
from lfw.split import draw_split, sample_images, select_people

LFW_IMAGES = 13_233
LFW_PEOPLE = 5_749
GROWTH = (1, 10, 1_000, 1_000_000)
SIZES = "1000,4000,13233"
_STREAMED = 64
_LOOK_ALIKES = "same photo: all pairs"
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Made:
    """A data set of one size: its archive, its images, and who is on them."""

    size: int
    archive: Path
    folder: Path
    people: pd.DataFrame
    rows: pd.DataFrame
    scratch: Path

    @property
    def paths(self) -> list[str]:
        """Image paths below the folder."""
        return [str(path) for path in self.rows["image_path"]]


def make(size: int, drawn: list[Path], folder: Path, *, archived: bool = True) -> Made:
    """Make a data set of links, with as many people to its images as LFW has."""
    people = max(2, round(size * LFW_PEOPLE / LFW_IMAGES))
    weights = 1 / np.arange(1, people + 1)  # few have many images, most have one
    more = np.floor(weights / weights.sum() * (size - people)).astype(int)
    more[0] += size - people - more.sum()
    names = [f"Person_{number:07d}" for number in range(people)]
    frame = pd.DataFrame({"name": names, "images": 1 + more})
    rows = expand_paths(frame)
    root = folder / str(size) / "images"
    archive = folder / f"{size}.zip"
    for number, path in enumerate(rows["image_path"]):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(drawn[number % len(drawn)], target)
    if archived:
        with zipfile.ZipFile(archive, "w") as packed:
            for path in rows["image_path"]:
                packed.write(root / path, f"images/{path}")
    rows["sha256"] = [f"{number:064x}" for number in range(len(rows))]
    return Made(size, archive, root, frame, rows, folder / "scratch")


def _unpack(made: Made) -> None:
    with tempfile.TemporaryDirectory(dir=made.scratch) as target:
        unpack(made.archive, Path(target) / "data")


def _manifest(made: Made) -> None:
    build_manifest(made.folder.parent)


def _list(made: Made) -> None:
    expand_paths(made.people)


def _audit(made: Made) -> None:
    audit_images(made.folder, made.paths)


def _look_alikes(made: Made) -> None:
    find_look_alikes(_thumbnails(made.size))


@functools.cache
def _thumbnails(size: int) -> NDArray[np.uint8]:
    """Draw thumbnails that are all unlike: links to one file would be pairs without end."""
    coarse = np.random.default_rng(size).integers(0, 256, (size, 12, 12), dtype=np.uint8)
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return np.stack([cv2.resize(one, side, interpolation=cv2.INTER_CUBIC) for one in coarse])


def _bias(made: Made) -> None:
    measure_bias(made.people)


def _split(made: Made) -> None:
    """Split everybody with ten images or more, as large a selection as the data set has."""
    wanted = TrainParameters(min_images=10, images_per_person="all")
    names = select_people(made.people, wanted)
    draw_split(sample_images(made.rows, names, wanted, 0), [], 0)


def _stream(made: Made) -> None:
    """Read, decode and measure image after image and keep nothing, as scoring does."""
    paths = made.paths
    for start in range(0, len(paths), _STREAMED):
        hog_features(read_many(made.folder, paths[start : start + _STREAMED]))


STAGES: dict[str, Callable[[Made], None]] = {
    "unpack": _unpack,
    "manifest (checksums)": _manifest,
    "path expansion": _list,
    "audit (decoding)": _audit,
    _LOOK_ALIKES: _look_alikes,
    "bias report": _bias,
    "split": _split,
    "streaming (read, HOG)": _stream,
}


def measure(stage: Callable[[Made], None], made: Made) -> tuple[float, float]:
    """Give processor seconds and seconds by the clock."""
    cpu, clock = time.process_time(), time.monotonic()
    stage(made)
    return time.process_time() - cpu, time.monotonic() - clock


def memory(stage: Callable[[Made], None], made: Made) -> float:
    """Give the most megabytes that Python and NumPy held at a time; this takes time of its own."""
    tracemalloc.start()
    try:
        stage(made)
        return tracemalloc.get_traced_memory()[1] / _MEGABYTE
    finally:
        tracemalloc.stop()


def slope(sizes: list[int], values: list[float]) -> float:
    """Fit a straight line to logarithms: values grow as sizes to the power of this."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(values, 1e-6)), 1)[0])


def extrapolate(sizes: list[int], seconds: list[float], squared: bool, to: float) -> float:
    """Say what a size would take, by what each image (and each pair of them) costs.

    A slope of small sizes is flattened by what a stage costs at any size, so a + b n is fitted,
    by relative least squares and with no part below zero, and then brought to what the largest size
    took: nearest to what is asked for, and least changed by chance.

    Parameters
    ----------
    sizes, seconds
        What was measured.
    squared
        Whether all images are compared with all: then c n squared is added.
    to
        Number of images.
    """
    powers = (0, 1, 2) if squared else (0, 1)
    weights = 1 / np.maximum(seconds, 1e-6)
    terms = np.stack([np.asarray(sizes, dtype=float) ** power for power in powers], axis=1)
    parts, _ = nnls(terms * weights[:, None], np.ones(len(sizes)))
    fitted = float(parts @ terms[-1])
    return float(parts @ [float(to) ** power for power in powers]) * seconds[-1] / fitted


def run(sizes: list[int], rounds: int) -> Result:
    """Measure every stage at every size, in interleaved rounds."""
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_sample(folder / "drawn", scale=0.1)
        (folder / "scratch").mkdir()
        drawn = sorted((folder / "drawn").rglob("*.jpg"))[:64]
        sets = [make(size, drawn, folder) for size in sizes]
        for made in sets:
            _thumbnails(made.size)
        for stage in STAGES.values():
            measure(stage, sets[0])  # imports and caches, once
        for turn in range(rounds):
            for made in sets if turn % 2 == 0 else sets[::-1]:
                for name, stage in STAGES.items():
                    taken.setdefault((name, made.size), []).append(measure(stage, made))
        held = {name: [memory(stage, made) for made in sets] for name, stage in STAGES.items()}
    cpu = {f"{name}, {size}": [one[0] for one in each] for (name, size), each in taken.items()}
    clock = {f"{name}, {size}, clock": [e[1] for e in each] for (name, size), each in taken.items()}
    return Result(
        "scaling",
        "python -m benchmarks.scaling",
        [],
        cpu | clock,
        {"sizes": ", ".join(f"{size:,}" for size in sizes), "rounds": rounds},
        page=_table(sizes, cpu, held),
    )


def _table(sizes: list[int], cpu: dict[str, list[float]], held: dict[str, list[float]]) -> str:
    """Put times of a processor, memory and slopes into a Markdown table."""
    size = f"{sizes[-1]:,}"
    shown = " | ".join(f"{growth:,} x LFW" for growth in GROWTH)
    lines = [
        f"| stage | µs an image at {size} | slope | MB at {size} | its slope | {shown} |",
        "|---|---" + "|---" * (3 + len(GROWTH)) + "|",
    ]
    for name, megabytes in held.items():
        seconds = [float(np.median(cpu[f"{name}, {each}"])) for each in sizes]
        at = " | ".join(
            _span(extrapolate(sizes, seconds, name == _LOOK_ALIKES, LFW_IMAGES * growth))
            for growth in GROWTH
        )
        lines.append(
            f"| {name} | {1e6 * seconds[-1] / sizes[-1]:,.0f} | {slope(sizes, seconds):.2f} "
            f"| {megabytes[-1]:,.1f} | {slope(sizes, megabytes):.2f} | {at} |"
        )
    return "\n".join(lines)


def _span(seconds: float) -> str:
    """Write a time as people say it."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__, rounds=3)
    parser.add_argument("--sizes", default=SIZES, help="numbers of images, rising")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    if len(sizes) < 2 or sizes != sorted(set(sizes)) or sizes[0] < 200 or asked.rounds < 1:
        parser.error("--sizes takes two or more rising numbers from 200 on, --rounds 1 or more")
    finish(run(sizes, asked.rounds), as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
