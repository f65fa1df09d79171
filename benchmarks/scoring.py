"""How much longer scoring takes than a plain decoding of the same images, and why.

    python -m benchmarks.scoring --source ~/Downloads/archive.zip  # 400 of its images a round
    python -m benchmarks.scoring --source … --images 10000 --rounds 3 --json
    python -m benchmarks.scoring --source … --model-version champion       # a registered version

Images of the data set, files in a folder, are decoded one by one by Pillow, and scored: decoded,
answered for, put into table and contact sheet. The model is that of `lfw train`: the embedding that
is shipped, and a head (fitted to drawn vectors, here). The network alone, on images that are
decoded already, is the floor: what scoring would take if all the rest cost nothing. A second floor
is a smaller network: the quickest of its three views, of the face as it is and not of its mirror
image. Memory is the most that a process held which scores 2,500 drawn images, beyond one that
scores 256, in as many rounds: to keep what is decoded would take 420 MB more.
"""

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.contest import Claim, Contender, Result, Taken, compare, contest, finish, options
from benchmarks.data import Data, bring
from benchmarks.peers.loops import load_all
from benchmarks.processes import most_held
from benchmarks.processes import run as run_module
from lfw.image_files import find_files
from lfw.image_store import read_image
from lfw.images import read_many
from lfw.sample import write_sample
from lfw.scoring import Scorer, score_files

if TYPE_CHECKING:
    import keras

_ONE_BATCH, _MANY = 256, 2500
_QUICKEST = "gradients"  # of the network's views
_MOST_MEGABYTES = 100.0


Ask = Callable[[NDArray[np.uint8]], object]
"""Takes raw pixels through a network."""


def run(scorer: Scorer, data: Data, images: int, rounds: int, smaller: Ask | None = None) -> Result:
    """Measure.

    Parameters
    ----------
    scorer
        The model.
    data
        Whose images are scored.
    images
        A round.
    rounds
        That count.
    smaller
        A smaller network, of one view without mirror images, if there is one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        names = lay_out(data, folder, images)
        few = names[: min(_ONE_BATCH, images)]
        pixels = read_many(folder / "images", few)

        def score(turn: int) -> None:
            score_files(find_files([folder / "images"]), scorer, folder / f"out-{turn}")

        def asked(network: Ask) -> Contender:
            def contender(_: int) -> None:
                for start in range(0, images, len(few)):
                    network(pixels[: images - start])

            return contender

        contenders: dict[str, Contender] = {
            "decode": lambda _: _discard(load_all(folder / "images", names)),
            "score": score,
            "network": asked(scorer.answer),
        }
        if smaller is not None:
            contenders["one view"] = asked(smaller)
        taken = contest(contenders, rounds)
    peer = "Pillow decoding the same images"
    claims = [
        compare(taken, ("score", "decode"), (f"scoring of {images:,} images", peer), 4.0),
        compare(taken, ("network", "decode"), ("floor: the network alone", peer), None),
    ]
    if smaller is not None:
        words = ("floor: one view of the network, without the mirror image", peer)
        claims.append(compare(taken, ("one view", "decode"), words, None))
    setting: dict[str, object] = {
        "images": images,
        "data": data.source.kind,
        "model version": scorer.version,
    }
    return Result("scoring", "python -m benchmarks.scoring", claims, taken, setting)


def memory(few: int, many: int, rounds: int) -> tuple[Claim, Taken]:
    """Score few and many images, each in a process of its own, and compare what they held."""

    def megabytes_of(images: int) -> Contender:
        return lambda _: float(
            run_module(["benchmarks.scoring", "--only-score", str(images)]).output
        )

    names = {images: f"scoring of {images:,}, megabytes" for images in (few, many)}
    contenders = {name: megabytes_of(images) for images, name in names.items()}
    taken = contest(contenders, rounds, warm_up=0)  # what is held does not get less by warming up
    less, more = (taken[names[images]] for images in (few, many))
    claim = Claim(
        f"memory of scoring {many:,} images, beyond",
        f"scoring of {few:,}",
        _MOST_MEGABYTES,
        "most",
        "MB",
        [b - a for a, b in zip(less, more, strict=True)],
        (f"{statistics.median(more):,.0f} MB", f"{statistics.median(less):,.0f} MB"),
    )
    return claim, taken


def score_alone(images: int) -> float:
    """Score drawn images, and give the most megabytes that this process has held."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw(folder, images)
        score_files(find_files([folder / "images"]), shipped_scorer(), folder / "out")
    return most_held()


