"""Audit, manifest and split at several times the size of the data set: time and memory.

    python -m benchmarks.growth                      # LFW's 13,233 images, and 10 times
    python -m benchmarks.growth --factors 1,100      # and 100 times: a quarter of an hour

Data sets are made of hard links to a few synthetic images, with as many people to the images as LFW
has (the names are generated). Each stage works on each size in interleaved rounds, in a process of
its own; a growth is the quotient of two sizes' seconds, divided by that of the images that the
stage worked on (a split is of those people who have ten images or more). Memory is the most that
the process held during the stage beyond what it held before; on Linux, where the mark of the
most can be put back. Elsewhere it is what was held beyond all that the process ever held before.

The search for duplicate photographs is not in the audit here, nor are the thumbnails that it needs:
it compares all images with all (docs/scaling.md), and grows with their square.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.contest import Claim, Result, contest, finish, options
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
    "audit": "audit without the search for duplicate photographs",
    "split": "split",
}
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
    megabytes: dict[str, list[float]] = {}
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
            worked_on[f"{stage} {made.size}"] = int(took["images"])
            return float(took["seconds"])

        contenders = {
            f"{stage} {made.size}": lambda _, s=stage, m=made: staged(s, m)
            for made in sets.values()
            for stage in STAGES
        }
        taken = contest(contenders, rounds, warm_up=0)  # each a process of its own
    claims = []
    for factor in factors[1:]:
        for stage in STAGES:
            small, large = f"{stage} {images}", f"{stage} {images * factor}"
            more = worked_on[large] / worked_on[small]
            claims.append(_growth(stage, factor, more, taken[small], taken[large]))
            held = megabytes[large][-rounds:]
            claims.append(
                Claim(
                    f"memory of the {_WORDS[stage]} at {factor} times, beyond",
                    "the process before the stage",
                    _MOST_MEGABYTES if factor >= 100 else None,  # what was aimed at is for that
                    "most",
                    "MB",
                    held,
                )
            )
    setting: dict[str, object] = {"images": images, "factors": factors}
    if factors == _FACTORS:
        return Result("growth", "python -m benchmarks.growth", claims, taken, setting)
    asked = ",".join(map(str, factors))  # kept beside the usual table, not in its place
    command = f"python -m benchmarks.growth --factors {asked} --rounds {rounds}"
    return Result(f"growth_{factors[-1]}", command, claims, taken, setting)


def _growth(stage: str, factor: int, more: float, small: list[float], large: list[float]) -> Claim:
    sides = (f"{statistics.median(large):.2f} s", f"{statistics.median(small):.2f} s")
    each = [b / a / more for a, b in zip(small, large, strict=True)]
    words = (f"{_WORDS[stage]} at {factor} times, by image", "at 1 time, by image")
    return Claim(*words, _MOST, "most", "x", each, sides)


def stage_of(stage: str, root: Path) -> dict[str, float]:
    """Work on one data set, and give seconds and megabytes."""
    sizes = {folder.name: len(list(folder.iterdir())) for folder in sorted(root.iterdir())}
    import pandas as pd

    people = pd.DataFrame({"name": list(sizes), "images": list(sizes.values())})
    rows = expand_paths(people)
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
    took = {"seconds": time.perf_counter() - since, "megabytes": most_held() - before}
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
