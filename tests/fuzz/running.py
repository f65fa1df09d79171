"""What the fuzzers share: modules whose branches are counted, and seeds to start from."""

import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

OPTIONS = ("-max_len=6144", "-timeout=60", "-rss_limit_mb=3072", "-print_final_stats=1")
"""Longer inputs only slow it down; what takes a minute or 3 GB is a finding, too."""


def fuzz(
    modules: Sequence[str],
    target: Callable[[Path], Callable[[bytes], None]],
    seeds: Sequence[bytes],
    arguments: Sequence[str],
) -> None:
    """Feed mutated seeds to a target until an exception leaves it, or all runs are done.

    Parameters
    ----------
    modules
        The modules whose branches guide the mutation.
    target
        Makes the function that is fed, given an empty folder; it is called when `modules` are
        instrumented.
    seeds
        What is mutated first.
    arguments
        Of libFuzzer, such as ``-runs=1000000``, or a file that is to be fed once more.
    """
    import atheris

    with atheris.instrument_imports(include=list(modules)):
        for name in modules:
            known = sys.modules.get(name)
            importlib.reload(known) if known else importlib.import_module(name)
    again = [name for name in arguments if not name.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus, room = Path(folder) / "corpus", Path(folder) / "room"
        for made in (corpus, room):
            made.mkdir()
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(seed)
        inputs = [] if again else [str(corpus)]
        atheris.Setup([sys.argv[0], *OPTIONS, *arguments, *inputs], target(room))
        atheris.Fuzz()
