"""The layers compute what they say, and are rebuilt from their settings."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from lfw.images import FACE, SIZE, grey_crops
from lfw.layers import (
    ColourCrop,
    FaceAligner,
    Grey,
    GreyCrop,
    KnownShare,
    MeanOfHalves,
    Mirror,
    MirrorGradients,
    OrientedGradients,
    Resized,
    WithMirrorImages,
    move,
)
from tests.lfw.bad_images import drawn

SIZES = (FACE[0].start, FACE[1].start, 132, 114, 112, 96)


def stripes(degrees: float, side: int = 64) -> NDArray[np.float32]:
    """Waves whose grey changes along a direction: 0 makes vertical stripes."""
    y, x = np.mgrid[:side, :side]
    angle = np.radians(degrees)
    waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.6)
    return np.asarray(127 + 100 * waves, dtype=np.float32)[None, :, :, None]


def by_bin(image: NDArray[np.float32], bins: int = 9) -> NDArray[np.float64]:
    found = np.asarray(OrientedGradients(bins=bins)(image), dtype=np.float64)
    return np.asarray((found[0, 1:-1, 1:-1] ** 2).reshape(-1, 4, bins).mean((0, 1)))


@pytest.mark.parametrize("place", range(9))
def test_stripes_fill_the_bin_of_their_direction(place: int) -> None:
    energy = by_bin(stripes(place * 20))
    assert energy.argmax() == place
    assert energy[place] > 0.8 * energy.sum()


def test_between_two_bins_both_are_filled() -> None:
    energy = by_bin(stripes(10))
    assert energy[:2].sum() > 0.8 * energy.sum()
    assert energy[0] == pytest.approx(energy[1], rel=0.15)


def test_directions_go_round() -> None:
    energy = by_bin(stripes(170))
    assert energy[[8, 0]].sum() > 0.8 * energy.sum()
    assert energy[0] == pytest.approx(energy[8], rel=0.15)
    assert by_bin(255 - stripes(40)) == pytest.approx(by_bin(stripes(40)), abs=1e-4)


def test_gradients_do_not_heed_brightness_and_contrast() -> None:
    dull, bright = stripes(30) * 0.4 + 20, stripes(30)
    layer = OrientedGradients()
    assert np.asarray(layer(dull)) == pytest.approx(np.asarray(layer(bright)), abs=0.03)


def test_flat_image_has_no_gradients() -> None:
    found = np.asarray(OrientedGradients()(np.full((1, 32, 32, 1), 200, np.uint8)))
    assert np.isfinite(found).all()
    assert found.max() < 0.2


@pytest.mark.parametrize(("bins", "cell"), [(9, 8), (6, 4)])
def test_shape_of_gradients_is_the_announced_one(bins: int, cell: int) -> None:
    layer = OrientedGradients(bins=bins, cell=cell)
    found = layer(np.zeros((2, 112, 96, 1), np.uint8))
    assert found.shape == (2, 112 // cell - 1, 96 // cell - 1, 4 * bins)
    assert layer.compute_output_shape((2, 112, 96, 1)) == tuple(found.shape)


def test_crop_shows_its_part_and_nothing_else() -> None:
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    pixels[0] = 255
    pixels[0][FACE] = 0
    pixels[1][FACE] = 255
    crops = np.asarray(GreyCrop(*SIZES)(pixels))
    assert crops.shape == (2, 112, 96, 1)
    assert (crops[0] == 0).all()
    assert (crops[1] == 255).all()


def test_crop_gives_whole_grey_values_near_those_of_area_averaging() -> None:
    pixels = np.stack([drawn(1), drawn(2)])
    crops = np.asarray(GreyCrop(*SIZES)(pixels))
    assert np.array_equal(crops, crops.round())
    expected = 255 * grey_crops(pixels, FACE, 112, 96)
    assert np.abs(crops[..., 0] - expected).mean() < 2


def test_crop_at_its_own_size_is_the_usual_grey() -> None:
    image = drawn(3)
    crop = np.asarray(GreyCrop(10, 20, 100, 90, 100, 90)(image[None]))[0, :, :, 0]
    expected = image[10:110, 20:110] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(crop - expected).max() <= 0.51


def test_colour_crop_at_its_own_size_is_the_part_itself() -> None:
    image = drawn(3)
    crop = np.asarray(ColourCrop(10, 20, 100, 90, 100, 90)(image[None]))[0]
    assert np.array_equal(crop, image[10:110, 20:110])


def test_grey_of_a_colour_crop_is_the_grey_crop() -> None:
    pixels = np.stack([drawn(1), drawn(2)])
    layer = ColourCrop(*SIZES)
    crops = layer(pixels)
    assert layer.compute_output_shape((2, SIZE, SIZE, 3)) == tuple(crops.shape) == (2, 112, 96, 3)
    grey = np.asarray(GreyCrop(*SIZES)(pixels))
    assert np.abs(np.asarray(Grey()(crops)) - grey).max() <= 1.01  # each is rounded


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_grey_by_hand(kind: type[np.generic]) -> None:
    colours = np.array([[[[255, 0, 0], [0, 100, 0], [0, 0, 200], [9, 9, 9]]]]).astype(kind)
    grey = np.asarray(Grey()(colours))
    assert grey.shape == (1, 1, 4, 1)
    assert grey.ravel().tolist() == pytest.approx([76.245, 58.7, 22.8, 9])


def test_mirror_exchanges_left_and_right_alone() -> None:
    images = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    assert np.array_equal(np.asarray(Mirror()(images)), images[:, :, ::-1])


def test_mirror_images_follow_the_images_and_halves_are_averaged() -> None:
    images = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    both = np.asarray(WithMirrorImages()(images))
    assert np.array_equal(both, np.concatenate([images, images[:, :, ::-1]]))
    vectors = np.array([[1, 2], [3, 4], [5, 8], [-3, 0]], np.float32)
    assert np.asarray(MeanOfHalves()(vectors)).tolist() == [[3, 5], [0, 2]]


@pytest.mark.parametrize(("bins", "cell"), [(9, 8), (7, 6), (8, 4)])
def test_mirrored_gradients_are_those_of_the_mirror_image(bins: int, cell: int) -> None:
    height, width = 8 * cell, 6 * cell
    grey = np.random.default_rng(5).integers(0, 256, (3, height, width, 1)).astype(np.float32)
    layer = OrientedGradients(bins=bins, cell=cell)
    given, wanted = np.asarray(layer(grey)), np.asarray(layer(grey[:, :, ::-1]))
    assert np.asarray(MirrorGradients()(given)) == pytest.approx(wanted, abs=1e-5)
    assert not np.allclose(given, wanted, atol=0.1)


def test_known_share_is_what_the_last_class_leaves() -> None:
    found = np.asarray(KnownShare()(np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]], np.float32)))
    assert found.tolist() == [[0.75], [0]]


@pytest.mark.parametrize("crop", [GreyCrop, ColourCrop])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.int64])
def test_crop_takes_any_kind_of_number(
    crop: type[keras.layers.Layer], kind: type[np.generic]
) -> None:
    pixels = drawn(4)[None]
    expected = np.asarray(crop(*SIZES)(pixels))
    assert np.array_equal(np.asarray(crop(*SIZES)(pixels.astype(kind))), expected)


@pytest.mark.parametrize(
    "layer",
    [
        GreyCrop(*SIZES),
        ColourCrop(*SIZES),
        OrientedGradients(bins=7, cell=6),
        Grey(),
        Mirror(),
        MirrorGradients(),
        WithMirrorImages(),
        MeanOfHalves(),
        KnownShare(),
        Resized(52, 44),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layer_is_rebuilt_from_its_settings(layer: keras.layers.Layer) -> None:
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert keras.saving.get_registered_name(type(layer)) == f"lfw>{type(layer).__name__}"
    assert not layer.weights


def test_resized_images_are_smaller_and_the_same() -> None:
    images = drawn(4)[None, :80, :68].astype(np.float32)
    found = np.asarray(Resized(40, 34)(images))
    assert found == pytest.approx(images.reshape(1, 40, 2, 34, 2, 3).mean(axis=(2, 4)), abs=1e-3)


def test_a_network_is_asked_and_not_taught_where_nothing_is_said_of_it() -> None:
    image = keras.Input((8, 6, 1))
    x = keras.layers.BatchNormalization()(Resized(4, 3)(image))
    network = keras.Model(image, keras.layers.Dropout(0.5)(x))
    images = np.random.default_rng(0).normal(5, 1, (4, 8, 6, 1)).astype(np.float32)
    as_asked = np.asarray(network(images, training=False))
    assert np.array_equal(np.asarray(network(images)), as_asked)


def test_moving_is_the_affine_map_that_it_says() -> None:
    images = np.stack([drawn(seed)[40:208, 60:188] for seed in range(3)]).astype(np.float32)
    motion = np.array([[3, -5, 0, 0], [0, 0, 0.2, 0.3], [-7.5, 2.25, -0.1, -0.2]], np.float32)
    found = np.asarray(move(images, motion, (112, 96)))
    assert np.array_equal(found[0], images[0, 28 - 5 : 140 - 5, 16 + 3 : 112 + 3])
    for image, (across, down, scale, angle), mine in zip(images, motion, found, strict=True):
        turn = np.exp(scale) * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        offset = np.array([63.5 + across, 83.5 + down]) - turn @ [47.5, 55.5]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = np.column_stack([turn, offset])
        theirs = cv2.warpAffine(
            image, matrix, (96, 112), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        assert np.abs(mine - theirs).mean() < 0.5


def test_aligner_is_saved_with_its_weights_and_settings(tmp_path: Path) -> None:
    wide = keras.Input((60, 48, 3))
    model = keras.Model(wide, FaceAligner(40, 32, passes=2)(wide))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.05, weights.shape) for weights in model.get_weights()])
    model.save(tmp_path / "model.keras")
    images = rng.integers(0, 256, (3, 60, 48, 3), np.uint8)
    again = keras.models.load_model(tmp_path / "model.keras")
    found = model.predict(images, verbose=0)  # XLA cannot compile it: Keras has to know
    assert found.shape == model.compute_output_shape((3, 60, 48, 3)) == (3, 40, 32, 3)
    assert np.array_equal(again.predict(images, verbose=0), found)
    assert not np.array_equal(found, images[:, 10:50, 8:40])
