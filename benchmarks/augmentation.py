"""Augmented training images a second, against Keras' `ImageDataGenerator.flow_from_directory`.

    python -m benchmarks.augmentation

At the notebook's size (250 x 250 RGB), and at the sizes of `compact` (112 x 96 grey) and
`embedding` (its faces, RGB), where the peer gets that `target_size` and `color_mode`. All shear,
zoom and flip, as the notebook has it. What the project does to images of these sizes is more, and
is in rows without a goal: `compact` shifts, turns and zooms them and changes their light;
pretraining and fine-tuning change faces in eleven ways. The peer decodes each image again in every
pass; the project decodes all once, before the fit, and keeps them in 8 bits at the network's size.
That is not in its time here, but in a row of its own.

Batches of the small sizes are taken twice: by a loop in Python, as the generator's are, and as the
fit of `compact` takes them, a pass by one call of TensorFlow's graph, which leaves Python's lock to
those who make them. Last, what part of a training step of `compact` its input is, by the clock and
by the processors' time.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contest import Claim, Contender, Result, Taken, compare, contest, finish, options
from benchmarks.data import Data, bring
from benchmarks.inputs import (
    BATCH,
    affine_alone,
    changes_alone,
    faces_of,
    generator,
    grey_of,
    passes,
    pretraining_input,
    take,
    unchanged_input,
)
from benchmarks.peers.loops import copy_parts
from lfw.images import read_many
from lfw.parameters import TrainParameters
from lfw.split import Split, draw_split, sample_images, select_people
from lfw.threads import one_thread_an_image

_SMALL = 3  # times as many batches of small images a round
_MORE = 10  # times as many of `tf.data`: a fit begins its input once
_PASSES = 24  # of a fit whose input's share is measured
_PAIRS = 3  # of such fits a round
_REAL, _KEPT, _PLAIN = "fit on its input", "fit on one batch", "fit on its input, unchanged"
_UNCHANGED, _CHANGES = "grey, nothing changed", "grey, changes alone"
_SIZES = {
    "grey": "112x96 grey, the size of `compact`",
    "RGB": "112x96 RGB, the size of `embedding`",
}
_IN_GRAPH = "taken within TensorFlow's graph, as a fit takes them"
_IN_LOOP = "taken by a loop in Python, as the generator's are"
_PEER = "`ImageDataGenerator.flow_from_directory`"

Taker = Callable[[Any, int], None]
"""Takes some of the batches."""


def run(data: Data, rounds: int, steps: int) -> Result:
    """Measure.

    Parameters
    ----------
    data
        The images.
    rounds
        That count.
    steps
        Batches a round.
    """
    asked = TrainParameters()
    names = select_people(data.people, asked)
    split = draw_split(sample_images(data.rows, names, asked, 0), [], 0)
    paths = split.part("train")["image_path"].tolist()
    pixels = read_many(data.images, paths)
    labels = np.array(split.labels("train"))
    with tempfile.TemporaryDirectory() as folder:
        files = data.as_files(Path(folder) / "all")[1]
        copy_parts(files, {"train": paths}, Path(folder))
        contenders = _contenders(Path(folder) / "train", pixels, labels, steps)
        contenders["decoding"] = lambda _: take(read_many(data.images, paths), len(paths))
        with one_thread_an_image():  # as in a fit
            taken = contest(contenders, rounds)
            shares, fits = _shares(pixels, split, rounds)
        taken |= fits
    whole = steps * BATCH / len(pixels)  # passes a round
    each = [seconds / whole for seconds in taken["notebook, generator"]]
    decoding = Claim(
        "all images decoded, once a fit",
        "one pass of the generator over 250x250 RGB",
        None,
        "most",
        "x",
        [ours / peer for ours, peer in zip(taken["decoding"], each, strict=True)],
    )
    compact = f"{_SIZES['grey']}: the changes of `compact`, {_IN_GRAPH}"
    claims = [
        _claim(taken, "notebook", "250x250 RGB: shear, zoom, flip", 6.0),
        *_of_size(taken, "grey"),
        _sum_of_parts(taken),
        _claim(taken, "compact", compact, None),
        *_of_size(taken, "RGB"),
        _claim(taken, "pretraining", "the same size: the eleven changes of `lfw pretrain`", None),
        decoding,
        *shares,
    ]
    setting: dict[str, object] = {
        "images": len(pixels),
        "batch": BATCH,
        "batches a round": steps,
        "of small images": _SMALL * steps,
        "times as many of `tf.data`": _MORE,
    }
    return Result("augmentation", "python -m benchmarks.augmentation", claims, taken, setting)


def _of_size(taken: Taken, size: str) -> list[Claim]:
    """Give what is compared like for like at a small size, and the floor."""
    words = f"{_SIZES[size]}: shear, zoom, flip"
    return [
        _claim(taken, f"{size}, within a graph", f"{words}, {_IN_GRAPH}", 20.0),
        _claim(taken, size, f"{words}, {_IN_LOOP}", 20.0),
        compare(
            taken,
            (f"{size}, affine alone", f"{size}, generator"),
            (f"floor: the map of pixels alone, 112x96 {size}, in two threads", _PEER),
            None,
            "least",
        ),
    ]


def _claim(taken: Taken, name: str, words: str, goal: float | None) -> Claim:
    size = {"compact": "grey", "pretraining": "RGB"}.get(name, name.partition(",")[0])
    pair = (name, f"{size}, generator")
    return compare(taken, pair, (f"augmented input, {words}", _PEER), goal, "least")


def _sum_of_parts(taken: Taken) -> Claim:
    """Add what batches cost with nothing done to them, and what is done to them alone.

    That is no floor, as the two may overlap.
    """
    parts = [a + b for a, b in zip(taken[_UNCHANGED], taken[_CHANGES], strict=True)]
    words = "112x96 grey, part after part: batches with nothing changed, then the changes alone"
    both = taken | {"parts": parts}
    return compare(both, ("parts", "grey, generator"), (words, _PEER), None, "least")


def _contenders(
    folder: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64], steps: int
) -> dict[str, Contender]:
    from lfw.embedding.network import HEIGHT, WIDTH
    from lfw.networks import compact

    grey, faces = grey_of(pixels), faces_of(pixels)
    sizes = {
        "notebook": (pixels.shape[1:3], "rgb"),
        "grey": ((compact._HEIGHT, compact._WIDTH), "grayscale"),
        "RGB": ((HEIGHT, WIDTH), "rgb"),
    }
    small = _SMALL * steps
    alike = {
        "grey": passes(grey, labels, "compact", "notebook"),
        "RGB": passes(faces, labels, "notebook"),
    }
    own = passes(grey, labels, "compact")
    changed = changes_alone(grey, "notebook")
    # Each is begun anew in every round: what was fetched ahead is not to count for the next.
    contenders = {
        "notebook": many(passes(pixels, labels, "notebook").repeat(), steps),
        "compact": many(own.repeat(), small, within_a_graph(int(own.cardinality()))),
        "pretraining": _some(pretraining_input(pixels, labels), small),
        _UNCHANGED: many(unchanged_input(grey, labels), small),
        _CHANGES: many(None, small, lambda _, count: changed(count)),
        "grey, affine alone": affine_alone(grey, "notebook", small),
        "RGB, affine alone": affine_alone(faces, "notebook", small),
    }
    for name, batches in alike.items():
        contenders[name] = many(batches.repeat(), small)
        graph = within_a_graph(int(batches.cardinality()))
        contenders[f"{name}, within a graph"] = many(batches.repeat(), small, graph)
    for name, (size, colours) in sizes.items():
        count = steps if name == "notebook" else small
        contenders[f"{name}, generator"] = _some(generator(folder, size, colours), count)
    return contenders


def _some(batches: Iterable[Any], steps: int) -> Contender:
    return lambda _: take(batches, steps)


def many(batches: Any, steps: int, taker: Taker | None = None) -> Contender:
    """Take ten times as many batches: a fit begins its input once. Give the seconds of `steps`."""

    def contender(_: int) -> float:
        since = time.perf_counter()
        (taker or take)(batches, _MORE * steps)
        return (time.perf_counter() - since) / _MORE

    return contender


def within_a_graph(at_once: int) -> Taker:
    """Make what takes batches in TensorFlow's graph, so many by a call, as Keras' fit does."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def taken(iterator: Any, wanted: Any) -> None:
        for _ in tf.range(wanted):
            next(iterator)

    def taker(batches: Any, steps: int) -> None:
        iterator = iter(batches)
        for start in range(0, steps, at_once):
            taken(iterator, tf.constant(min(at_once, steps - start)))

    return taker


