"""Learning the embedding: a margin softmax over people who are not to be recognised.

Every view has a softmax of its own over the cosines between its vector and one direction a person;
the right person's cosine is lowered by a margin, so that faces of one person come closer than they
need to. Source: H. Wang et al., "CosFace: Large margin cosine loss for deep face recognition",
CVPR (2018).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from lfw.augment import Augmentation
from lfw.batches import untuned
from lfw.embedding import network
from lfw.embedding.alignment import align_all, learn_alignment
from lfw.embedding.checkpoint import Checkpoint
from lfw.embedding.cohort import TRAIN, Cohort
from lfw.embedding.fused import fused, plain
from lfw.embedding.rounding import shortened
from lfw.embedding.watching import Watch, cut_faces, read_faces
from lfw.layers import FaceAligner
from lfw.networks.asking import ask
from lfw.spread import Spread

OnEpoch = Callable[[int, int, dict[str, float]], None]

_CHUNK = 128  # raw images at a time: 24 MB
_TUNING_RATE = 1e-4
"""Peak learning rate of fine-tuning: small, so that what was learned from thousands stays."""


@dataclass(frozen=True)
class PretrainRecipe:
    """How the embedding is learned.

    Attributes
    ----------
    epochs, batch_size
        Passes over the images, and images a step.
    rate, weight_decay
        Of AdamW; the rate rises over the first two epochs and then falls as a cosine.
    scale, margin
        Of the margin softmax; the margin grows from 0 over the first two fifths of the epochs.
    augmentation
        How faces are changed.
    """

    epochs: int = 26
    batch_size: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 1.0
    scale: float = 24.0
    margin: float = 0.35
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(
            shift=6.0,
            rotate=8.0,
            shear=3.0,
            zoom=0.15,
            flip=True,
            contrast=0.25,
            brightness=0.1,
            tint=0.08,
            shade=0.15,
            blur=1.2,
            erase=0.5,
        )
    )


@dataclass(frozen=True)
class Pretrained:
    """A learned embedding.

    Attributes
    ----------
    model
        From raw pixels (n, 250, 250, 3), 0 to 255, to vectors (n, 576).
    history
        ``epoch`` (from 1), ``loss``, ``pairs_auc``, ``pairs_accuracy`` (both on the validation
        pairs), ``seconds``.
    spread
        How far vectors of one person lie from each other, of those it was learned from; None if
        nobody is there twice, or it was not asked for.
    """

    model: keras.Model
    history: pd.DataFrame
    spread: Spread | None


def pretrain(
    cohort: Cohort,
    pixels: Callable[[list[str]], NDArray[np.uint8]],
    pairs: pd.DataFrame,
    seed: int,
    epochs: int | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
    *,
    with_spread: bool = True,
) -> Pretrained:
    """Learn an embedding from the people of a cohort.

    First it is learned where faces lie (:mod:`lfw.embedding.alignment`), then the views. These
    learn from faces as they are, moved at random: they are to bear with what alignment leaves.
    Every epoch is fitted; none is chosen by the validation pairs, which only watch.

    Parameters
    ----------
    cohort
        Whom to learn from.
    pixels
        Reads raw images, given their paths: an array of shape (n, 250, 250, 3).
    pairs
        Validation pairs, as :func:`lfw.pairs.view1_pairs` gives them, of people that the cohort
        does not learn from; may be empty.
    seed
        Decides how faces are moved to learn their alignment, the first weights, the order of images
        and their changes.
    epochs
        Passes over the images; the recipe's own if None.
    checkpoint
        A folder in which every finished epoch is kept: a later call with the same cohort, seed and
        epochs goes on from there. The caller removes it.
    on_epoch
        Told of each finished epoch, those kept by an earlier call included.
    with_spread
        Whether the spread is measured, for which all images are taken through the embedding.
    """
    recipe = PretrainRecipe() if epochs is None else PretrainRecipe(epochs=epochs)
    keras.utils.set_random_seed(seed)
    learned = cohort.role(TRAIN)
    classes = sorted(cohort.seen)
    number = {name: k for k, name in enumerate(classes)}
    labels = np.array([number[name] for name in learned["name"]], dtype=np.int64)
    faces = read_faces(pixels, learned["image_path"].tolist())
    aligned = learn_alignment(faces, seed)
    margin = keras.Variable(0.0, trainable=False, name="margin")
    views = fused(network.views())
    net = _with_softmax(views, len(classes), recipe, margin, len(faces))
    watch = Watch(pairs, pixels, views, aligned)
    saved = Checkpoint(checkpoint, {"cohort": cohort.digest, "seed": seed, **asdict(recipe)})
    history = saved.restore(net)
    for done in history:
        _tell(on_epoch, recipe.epochs, done)
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        since = time.monotonic()
        margin.assign(recipe.margin * min(1.0, (epoch - 1) / (0.4 * recipe.epochs)))
        loss = _one_epoch(net, faces, labels, recipe, (seed, epoch))
        figures = {"loss": loss, **watch.measure()}
        figures["seconds"] = time.monotonic() - since
        history.append({"epoch": epoch, **figures})
        saved.keep(net, history)
        _tell(on_epoch, recipe.epochs, history[-1])
    model = network.embedding(_bare(views), aligned)
    spread = spread_of(model, cohort, pixels) if with_spread else None
    return Pretrained(model, pd.DataFrame(history), spread)


def spread_of(
    model: keras.Model, cohort: Cohort, pixels: Callable[[list[str]], NDArray[np.uint8]]
) -> Spread | None:
    """Measure how far an embedding's vectors of one person lie from each other.

    Parameters
    ----------
    model
        The embedding.
    cohort
        Whom it was learned from.
    pixels
        Reads raw images, given their paths.
    """
    learned = cohort.role(TRAIN)
    if not learned["name"].duplicated().any():
        return None
    paths = learned["image_path"].tolist()
    parts = [
        ask(model, pixels(paths[start : start + _CHUNK])) for start in range(0, len(paths), _CHUNK)
    ]
    return Spread.of(np.concatenate(parts), learned["name"].tolist())


def _tell(on_epoch: OnEpoch | None, epochs: int, row: dict[str, float]) -> None:
    if on_epoch is not None:
        figures = {name: value for name, value in row.items() if name != "epoch"}
        on_epoch(int(row["epoch"]), epochs, figures)


def tune_views(
    views: keras.Model,
    aligned: FaceAligner,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    epochs: int,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> tuple[keras.Model, pd.DataFrame]:
    """Let trained views learn on, gently, from the images of a selection.

    Parameters
    ----------
    views
        The network of :func:`lfw.embedding.network.views`, trained.
    aligned
        Aligns the faces for them.
    pixels, labels
        Raw images of shape (n, 250, 250, 3) and class numbers of shape (n,).
    epochs
        Passes over the images.
    seed
        Decides the first directions of the softmax, the order of images and their changes.
    on_epoch
        Told of each finished epoch.

    Returns
    -------
    tuple
        The views, and their history: ``epoch`` (from 1), ``loss``, ``seconds``.
    """
    recipe = PretrainRecipe(epochs=epochs, rate=_TUNING_RATE)
    keras.utils.set_random_seed(seed)
    faces = align_all(aligned, cut_faces(network.preprocess(), pixels))
    margin = keras.Variable(recipe.margin, trainable=False, name="margin")
    views = fused(views)
    net = _with_softmax(views, int(labels.max()) + 1, recipe, margin, len(faces))
    history = []
    for epoch in range(1, epochs + 1):
        since = time.monotonic()
        loss = _one_epoch(net, faces, labels, recipe, (seed, epoch))
        figures = {"loss": loss, "seconds": time.monotonic() - since}
        history.append({"epoch": epoch, **figures})
        if on_epoch is not None:
            on_epoch(epoch, epochs, figures)
    return _bare(views), pd.DataFrame(history)


def _bare(trained: keras.Model) -> keras.Model:
    """Copy a network to one that was never compiled, whose weights have fewer digits.

    They cost no accuracy, and let the file be packed to a quarter of its size.
    """
    views = plain(trained)
    views.set_weights([shortened(weights) for weights in trained.get_weights()])
    return views


@keras.saving.register_keras_serializable(package="lfw")
class _Cosines(keras.layers.Layer):  # type: ignore[misc]
    """Cosines between vectors (n, d) and one direction a class: (n, classes)."""

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.directions = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="glorot_normal"
        )

    def call(self, inputs: Any) -> Any:
        return ops.matmul(ops.normalize(inputs, axis=-1), ops.normalize(self.directions, axis=0))


def _with_softmax(
    views: keras.Model, classes: int, recipe: PretrainRecipe, margin: keras.Variable, images: int
) -> keras.Model:
    """Put a margin softmax on each view, and compile."""

    def loss(truth: Any, cosines: Any) -> Any:
        right = ops.one_hot(ops.cast(ops.reshape(truth, (-1,)), "int32"), classes)
        logits = recipe.scale * (cosines - margin * right)
        return ops.mean(ops.categorical_crossentropy(right, logits, from_logits=True))

    face = keras.Input((network.HEIGHT, network.WIDTH, 3))
    net = keras.Model(face, [_Cosines(classes)(view) for view in views(face)])
    steps = max(1, images // recipe.batch_size)
    warm = min(2, recipe.epochs) * steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, recipe.epochs * steps - warm),
        alpha=0.003,
        warmup_target=recipe.rate,
        warmup_steps=warm,
    )
    net.compile(
        keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        loss=[loss] * len(net.outputs),
        jit_compile=False,  # XLA compiles for a minute; without AVX-512 its steps are longer, too
    )
    return net


def _one_epoch(
    net: keras.Model,
    faces: NDArray[np.uint8],
    labels: NDArray[np.int64],
    recipe: PretrainRecipe,
    chance: tuple[int, int],
) -> float:
    """Pass over the images once; what is drawn depends on the seed and the epoch alone."""
    for number, layer in enumerate(net._flatten_layers()):
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([chance[0] * 1000 + number, chance[1]])
    views = len(net.outputs)
    batches = tf.data.Dataset.from_generator(
        lambda: (
            (changed, (people,) * views)
            for changed, people in _batches(faces, labels, recipe, chance)
        ),
        output_signature=(
            tf.TensorSpec((None, network.HEIGHT, network.WIDTH, 3), tf.uint8),
            (tf.TensorSpec((None,), tf.int64),) * views,
        ),
    )
    steps = max(1, len(faces) // recipe.batch_size)
    counted = batches.apply(tf.data.experimental.assert_cardinality(steps))
    fitted = net.fit(untuned(counted.prefetch(2)), epochs=1, shuffle=False, verbose=0)
    return float(fitted.history["loss"][0])


def _batches(
    faces: NDArray[np.uint8],
    labels: NDArray[np.int64],
    recipe: PretrainRecipe,
    chance: tuple[int, int],
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    rng = np.random.default_rng(chance)
    order = rng.permutation(len(faces))
    size = min(recipe.batch_size, len(order))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        changed = recipe.augmentation.apply(faces[chosen], rng, (network.HEIGHT, network.WIDTH))
        yield changed, labels[chosen]
