"""What is asked of the accuracy table, and how the result is called."""

import argparse
import re
from collections.abc import Callable, Collection
from pathlib import Path

from benchmarks.accuracy_table import MODELS, PROTOCOLS
from lfw.embedding.store import SHIPPED, Embedding
from lfw.parameters import OUTSIDE_DATA

_SEEDS = 10
_MODELS = ",".join(name for name in MODELS if name not in OUTSIDE_DATA)


def arguments(about: str | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--source", default="auto")
    parser.add_argument("--models", type=_among(MODELS), default=_MODELS)
    parser.add_argument("--protocols", type=_among(PROTOCOLS), default=",".join(PROTOCOLS))
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--embedding", default=str(SHIPPED), help="folder of the embedding")
    parser.add_argument("--table", action="store_true", help="measure nothing: print what is known")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--keep", type=Path, help="folder to keep the result in for the pages")
    return parser.parse_args()


def _among(known: Collection[str]) -> Callable[[str], str]:
    def names(text: str) -> str:
        unknown = [name for name in text.split(",") if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}: not known; choose among {', '.join(known)}"
            )
        return text

    return names


def command_of(asked: argparse.Namespace) -> str:
    """Say what measures the same again, and keeps it in the same place."""
    words = ["python -m benchmarks.accuracy"]
    if asked.models != _MODELS:
        words.append(f"--models {asked.models}")
    if asked.protocols != ",".join(PROTOCOLS):
        words.append(f'--protocols "{asked.protocols}"')
    if Path(asked.embedding) != SHIPPED:
        words.append("--embedding FOLDER")
    if (asked.first_seed, asked.seeds) != (0, _SEEDS):
        words.append(f"--first-seed {asked.first_seed} --seeds {asked.seeds}")
    return " ".join(words)


def name_of(asked: argparse.Namespace, embedding: Embedding) -> str:
    """Name a result: what is of another embedding or of other splits is kept beside the table."""
    other = Path(asked.embedding) != SHIPPED
    of = "_" + re.sub(r"\W+", "_", str(embedding.card["label"])) if other else ""
    return f"accuracy{of}" + (f"_from_{asked.first_seed}" if asked.first_seed else "")