def _shares(pixels: NDArray[np.uint8], split: Split, rounds: int) -> tuple[list[Claim], Taken]:
    """Fit `compact` on its real input, and on one batch kept in memory: the rest is the input's.

    All fit whole passes, as a training does. Input and network share the processors: by the clock
    it is what a user waits for, by the time of the processors what it takes from others' work. The
    floor is an input that changes nothing.
    """
    import tensorflow as tf

    from lfw.batches import untuned
    from lfw.networks import recipe_of

    recipe = recipe_of("compact")
    core = recipe.core(len(split.classes))
    labels, grey = np.array(split.labels("train")), grey_of(pixels)
    real, plain = passes(grey, labels, "compact"), unchanged_input(grey, labels)
    steps = int(real.cardinality())
    recipe.compile(core, steps, 1_000)
    kept = untuned(tf.data.Dataset.from_tensors(next(iter(real))))
    how = {"steps_per_epoch": steps, "epochs": _PASSES, "shuffle": False, "verbose": 0}
    processors: Taken = {f"{name}, processors": [] for name in (_REAL, _KEPT, _PLAIN)}

    def fitted(name: str, batches: Any) -> Contender:
        def contender(_: int) -> None:
            since = time.process_time()
            core.fit(batches.repeat(), **how)
            processors[f"{name}, processors"].append(time.process_time() - since)

        return contender

    inputs = {_REAL: real, _KEPT: kept, _PLAIN: plain}
    contenders = {name: fitted(name, batches) for name, batches in inputs.items()}
    taken = contest(contenders, _PAIRS * rounds)
    taken |= {name: seconds[-_PAIRS * rounds :] for name, seconds in processors.items()}
    each = steps * _PASSES
    claims = []
    for ending, words in (("", "by the clock"), (", processors", "by the time of the processors")):
        real, kept, unchanged = (f"{name}{ending}" for name in (_REAL, _KEPT, _PLAIN))
        said = f"input's share of a training step of `compact`, {words}"
        claims.append(_share(taken, (real, kept), each, said, 5.0))
        said = f"floor: its share if nothing is changed, {words}"
        claims.append(_share(taken, (unchanged, kept), each, said, None))
    return claims, taken


def _share(
    taken: Taken, pair: tuple[str, str], steps: int, words: str, goal: float | None
) -> Claim:
    real, kept = (taken[name] for name in pair)
    step = 1000 * statistics.median(real) / steps
    return Claim(
        words,
        "the same steps on one kept batch",
        goal,
        "most",
        "%",
        [100 * (1 - less / more) for more, less in zip(real, kept, strict=True)],
        (f"{step:.1f} ms a step", ""),
    )


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--steps", type=int, default=18, help="batches a round, at 250 x 250")
    asked = parser.parse_args()
    result = run(bring(asked.source), asked.rounds, asked.steps)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