def _discard(_: object) -> None:
    """Give nothing, so that the seconds count."""


def lay_out(data: Data, folder: Path, count: int) -> list[str]:
    """Write images from all over a data set into a folder, and give their names."""
    paths = data.paths
    chosen = [paths[place] for place in _spread(len(paths), count)]
    (folder / "images").mkdir()
    names = [f"{number:06}.jpg" for number in range(count)]
    for name, path in zip(names, chosen, strict=True):
        (folder / "images" / name).write_bytes(read_image(data.images / path))
    return names


def _spread(there: int, count: int) -> list[int]:
    """Place some numbers evenly; of more than there are some come again."""
    return [number * there // count for number in range(count)]


def draw(folder: Path, count: int) -> list[str]:
    """Draw a sample of people, and copy its images until there are enough; give their names."""
    write_sample(folder / "sample", scale=0.15)
    drawn = sorted((folder / "sample").rglob("*.jpg"))
    (folder / "images").mkdir()
    names = [f"{number:06}.jpg" for number in range(count)]
    for number, name in enumerate(names):
        shutil.copyfile(drawn[number % len(drawn)], folder / "images" / name)
    return names


def shipped_scorer() -> Scorer:
    """Put a head, fitted to drawn vectors, behind the shipped embedding."""
    from lfw.embedding.classifying import classify
    from lfw.embedding.store import SHIPPED, read_embedding
    from lfw.serving import answers, predict
    from lfw.strangers import Strangers

    network = read_embedding(SHIPPED).network
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 12)
    centres = rng.normal(size=(6, network.output_shape[-1]))
    vectors = (centres[labels] + 0.1 * rng.normal(size=(72, centres.shape[1]))).astype(np.float32)
    others = rng.normal(size=(60, centres.shape[1])).astype(np.float32)
    strangers = Strangers.of(others, [str(number) for number in range(60)])
    found = classify(network, (vectors, labels), (vectors, labels), strangers)
    classes = tuple("ABCDEF")

    def answer(pixels: NDArray[np.uint8]) -> pd.DataFrame:
        return answers(predict(found.model, pixels), classes, 0.5)

    return Scorer("shipped embedding", "shipped", 0.5, answer)


def one_view(embedding: "keras.Model", view: str = _QUICKEST) -> "keras.Model":
    """Cut an embedding down to one of its views, of the face alone and not of its mirror image.

    Parameters
    ----------
    embedding
        As :func:`lfw.embedding.network.embedding` joins it.
    view
        The name of the view's output.
    """
    import keras

    from lfw.embedding.network import alignment_of, preprocess
    from lfw.networks import SHAPE

    views = embedding.get_layer("views")
    output = views.outputs[views.output_names.index(view)]
    pixels = keras.Input(SHAPE)
    face = alignment_of(embedding)(preprocess()(pixels))
    return keras.Model(pixels, keras.Model(views.input, output)(face))


def shipped_view() -> Ask:
    """Give what takes pixels through the quickest view of the shipped embedding."""
    from lfw.embedding.store import SHIPPED, read_embedding
    from lfw.networks.asking import ask

    network = one_view(read_embedding(SHIPPED).network)
    return lambda pixels: ask(network, pixels)


def registered_scorer(wanted: str) -> Scorer:
    """Load a registered version from the data folder's store."""
    import mlflow

    from infra.mlflow_store import tracking_uri
    from lfw.settings import data_folder
    from tasks.promotion import find_version
    from tasks.registry import MODEL_NAME

    mlflow.set_tracking_uri(tracking_uri(data_folder(os.environ)))
    version = find_version(wanted)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/{version}")
    threshold = loaded.unwrap_python_model().threshold
    return Scorer(MODEL_NAME, version, threshold, loaded.predict)


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--only-score", type=int, help="images to score once, for their memory")
    parser.add_argument("--model-version", help="a number, champion or challenger")
    asked = parser.parse_args()
    if asked.only_score is not None:
        print(score_alone(asked.only_score))
        return
    wanted = asked.model_version
    data = bring(asked.source)
    if wanted is None:
        result = run(shipped_scorer(), data, asked.images, asked.rounds, shipped_view())
        claim, taken = memory(_ONE_BATCH, _MANY, asked.rounds)
        result.claims.append(claim)
        result.taken.update(taken)
    else:  # of which no part is at hand, and which no process of its own scores with
        result = run(registered_scorer(wanted), data, asked.images, asked.rounds)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
