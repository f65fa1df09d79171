"""Batches of augmented images, the project's and the peer's, and parts of their work alone."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contest import Contender
from lfw.augment import Augmentation
from lfw.threads import in_threads

BATCH = 32


def take(batches: Iterable[Any], steps: int) -> None:
    """Take some batches, and give nothing."""
    for _ in itertools.islice(batches, steps):
        pass


def passes(
    images: NDArray[np.uint8], labels: NDArray[np.int64], name: str, changes: str | None = None
) -> Any:
    """Give batches as a network's fit takes them, pass by pass.

    Parameters
    ----------
    images
        At the size that is wanted, in grey or RGB.
    labels
        Their class numbers.
    name
        The network, which says how many images a batch has.
    changes
        The network whose changes are made; its own if None. Those of the notebook are the peer's:
        shear, zoom, flip.
    """
    from lfw.networks import recipe_of

    recipe = replace(recipe_of(name), augmentation=recipe_of(changes or name).augmentation)
    return _batches_of(recipe, images, labels)


def unchanged_input(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Any:
    """Give the batches of `compact` by a function that changes nothing, without end."""
    from lfw.networks import recipe_of

    recipe = replace(recipe_of("compact"), augmentation=_Nothing())
    return _batches_of(recipe, images, labels).repeat()


@dataclass(frozen=True)
class _Nothing(Augmentation):
    """Changes nothing."""

    def apply(
        self,
        images: NDArray[np.uint8],
        rng: np.random.Generator,  # noqa: ARG002
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.uint8]:
        """Give the middle of images as it is."""
        high, wide = size or images.shape[1:3]
        top, left = (images.shape[1] - high) // 2, (images.shape[2] - wide) // 2
        return images[:, top : top + high, left : left + wide].copy()


def grey_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring raw images to what `compact` is given: the face, in grey, at its size."""
    from lfw.networks import recipe_of
    from lfw.training import preprocess_images

    return preprocess_images(recipe_of("compact").preprocess(), pixels)


def faces_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut faces of the embedding's size out of raw images."""
    from lfw.embedding import network, watching

    high, wide = network.MARGIN
    faces = watching.cut_faces(network.preprocess(), pixels)
    return np.ascontiguousarray(faces[:, high:-high, wide:-wide])


def _batches_of(recipe: Any, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Any:
    from lfw.training import one_hot, training_batches

    return training_batches(images, one_hot(labels, int(labels.max()) + 1), recipe, 0)


def pretraining_input(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Iterable[Any]:
    """Give the batches that the embedding is learned from."""
    from lfw.embedding import network, watching

    return _Faces(watching.cut_faces(network.preprocess(), pixels), labels)


class _Faces:
    """The batches that the embedding is learned from, without end."""

    def __init__(self, faces: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.faces = faces
        self.labels = labels

    def __iter__(self) -> Iterator[Any]:
        from lfw.embedding import pretraining

        recipe = replace(pretraining.PretrainRecipe(), batch_size=BATCH)
        for turn in itertools.count():
            yield from pretraining._batches(self.faces, self.labels, recipe, (0, turn))


def generator(folder: Path, size: tuple[int, int], colours: str) -> Iterable[Any]:
    """Give the peer's batches."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    augmented = ImageDataGenerator(
        rescale=1.0 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
    )
    found: Iterable[Any] = augmented.flow_from_directory(
        folder, target_size=size, color_mode=colours, batch_size=BATCH, class_mode="categorical"
    )
    return found


def affine_alone(images: NDArray[np.uint8], network: str, steps: int) -> Contender:
    """Map each image once, as a network's input is, in two threads, and do nothing else."""
    from lfw import augment
    from lfw.networks import recipe_of
    from lfw.training import framed

    around = framed(images)
    rng = np.random.default_rng(0)
    changes = recipe_of(network).augmentation
    matrices = changes._matrices(around.shape[:3], images.shape[1:3], rng)
    pixels_mapped = augment._mapped_in_four if images.shape[3] == len("RGB") else augment._mapped
    wanted = [k % len(images) for k in range(steps * BATCH)]

    def mapped(k: int) -> None:
        pixels_mapped(around[k], matrices[k], np.empty_like(images[k]))

    return lambda _: take(in_threads(mapped, wanted), len(wanted))


def changes_alone(images: NDArray[np.uint8], network: str) -> Callable[[int], None]:
    """Give what changes as many batches as a network's are, in two threads, without TensorFlow."""
    from lfw.networks import recipe_of
    from lfw.training import framed

    around = framed(images)
    changes = recipe_of(network).augmentation
    starts = range(0, len(images) - BATCH + 1, BATCH)

    def changed(turn: int) -> None:
        start = starts[turn % len(starts)]
        rng = np.random.default_rng(turn)
        changes.apply(around[start : start + BATCH], rng, images.shape[1:3])

    return lambda count: take(in_threads(changed, range(count)), count)
