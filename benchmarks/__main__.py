"""Run all benchmarks of speed, one after the other, and write their figures into the pages.

    python -m benchmarks --source ~/Downloads/archive.zip     # make bench ARGS="--source …"

Some 35 minutes on two quiet cores with AVX-512, most of it whole trainings. Accuracy is measured
elsewhere (benchmarks.accuracy). The profile, what images could be kept in, and what the stages cost
at larger sizes are measured when named: `--only profile caches scaling`.
"""

import argparse
import subprocess
import sys
import time

from benchmarks.contest import RESULTS

BENCHMARKS = {
    "startup": False,
    "audit": True,
    "ready": True,
    "caches": True,
    "augmentation": True,
    "growth": False,
    "scoring": True,
    "orchestration": True,
    "commands": True,
    "profile": True,
    "scaling": False,
}
"""By name: whether it takes a data set."""
_WHEN_NAMED = {"caches", "profile", "scaling"}


def main() -> None:
    """Run them all, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", default="auto", help="a zip archive of the data set")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=BENCHMARKS,
        default=sorted(BENCHMARKS.keys() - _WHEN_NAMED, key=list(BENCHMARKS).index),
        help="(all but caches, profile and scaling, which have no goals)",
    )
    asked = parser.parse_args()
    for name in asked.only:
        source = ["--source", asked.source] if BENCHMARKS[name] else []
        since = time.monotonic()
        print(f"\n{name}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--keep", str(RESULTS), *source]
        subprocess.run(command, check=True)  # noqa: S603
        print(f"\n{time.monotonic() - since:.0f} s", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.report"], check=True)


if __name__ == "__main__":
    main()
