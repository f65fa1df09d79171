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
    parser.add_argument(
        "--embedding",
        default=str(SHIPPED),
        help="folder of the embedding: of one learned here, in data/stages/pretrain",
    )
    parser.add_argument("--table", action="store_true", help="measure nothing: print what is known")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--keep", type=Path, help="folder to keep the result in for the pages")
    return parser.parse_args()


def _among(known: Collection[str]) -> Callable[[str], str]:
    def names(text: str) -> str:
        given = text.split(",")
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}: not known; choose among {', '.join(known)}"
            )
        if len(set(given)) < len(given):
            raise argparse.ArgumentTypeError(f"{text}: name each once")
        return text

    return names


def command_of(asked: argparse.Namespace) -> str:
    """Say what measures the same again."""
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
    """Name a result: only the whole table is called ``accuracy``, the rest is kept beside it."""
    parts = ["accuracy"]
    if Path(asked.embedding) != SHIPPED:
        parts += [str(embedding.card["label"])[:30], embedding.digest[:6]]
    if asked.protocols != ",".join(PROTOCOLS):
        parts.append(asked.protocols)
    if (asked.first_seed, asked.seeds) != (0, _SEEDS):
        parts.append(f"{asked.seeds} from {asked.first_seed}")
    if len(parts) == 1 and not set(asked.models.split(",")) >= set(_MODELS.split(",")):
        parts.append(asked.models)
    return re.sub(r"\W+", "_", " ".join(parts))
