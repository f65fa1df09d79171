"""Augmented training images a second, against Keras' `ImageDataGenerator.flow_from_directory`.

    python -m benchmarks.augmentation

At the notebook's size (250 x 250 RGB; shear, zoom, flip), and at the sizes of `compact` (112 x 96
grey) and `embedding` (its faces), where the peer gets that `target_size` and `color_mode`.
Pretraining and fine-tuning change faces in eleven ways, in a row of their own. The peer decodes
each image again in every pass; the project decodes all once, before the fit, and keeps them in 8
bits at the network's size. That is not in its time here, but in a row of its own.

Batches are taken by a loop in Python; those of `compact` also as its fit takes them, a pass by one
call of TensorFlow's graph, which leaves Python's lock to those who make them. Last, what part of a
training step of `compact` its input is, by the clock and by the processors' time.
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
    face_input,
    faces_of,
    generator,
    network_input,
    network_passes,
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
_UNCHANGED, _CHANGES = "compact, nothing changed", "compact, changes alone"
_GREY = "112x96 grey, as `compact` has it, with its own changes"
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
    passes = steps * BATCH / len(pixels)
    each = [taken["notebook, generator"][k] / passes for k in range(rounds)]
    decoding = Claim(
        "all images decoded, once a fit",
        "one pass of the generator over 250x250 RGB",
        None,
        "most",
        "x",
        [ours / peer for ours, peer in zip(taken["decoding"], each, strict=True)],
    )
    claims = [
        _claim(taken, "notebook", "250x250 RGB: shear, zoom, flip", 6.0),
        compare(
            taken,
            ("compact, within a graph", "compact, generator"),
            (f"augmented input, {_GREY}, taken as its fit takes them", _PEER),
            20.0,
            "least",
        ),
        compare(
            taken,
            ("compact", "compact, generator"),
            ("the same, taken by a loop in Python, as the generator's are", _PEER),
            None,
            "least",
        ),
        _sum_of_parts(taken),
        _floor(taken, "compact", "112x96 grey"),
        _claim(taken, "embedding", "112x96 RGB, the size of `embedding`: shear, zoom, flip", 20.0),
        _floor(taken, "embedding", "112x96 RGB"),
        _claim(taken, "pretraining", "the same size, the eleven changes of `lfw pretrain`", None),
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


def _claim(taken: dict[str, list[float]], name: str, words: str, goal: float | None) -> Claim:
    peer = "embedding" if name == "pretraining" else name
    pair = (name, f"{peer}, generator")
    return compare(taken, pair, (f"augmented input, {words}", _PEER), goal, "least")


def _floor(taken: Taken, name: str, words: str) -> Claim:
    pair = (f"{name}, affine alone", f"{name}, generator")
    words = f"floor: the map of pixels alone, {words}, in two threads"
    return compare(taken, pair, (words, _PEER), None, "least")


def _sum_of_parts(taken: Taken) -> Claim:
    """Add what batches cost with nothing done to them, and what is done to them alone.

    That is no floor, as the two may overlap.
    """
    parts = [a + b for a, b in zip(taken[_UNCHANGED], taken[_CHANGES], strict=True)]
    words = "its parts one after the other: batches with nothing changed, then the changes alone"
    both = taken | {"parts": parts}
    return compare(both, ("parts", "compact, generator"), (words, _PEER), None, "least")


def _contenders(
    folder: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64], steps: int
) -> dict[str, Contender]:
    import tensorflow as tf

    from lfw.embedding.network import HEIGHT, WIDTH
    from lfw.networks import compact, recipe_of
    from lfw.training import preprocess_images

    side = pixels.shape[1:3]
    small = (compact._HEIGHT, compact._WIDTH)
    grey = preprocess_images(recipe_of("compact").preprocess(), pixels)
    passes = network_passes("compact", pixels, labels)
    # Each is begun anew in every round: what was fetched ahead is not to count for the next.
    everyone = {
        "notebook": network_input("notebook", pixels, labels),
        "compact": passes.repeat(),
        "embedding": face_input(pixels, labels),
        "pretraining": pretraining_input(pixels, labels),
        "notebook, generator": generator(folder, side, "rgb"),
        "compact, generator": generator(folder, small, "grayscale"),
        "embedding, generator": generator(folder, (HEIGHT, WIDTH), "rgb"),
    }

    def contender(name: str, batches: Iterable[Any]) -> Contender:
        wanted = steps if name.startswith("notebook") else _SMALL * steps
        if isinstance(batches, tf.data.Dataset):
            return many(batches, wanted)
        return lambda _: take(batches, wanted)

    changed = changes_alone(grey, "compact")
    floors = {
        _UNCHANGED: many(unchanged_input(grey, labels), _SMALL * steps),
        _CHANGES: many(None, _SMALL * steps, lambda _, count: changed(count)),
        "compact, affine alone": affine_alone(grey, "compact", _SMALL * steps),
        "embedding, affine alone": affine_alone(faces_of(pixels), "notebook", _SMALL * steps),
    }
    graph = many(passes.repeat(), _SMALL * steps, within_a_graph(int(passes.cardinality())))
    within = {"compact, within a graph": graph}
    return {name: contender(name, batches) for name, batches in everyone.items()} | within | floors


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
    from lfw.training import preprocess_images

    recipe = recipe_of("compact")
    core = recipe.core(len(split.classes))
    labels = np.array(split.labels("train"))
    real = network_passes("compact", pixels, labels)
    plain = unchanged_input(preprocess_images(recipe.preprocess(), pixels), labels)
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
