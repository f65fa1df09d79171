"""Images are changed as asked, no further, and the same way for the same chance."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lfw.augment import Augmentation
from tests.lfw.bad_images import drawn

IMAGE = drawn(5)
STRONG = Augmentation(
    shift=20, rotate=30, shear=20, zoom=0.3, flip=True, contrast=0.9, brightness=0.9
)


class Chosen(np.random.Generator):
    """Gives what was chosen, in this order: rotate and shear, zooms, shifts; then the flip."""

    def __init__(self, *drawn_: tuple[float, float], flip: float = 1.0) -> None:
        super().__init__(np.random.PCG64(0))
        self._drawn = [np.array(pair) for pair in drawn_]
        self._flip = flip

    def uniform(self, *_: Any, **__: Any) -> Any:
        return self._drawn.pop(0)[np.newaxis]

    def random(self, *_: Any, **__: Any) -> Any:
        return np.array([self._flip])


def one_changed(
    augmentation: Augmentation,
    image: NDArray[np.uint8],
    rng: np.random.Generator,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    result: NDArray[np.uint8] = augmentation.apply(image[np.newaxis], rng, size)[0]
    return result


def changed(augmentation: Augmentation, seed: int) -> NDArray[np.uint8]:
    return one_changed(augmentation, IMAGE, np.random.default_rng(seed))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_range_changes_nothing(seed: int) -> None:
    assert np.array_equal(changed(Augmentation(flip=False), seed), IMAGE)


def test_flip_mirrors_half_of_the_time_and_does_nothing_else() -> None:
    mirrored = IMAGE[:, ::-1]
    results = [changed(Augmentation(flip=True), seed) for seed in range(200)]
    flipped = sum(np.array_equal(result, mirrored) for result in results)
    kept = sum(np.array_equal(result, IMAGE) for result in results)
    assert flipped + kept == 200
    assert 70 <= flipped <= 130


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("theta", "shear", "zx", "zy"),
    [
        (0, 15, 1, 1),
        (0, -15, 1, 1),
        (0, 0, 1.2, 1),
        (0, 0, 1, 0.8),
        (0, 0.2, 1.15, 0.85),
        (20, 0, 1, 1),
        (-10, 12, 0.9, 1.3),
    ],
)
def test_geometry_is_that_of_the_image_data_generator(
    theta: float, shear: float, zx: float, zy: float
) -> None:
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    augmentation = Augmentation(rotate=1, shear=1, zoom=1, flip=False)
    chance = Chosen((theta, shear), (zx - 1, zy - 1), (0, 0))
    ours = one_changed(augmentation, IMAGE, chance).astype(float)
    theirs = apply_affine_transform(
        IMAGE.astype(float),
        theta=theta,
        shear=shear,
        zx=zx,
        zy=zy,
        row_axis=0,
        col_axis=1,
        channel_axis=2,
        fill_mode="nearest",
    )
    assert np.abs(ours - IMAGE).mean() > 0.3
    # Whole grey levels, and positions to 1/32 pixel: edges of colours may differ by some levels.
    assert np.abs(ours - theirs).mean() < 0.5
    assert np.quantile(np.abs(ours - theirs), 0.999) < 4


def test_shift_moves_by_whole_pixels() -> None:
    chance = Chosen((0, 0), (0, 0), (1.0, -0.5))
    moved = one_changed(Augmentation(shift=10, flip=False), IMAGE, chance)
    assert np.array_equal(moved[10:, :-10], IMAGE[5:-5, 10:])


def test_borders_repeat_the_edge() -> None:
    chance = Chosen((0, 0), (0, 0), (1.0, 0))
    moved = one_changed(Augmentation(shift=30, flip=False), IMAGE, chance)
    assert (moved[:, -30:] == IMAGE[:, -1:]).all()


def test_flip_and_shift_go_together() -> None:
    chance = Chosen((0, 0), (0, 0), (1.0, 0), flip=0.0)
    moved = one_changed(Augmentation(shift=10, flip=True), IMAGE, chance)
    assert np.array_equal(moved[:, 10:], IMAGE[:, ::-1][:, :-10])


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_same_chance_gives_the_same_image(seed: int) -> None:
    first = changed(STRONG, seed)
    assert first.dtype == np.uint8
    assert first.shape == IMAGE.shape
    assert np.array_equal(first, changed(STRONG, seed))


def test_other_chance_gives_another_image() -> None:
    assert not np.array_equal(changed(STRONG, 1), changed(STRONG, 2))


def test_original_is_left_alone() -> None:
    before = IMAGE.copy()
    for seed in range(10):
        changed(STRONG, seed)
        changed(Augmentation(contrast=0.5, brightness=0.5), seed)
    assert np.array_equal(IMAGE, before)


def test_light_saturates_and_never_wraps_round() -> None:
    steps = np.repeat(np.arange(0, 256, 3, dtype=np.uint8)[None, :, None], 5, axis=0)
    for seed in range(200):
        lit = one_changed(
            Augmentation(flip=False, contrast=0.9, brightness=0.9),
            steps,
            np.random.default_rng(seed),
        )
        assert (np.diff(lit[0, :, 0].astype(int)) >= 0).all()  # darker stays darker


def test_contrast_keeps_the_mean_and_brightness_the_spread() -> None:
    calm = np.asarray(100 + IMAGE // 8, dtype=np.uint8)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        contrasted = one_changed(Augmentation(flip=False, contrast=0.5), calm, rng)
        assert contrasted.mean() == pytest.approx(calm.mean(), abs=0.6)
        brightened = one_changed(Augmentation(flip=False, brightness=0.2), calm, rng)
        assert brightened.std() == pytest.approx(calm.std(), abs=0.3)
        assert abs(brightened.mean() - calm.mean()) <= 0.2 * 255 + 1
    spreads = [
        one_changed(Augmentation(flip=False, contrast=0.5), calm, np.random.default_rng(seed)).std()
        for seed in range(50)
    ]
    assert calm.std() * 0.5 - 1 <= min(spreads) < calm.std() * 0.7
    assert calm.std() * 1.3 < max(spreads) <= calm.std() * 1.5 + 1


@pytest.mark.parametrize("shape", [(112, 96, 1), (30, 50, 3), (250, 250, 3), (20, 20, 4)])
def test_shape_is_kept(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    result = one_changed(STRONG, image, np.random.default_rng(1))
    assert result.shape == shape
    assert result.dtype == np.uint8


def test_one_channel_is_treated_as_three_equal_ones() -> None:
    grey = np.asarray(cv2.cvtColor(IMAGE, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    single = one_changed(STRONG, grey[:, :, None], np.random.default_rng(4))
    triple = one_changed(STRONG, np.stack([grey] * 3, axis=-1), np.random.default_rng(4))
    assert np.array_equal(single[:, :, 0], triple[:, :, 1])


# A margin, and what spoils an image -------------------------------------------------------------

GREY = np.full((100, 80, 3), 100, np.uint8)


def many(augmentation: Augmentation, image: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(0)
    return np.stack([one_changed(augmentation, image, rng) for _ in range(count)]).astype(np.int64)


@pytest.mark.parametrize("size", [(250, 250), (200, 150), (2, 2)])
def test_middle_of_an_image_with_a_margin_stays_the_middle(size: tuple[int, int]) -> None:
    result = one_changed(Augmentation(flip=False), IMAGE, np.random.default_rng(0), size)
    top, left = (250 - size[0]) // 2, (250 - size[1]) // 2
    assert np.array_equal(result, IMAGE[top : top + size[0], left : left + size[1]])


def test_margin_comes_into_view() -> None:
    chance = Chosen((0, 0), (0, 0), (1.0, -0.5), flip=0.0)
    moved = one_changed(Augmentation(shift=20, flip=True), IMAGE, chance, (200, 150))
    assert np.array_equal(moved, IMAGE[15:215, 70:220][:, ::-1])


def test_result_of_every_change_has_the_wanted_size() -> None:
    everything = Augmentation(20, 30, 20, 0.3, True, 0.9, 0.9, 0.5, 0.5, 2.0, 1.0)
    for seed in range(20):
        result = one_changed(everything, IMAGE, np.random.default_rng(seed), (112, 96))
        assert result.shape == (112, 96, 3)
        assert result.dtype == np.uint8


def test_tint_changes_each_colour_apart_and_by_no_more() -> None:
    found = many(Augmentation(flip=False, tint=0.2), GREY, 100)
    assert np.array_equal(found, np.broadcast_to(found[:, :1, :1], found.shape))
    colours = found[:, 0, 0]
    assert 80 <= colours.min() < 85
    assert 115 < colours.max() <= 120
    assert np.abs(np.corrcoef(colours.T) - np.eye(3)).max() < 0.4


def test_shade_brightens_one_side_as_it_darkens_the_other() -> None:
    found = many(Augmentation(flip=False, shade=0.3), GREY, 60)
    assert np.array_equal(found, np.broadcast_to(found[:, :1, :, :1], found.shape))
    rows = found[:, 0, :, 0]
    assert np.abs(rows + rows[:, ::-1] - 200).max() <= 1
    assert (np.diff(rows) >= 0).all(axis=1).sum() + (np.diff(rows) <= 0).all(axis=1).sum() == 60
    assert 70 <= rows.min() < 75
    assert len({int(np.sign(row[-1] - row[0])) for row in rows} & {-1, 1}) == 2


def test_blur_softens_one_image_in_five() -> None:
    found = many(Augmentation(flip=False, blur=2.0), IMAGE, 200)
    changed_ = found[(found != IMAGE).any(axis=(1, 2, 3))]
    assert 25 <= len(changed_) <= 55
    steps = np.abs(np.diff(found, axis=2)).mean(axis=(1, 2, 3))
    assert steps.max() == np.abs(np.diff(IMAGE.astype(int), axis=1)).mean()
    assert np.array_equal(many(Augmentation(flip=False, blur=2.0), GREY, 20)[:, :], [GREY] * 20)


def test_erased_rectangle_is_of_one_grey_and_of_the_sizes_given() -> None:
    image = np.random.default_rng(1).integers(0, 256, (100, 80, 3), dtype=np.uint8)
    before = image.copy()
    found = many(Augmentation(flip=False, erase=0.5), image, 200)
    erased = [one for one in found if (one != image).any()]
    assert 80 <= len(erased) <= 120
    for one in erased:
        rows, columns = np.nonzero((one != image).any(axis=2))
        part = one[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert len(np.unique(part)) == 1
        assert 9 <= part.shape[0] <= 35
        assert 7 <= part.shape[1] <= 28
    assert np.array_equal(image, before)
    assert len(many(Augmentation(flip=False, erase=1.0), image, 5)) == 5


# Many at once -----------------------------------------------------------------------------------


def test_images_of_a_batch_are_changed_each_in_its_own_way() -> None:
    batch = np.stack([IMAGE] * 6)
    results = STRONG.apply(batch, np.random.default_rng(3))
    assert results.shape == batch.shape
    assert len({result.tobytes() for result in results}) == 6
    assert np.array_equal(batch, np.stack([IMAGE] * 6))


def test_neighbours_in_a_batch_do_not_matter() -> None:
    batch = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]])
    alone = np.zeros_like(batch)
    alone[1] = batch[1]
    everything = Augmentation(shift=9, rotate=9, contrast=0.2, tint=0.2, shade=0.2, blur=2, erase=1)
    ours, theirs = (everything.apply(images, np.random.default_rng(8)) for images in (batch, alone))
    assert np.array_equal(ours[1], theirs[1])
    assert not np.array_equal(ours[0], theirs[0])


def test_colours_are_mapped_as_each_of_them_alone() -> None:
    batch = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]])
    moving = Augmentation(shift=9, rotate=20, shear=9, zoom=0.3)
    together = moving.apply(batch, np.random.default_rng(8), (100, 90))
    for colour in range(3):
        alone = moving.apply(batch[..., [colour]], np.random.default_rng(8), (100, 90))
        assert np.array_equal(together[..., [colour]], alone)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_of_the_edge_changes_next_to_nothing(channels: int) -> None:
    batch = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]])[..., :channels]
    framed = np.pad(batch, ((0, 0), (16, 16), (16, 16), (0, 0)), "edge")
    far = Augmentation(shift=40, rotate=20, shear=9, zoom=0.3)
    plain = far.apply(batch, np.random.default_rng(8)).astype(int)
    found = far.apply(framed, np.random.default_rng(8), batch.shape[1:3])
    assert np.abs(found - plain).max() <= 1  # places are told in single precision
    assert (found != plain).mean() < 1e-3
