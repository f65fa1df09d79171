"""Audit, manifest and split at several times the size of the data set: time and memory.

    python -m benchmarks.growth                      # LFW's 13,233 images, and 10 times
    python -m benchmarks.growth --factors 1,100      # and 100 times: a quarter of an hour

Data sets are made of hard links to a few synthetic images, with as many people to the images as LFW
has (the names are generated). Each stage works on each size in interleaved rounds, in a process of
its own; a growth is the quotient of two sizes' seconds, divided by that of the images that the
stage worked on (a split is of those people who have ten images or more). Memory of a stage is the
most that the process held during it beyond what it held before; on Linux, where the mark of the
most can be put back. Elsewhere it is what was held beyond all that the process ever held before.
Audit and split are given a table of the images: what that takes is in the memory of the whole
process, beyond that of the whole process at 1 time.

The search for duplicates is not in the audit here, nor are the thumbnails that it needs, which
`lfw train` and `lfw audit` make: it compares all images with all (docs/scaling.md), and grows with
their square.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.contest import ROUNDS, Claim, Result, Taken, contest, finish, options
from benchmarks.processes import most_held, most_held_from_now
from benchmarks.processes import run as run_module
from benchmarks.scaling import Made, make
from lfw.audit import audit_images
from lfw.catalog import expand_paths
from lfw.manifest import build_manifest
from lfw.parameters import TrainParameters
from lfw.sample import write_sample
from lfw.split import draw_split, sample_images, select_people

STAGES = ("manifest", "audit", "split")
_WORDS = {
    "manifest": "manifest",
    "audit": "audit without thumbnails and the search for duplicates",
    "split": "split",
}
_GIVEN = {"audit", "split"}
"""Stages that are given a table of the images."""

_FACTORS = [1, 10]
_MOST = 1.1
_MOST_MEGABYTES = 300.0


def run(images: int, factors: list[int], rounds: int) -> Result:
    """Measure.

    Parameters
    ----------
    images
        At factor 1.
    factors
        Times that many, rising, from 1.
    rounds
        That count.
    """
    megabytes: Taken = {}
    whole: Taken = {}
    worked_on: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_sample(folder / "drawn", scale=0.1)
        (folder / "scratch").mkdir()
        drawn = sorted((folder / "drawn").rglob("*.jpg"))[:64]
        sets = {factor: make(images * factor, drawn, folder, archived=False) for factor in factors}

        def staged(stage: str, made: Made) -> float:
            ran = run_module(["benchmarks.growth", "--stage", stage, str(made.folder)])
            took = json.loads(ran.output)
            megabytes.setdefault(f"{stage} {made.size}", []).append(took["megabytes"])
            whole.setdefault(f"{stage} {made.size}", []).append(took["whole"])
            worked_on[f"{stage} {made.size}"] = int(took["images"])
            return float(took["seconds"])

        contenders = {
            f"{stage} {made.size}": lambda _, s=stage, m=made: staged(s, m)
            for made in sets.values()
            for stage in STAGES
        }
        taken = contest(contenders, rounds)
    claims = []
    for factor in factors[1:]:
        for stage in STAGES:
            small, large = f"{stage} {images}", f"{stage} {images * factor}"
            more = worked_on[large] / worked_on[small]
            claims.append(_growth(stage, factor, more, taken[small], taken[large]))
            claims.append(_memory(stage, factor, megabytes[large][-rounds:]))
            if stage in _GIVEN:
                both = whole[small][-rounds:], whole[large][-rounds:]
                claims.append(_whole_memory(stage, factor, *both))
    setting: dict[str, object] = {"images": images, "factors": factors}
    return Result(*named(factors, rounds), claims, taken, setting)


def named(factors: list[int], rounds: int) -> tuple[str, str]:
    """Give the result's name and command: of other factors it is kept beside the usual table."""
    name, command = "growth", "python -m benchmarks.growth"
    if factors != _FACTORS:
        asked = ",".join(map(str, factors))
        name, command = f"{name}_{factors[-1]}", f"{command} --factors {asked}"
    return name, command + (f" --rounds {rounds}" if rounds != ROUNDS else "")


def _growth(stage: str, factor: int, more: float, small: list[float], large: list[float]) -> Claim:
    sides = (f"{statistics.median(large):.2f} s", f"{statistics.median(small):.2f} s")
    each = [b / a / more for a, b in zip(small, large, strict=True)]
    words = (f"{_WORDS[stage]} at {factor} times, by image", "at 1 time, by image")
    return Claim(*words, _MOST, "most", "x", each, sides)


def _memory(stage: str, factor: int, held: list[float]) -> Claim:
    what = f"memory of the {_WORDS[stage]} at {factor} times, beyond"
    goal = _most_megabytes(factor)
    return Claim(what, "the process before the stage", goal, "most", "MB", held)


def _whole_memory(stage: str, factor: int, small: list[float], large: list[float]) -> Claim:
    words = (
        f"memory of the {stage}'s whole process at {factor} times, with what it is given, beyond",
        "the whole process at 1 time",
    )
    more = [b - a for a, b in zip(small, large, strict=True)]
    sides = (f"{statistics.median(large):,.0f} MB", f"{statistics.median(small):,.0f} MB")
    return Claim(*words, _most_megabytes(factor), "most", "MB", more, sides)


def _most_megabytes(factor: int) -> float | None:
    """Give the goal, which is for a hundred times."""
    return _MOST_MEGABYTES if factor >= 100 else None


def stage_of(stage: str, root: Path) -> dict[str, float]:
    """Work on one data set, and give seconds, megabytes and the images that were worked on."""
    sizes = {folder.name: len(list(folder.iterdir())) for folder in sorted(root.iterdir())}
    import pandas as pd

    people = pd.DataFrame({"name": list(sizes), "images": list(sizes.values())})
    rows = expand_paths(people)
    del sizes  # no stage is given these
    if stage == "split":
        rows["sha256"] = [f"{number:064x}" for number in range(len(rows))]
    before = most_held_from_now()
    since = time.perf_counter()
    if stage == "manifest":
        _ = build_manifest(root.parent).data_digest
    elif stage == "audit":
        audit_images(root, rows["image_path"], keep_thumbnails=False)
    else:
        wanted = TrainParameters(min_images=10, images_per_person="all")
        names = select_people(people, wanted)
        chosen = sample_images(rows, names, wanted, 0)
        draw_split(chosen, [], 0)
    seconds, whole = time.perf_counter() - since, most_held()
    took = {"seconds": seconds, "megabytes": whole - before, "whole": whole}
    return took | {"images": len(chosen if stage == "split" else rows)}


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--images", type=int, default=13233, help="at 1 time")
    usual = ",".join(map(str, _FACTORS))
    parser.add_argument("--factors", default=usual, help="rising, from 1")
    parser.add_argument("--stage", nargs=2, metavar=("STAGE", "FOLDER"), help="only that, now")
    asked = parser.parse_args()
    if asked.stage is not None:
        print(json.dumps(stage_of(asked.stage[0], Path(asked.stage[1]))))
        return
    result = run(asked.images, [int(one) for one in asked.factors.split(",")], asked.rounds)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
