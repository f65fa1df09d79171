"""Run the benchmarks of speed, one after the other, and write their figures into the pages.

    python -m benchmarks --source ~/Downloads/archive.zip     # make bench ARGS="--source …"
    python -m benchmarks --source ~/Downloads/archive.zip --all

The usual ones take some 45 minutes on two quiet cores with AVX-512, most of it whole trainings; all
take an hour and a quarter more. Where one fails the others are run all the same; its figures stay
as they were kept, and the exit code is 1. Accuracy is measured elsewhere (benchmarks.accuracy).
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.contest import RESULTS
from benchmarks.data import SKIPPED
from lfw.errors import InputError
from lfw.settings import data_folder
from lfw.sources import choose_source


@dataclass(frozen=True)
class Variant:
    """A benchmark with its arguments.

    Attributes
    ----------
    module
        In this package.
    arguments
        What is given to it.
    of_data
        Whether it takes a data set.
    apart
        Why it is not among the usual ones; empty if it is.
    """

    module: str
    arguments: tuple[str, ...] = ()
    of_data: bool = True
    apart: str = ""

    def command(self, source: str) -> list[str]:
        """Give the command that measures it, and keeps the result."""
        named = ["--source", source] if self.of_data else []
        keep = ["--keep", str(RESULTS)]
        return [sys.executable, "-m", f"benchmarks.{self.module}", *self.arguments, *named, *keep]


VARIANTS = {
    "startup": Variant("startup", of_data=False),
    "audit": Variant("audit"),
    "ready": Variant("ready"),
    "caches": Variant("caches", apart="no goal"),
    "augmentation": Variant("augmentation"),
    "growth": Variant("growth", of_data=False),
    "growth_100": Variant("growth", ("--factors", "1,100"), of_data=False, apart="18 minutes"),
    "scoring": Variant("scoring"),
    "orchestration": Variant("orchestration"),
    "orchestration_embedding": Variant(
        "orchestration", ("--model", "embedding"), apart="12 minutes"
    ),
    "commands": Variant("commands"),
    "pretraining": Variant("pretraining", apart="40 minutes"),
    "profile": Variant("profile", apart="no goal"),
    "scaling": Variant("scaling", of_data=False, apart="no goal"),
}
"""By the name under which the result is kept."""

_USUAL = [name for name, variant in VARIANTS.items() if not variant.apart]
_APART = ", ".join(f"{name} ({one.apart})" for name, one in VARIANTS.items() if one.apart)


def main() -> None:
    """Run the usual ones, those that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", default="auto", help="a zip archive of the data set")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=VARIANTS,
        default=_USUAL,
        help=f"which: the usual ones are {', '.join(_USUAL)}; the others are {_APART}",
    )
    which.add_argument(
        "--all",
        action="store_const",
        const=list(VARIANTS),
        dest="only",
        help="the usual ones and the others",
    )
    asked = parser.parse_args()
    try:
        choose_source(asked.source, data_folder(os.environ), os.environ)
    except InputError as error:
        parser.error(str(error))
    codes = {name: _measure(name, asked.source) for name in asked.only}
    report = subprocess.run([sys.executable, "-m", "benchmarks.report"], check=False)
    skipped = [name for name, code in codes.items() if code == SKIPPED]
    failed = [name for name, code in codes.items() if code not in {0, SKIPPED}]
    failed += ["the report"] if report.returncode else []
    if skipped:
        print(f"\nSkipped, as it says above: {', '.join(skipped)}.", flush=True)
    if failed:
        raise SystemExit(f"\nFailed, as it says above: {', '.join(failed)}.")


def _measure(name: str, source: str) -> int:
    """Run one, and give its exit code."""
    since = time.monotonic()
    print(f"\n{name}\n", flush=True)
    code = subprocess.run(VARIANTS[name].command(source), check=False).returncode  # noqa: S603
    print(f"\n{time.monotonic() - since:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    main()
