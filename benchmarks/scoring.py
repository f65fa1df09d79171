"""How much longer scoring takes than a plain decoding of the same images.

    python -m benchmarks.scoring --images 10000         # by the champion
    python -m benchmarks.scoring --images 2000 --model-version 1 --rounds 3 --json

Drawn people are decoded one by one by Pillow, and scored (decoded, answered for, put into table and
contact sheet) by a registered version, in turns. The ratio of each pair of turns is taken; the
table has their median, least and largest. The model is loaded, and warm, before the first turn.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import mlflow
from PIL import Image

from infra.mlflow_store import tracking_uri
from lfw.image_files import find_files
from lfw.sample import write_sample
from lfw.scoring import Scorer, score_files
from lfw.settings import data_folder
from tasks.promotion import find_version
from tasks.registry import MODEL_NAME


def main() -> None:
    """Measure, and print a table or one JSON object."""
    asked = _arguments()
    mlflow.set_tracking_uri(tracking_uri(data_folder(os.environ)))
    scorer = _scorer(asked.model_version)
    with tempfile.TemporaryDirectory() as folder:
        images = _draw(Path(folder), asked.images)
        some = find_files([images])
        some.files = some.files[:128]
        score_files(some, scorer, Path(folder) / "warm")
        rounds = [_round(images, scorer, Path(folder) / f"out-{n}") for n in range(asked.rounds)]
    found = _summary(rounds, asked.images, scorer.version)
    print(json.dumps(found) if asked.json else _table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model-version", default="champion")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _scorer(wanted: str) -> Scorer:
    version = find_version(wanted)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/{version}")
    threshold = loaded.unwrap_python_model().threshold
    return Scorer(MODEL_NAME, version, threshold, loaded.predict)


def _draw(folder: Path, count: int) -> Path:
    """Draw a sample of people, and copy its images until there are enough."""
    write_sample(folder / "sample", scale=0.15)
    drawn = sorted((folder / "sample").rglob("*.jpg"))
    images = folder / "images"
    images.mkdir()
    for number in range(count):
        shutil.copyfile(drawn[number % len(drawn)], images / f"{number:06}.jpg")
    return images


def _round(images: Path, scorer: Scorer, out: Path) -> dict[str, float]:
    """Decode all images, then score them: seconds by the clock, and of the processors."""
    begin = _now()
    for path in sorted(images.iterdir()):
        with Image.open(path) as image:
            image.convert("RGB").load()
    between = _now()
    score_files(find_files([images]), scorer, out)
    end = _now()
    return {
        **{f"decode_{name}": between[name] - begin[name] for name in begin},
        **{f"score_{name}": end[name] - between[name] for name in begin},
    }


def _now() -> dict[str, float]:
    return {"clock": time.perf_counter(), "processors": time.process_time()}


def _summary(rounds: list[dict[str, float]], images: int, version: str) -> dict[str, Any]:
    found: dict[str, Any] = {"images": images, "model_version": version, "rounds": len(rounds)}
    for how in ("clock", "processors"):
        decode, score = ([one[f"{what}_{how}"] for one in rounds] for what in ("decode", "score"))
        ratios = [late / early for early, late in zip(decode, score, strict=True)]
        found[how] = {
            "decode_ms": 1000 * statistics.median(decode) / images,
            "score_ms": 1000 * statistics.median(score) / images,
            "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        }
    return found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['images']:,} images, {found['rounds']} rounds, version {found['model_version']}, "
        f"peak memory {found['peak_mb']:,.0f} MB\n",
        "| time | decode, ms an image | score, ms an image | score / decode: median (min to max) |",
        "|---|---|---|---|",
    ]
    for how in ("clock", "processors"):
        row, ratio = found[how], found[how]["ratio"]
        lines.append(
            f"| {how} | {row['decode_ms']:.2f} | {row['score_ms']:.2f} | {ratio['median']:.1f} "
            f"({ratio['min']:.1f} to {ratio['max']:.1f}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
