"""Invents people: the traits and colours of a face that stay the same in every photograph.

A face is a flat drawing of skin, hair and features together with a height map of the head. The
map bends the drawing when the head turns and tells how a lamp lights it, so that light and pose
change a picture much as they do in a photograph.
"""

from dataclasses import dataclass, fields
from typing import Annotated, get_type_hints

import cv2
import numpy as np

from lfw.sample_pen import (
    CANVAS,
    FRAME,
    HAIR_BOX,
    RELIEF,
    Colour,
    Floats,
    Image,
    Pen,
    Points,
    blank,
    grid,
    hill,
    hsv,
    oval,
    shrink,
    soft_noise,
    step,
)


@dataclass(frozen=True)
class Traits:
    """What stays the same about a person, each with the range it is drawn from.

    Lengths are in pixels of the picture, slopes and shares are plain numbers.
    """

    half_width: Annotated[float, 43, 51]
    half_height: Annotated[float, 59, 67]
    square: Annotated[float, 2.0, 2.8]
    taper: Annotated[float, 0.03, 0.2]
    ear: Annotated[float, 4, 8]
    neck: Annotated[float, 24, 33]
    eye_y: Annotated[float, -12, -5]
    eye_gap: Annotated[float, 18, 23]
    eye_width: Annotated[float, 8.5, 11.5]
    eye_height: Annotated[float, 3.4, 5.6]
    eye_slant: Annotated[float, -0.16, 0.2]
    iris: Annotated[float, 3.3, 4.4]
    crease: Annotated[float, 1.5, 4.0]
    bag: Annotated[float, 0.0, 0.25]
    brow_gap: Annotated[float, 9, 13.5]
    brow_thick: Annotated[float, 1.6, 4.8]
    brow_arch: Annotated[float, 0.5, 4.5]
    brow_slope: Annotated[float, -0.16, 0.2]
    brow_length: Annotated[float, 11, 15]
    nose_y: Annotated[float, 11, 19]
    nose_width: Annotated[float, 6.5, 11.5]
    nose_height: Annotated[float, 7, 14]
    bridge: Annotated[float, 2.8, 4.8]
    mouth_y: Annotated[float, 31, 38]
    mouth_width: Annotated[float, 13, 20]
    upper_lip: Annotated[float, 1.8, 4.6]
    lower_lip: Annotated[float, 2.6, 6.2]
    cheek: Annotated[float, 0.5, 4.5]
    chin: Annotated[float, 1.0, 6.0]
    hairline: Annotated[float, 0.5, 0.78]
    hair_side: Annotated[float, -18, 12]
    hair_parting: Annotated[float, -0.7, 0.7]
    hair_fringe: Annotated[float, -7, 13]
    hair_jag: Annotated[float, 0.0, 4.0]
    hair_top: Annotated[float, 4, 17]
    hair_wide: Annotated[float, 1, 15]
    hair_length: Annotated[float, -25, 95]
    beard: Annotated[float, -0.7, 0.45]
    freckles: Annotated[float, -50, 26]
    glasses: Annotated[float, -0.75, 0.25]
    bald: Annotated[float, -0.9, 0.1]


@dataclass(frozen=True)
class Face:
    """A person ready to be photographed; arrays are not to be changed.

    Attributes
    ----------
    base : ndarray of uint8, shape (360, 360, 4)
        Head and neck without features, colours times coverage, coverage last.
    hair, hair_weight : ndarray, shapes (220, 240, 4) and (220, 240)
        The part of the canvas with hair in front of the face, and its coverage from 0 to 1.
    height : ndarray of float32, shape (125, 125)
        How far a point stands out towards the camera, in pixels of the picture.
    normals : ndarray of float32, shape (125, 125, 3)
        Unit vectors that stand on the surface.
    """

    traits: Traits
    colours: dict[str, Colour]
    base: Image
    hair: Image
    hair_weight: Floats
    height: Floats
    normals: Floats


def make_face(rng: np.random.Generator) -> Face:
    """Invent a person.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides about everything that is stable in the face.

    Returns
    -------
    Face
        Traits, colours and the parts of the drawing which no photograph changes.
    """
    traits = _make_traits(rng)
    colours = _make_colours(rng)
    height = _head_height(traits)
    texture = _hair_texture(traits, colours["hair"], rng)
    weight = _front_hair(traits, rng)
    return Face(
        traits=traits,
        colours=colours,
        base=_base(traits, colours, texture, rng),
        hair=texture[HAIR_BOX].copy(),
        hair_weight=weight[HAIR_BOX].copy(),
        height=height,
        normals=_normals(height + 3 * shrink(weight)),
    )


def _make_traits(rng: np.random.Generator) -> Traits:
    hints = get_type_hints(Traits, include_extras=True)
    ranges = (hints[item.name].__metadata__ for item in fields(Traits))
    return Traits(*(float(rng.uniform(low, high)) for low, high in ranges))


def _make_colours(rng: np.random.Generator) -> dict[str, Colour]:
    # One person in five has a colour that nobody has: they are drawings, and may look it.
    odd = rng.random() < 0.2
    hue = rng.uniform(0, 180) if odd else rng.uniform(6, 16)
    skin = hsv(hue, rng.uniform(60, 125) * (0.65 if odd else 1), rng.uniform(125, 240))
    hair_hue = rng.uniform(0, 180) if rng.random() < 0.2 else rng.uniform(5, 22)
    hair = hsv(hair_hue, rng.uniform(20, 170), rng.uniform(25, 200))
    lip = 0.62 * skin + 0.38 * hsv(rng.uniform(-8, 8) % 180, 150, rng.uniform(90, 200))
    return {
        "skin": skin,
        "hair": hair,
        "lip": lip,
        "iris": hsv(rng.uniform(8, 125), rng.uniform(50, 170), rng.uniform(50, 150)),
        "brow": 0.75 * hair * rng.uniform(0.5, 1.0) + 0.15 * skin,
        "frame": hsv(rng.uniform(0, 180), rng.uniform(0, 140), rng.uniform(20, 110)),
    }


def _outline(t: Traits, grow: float = 0.0) -> Points:
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    side, down = np.cos(angle), np.sin(angle)
    wide = np.sign(side) * np.abs(side) ** (2 / t.square)
    wide *= 1 - t.taper * (down + 0.3) - 0.1 * np.clip(down, 0, 1) ** 2
    return np.stack([(t.half_width + grow) * wide, (t.half_height + grow) * down], axis=1)


def _head_height(t: Traits) -> Floats:
    x, y = grid(RELIEF)
    head = 40 * np.clip(1 - (x / (t.half_width + 7)) ** 2 - (y / (t.half_height + 9)) ** 2, 0, 1)
    neck = 18 * np.clip(1 - (x / (t.neck + 3)) ** 2, 0, 1) * step(y, t.half_height - 8, 12)
    body = 20 * np.clip(1 - (x / 130) ** 2, 0, 1) * step(y, t.half_height + 14, 10)
    height = np.maximum(np.maximum(head, neck), body)
    along = np.clip((y - t.eye_y) / (t.nose_y - t.eye_y), 0, 1)
    ridge = along * step(-y, -t.nose_y - 1, 3) * hill(x, t.bridge + 1.5 * along)
    height += 0.7 * t.nose_height * ridge
    height += 0.45 * t.nose_height * hill(x, 0.5 * t.nose_width) * hill(y - t.nose_y + 2, 4.5)
    height += 2.0 * hill(x, t.eye_gap * 1.2) * hill(y - t.eye_y + 9, 4)
    height += 2.2 * hill(x, t.mouth_width * 0.7) * hill(y - t.mouth_y, 5)
    height += t.chin * hill(x, 9) * hill(y - t.half_height + 12, 7)
    height -= 2.0 * hill(x, 9) * hill(y - t.mouth_y - 10, 3.5)
    for side in (-1, 1):
        height -= 4.0 * hill(x - side * t.eye_gap, 8) * hill(y - t.eye_y, 5.5)
        height += t.cheek * hill(x - side * t.half_width * 0.6, 9) * hill(y - 12, 9)
    return np.asarray(cv2.GaussianBlur(height, (0, 0), 0.6), np.float32)


def _normals(height: Floats) -> Floats:
    down, right = np.gradient(cv2.GaussianBlur(height, (0, 0), 0.6), FRAME / RELIEF)
    normals = np.stack([-right, -down, np.ones_like(height)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return normals.astype(np.float32)


def _base(t: Traits, colours: dict[str, Colour], texture: Image, rng: np.random.Generator) -> Image:
    skin, low = colours["skin"], t.half_height
    canvas = blank()
    if t.bald < 0:
        Pen(canvas).fill(_back_hair(t), np.full(3, 255.0))
        canvas = np.asarray(cv2.multiply(canvas, texture, scale=0.72 / 255), np.uint8)
        canvas[..., 3] = cv2.convertScaleAbs(canvas[..., 3], alpha=1 / 0.72)
    pen = Pen(canvas)
    sides = [(-t.neck, low * 0.5), (-t.neck, low + 10), (-60, low + 30), (60, low + 30)]
    pen.fill(np.array([*sides, (t.neck, low + 10), (t.neck, low * 0.5)]), 0.72 * skin)
    for side in (-1, 1):
        middle = side * (t.half_width * 0.99), t.eye_y + 9
        pen.fill(oval(middle, t.ear, 11), 0.9 * skin)
        pen.fill(oval((middle[0] + side * 0.5, middle[1]), t.ear * 0.5, 7), 0.7 * skin)
    face = blank()
    Pen(face).fill(_outline(t), skin)
    for _ in range(int(max(t.freckles, 0))):
        spot = rng.normal(0, 1, 2).clip(-1.6, 1.6) * (t.half_width * 0.45, 6)
        spot[1] += t.eye_y + 16
        Pen(face).fill(oval((spot[0], spot[1]), 0.8, 0.8), 0.72 * skin)
    behind = 1 - face[..., 3] / np.float32(255)
    for channel, tint in enumerate(_skin_tint(t, colours, rng)):
        mixed = canvas[..., channel] * behind + face[..., channel] * tint
        canvas[..., channel] = np.clip(mixed, 0, 255)
    canvas[..., 3] = np.maximum(canvas[..., 3], face[..., 3])
    return canvas


def _skin_tint(t: Traits, colours: dict[str, Colour], rng: np.random.Generator) -> list[Floats]:
    """Return what to multiply the red, green and blue of the skin by, each (360, 360)."""
    x, y = grid(CANVAS)
    away = np.abs(x)
    common = 1 + 0.03 * soft_noise(rng, 60) - 0.12 * np.clip((away / t.half_width) ** 6, 0, 1)
    common -= (0.16 + 0.4 * t.bag) * (hill(away - t.eye_gap, 10) * hill(y - t.eye_y + 1, 7))
    cheeks = hill(away - t.half_width * 0.55, 9) * hill(y - 17, 8)
    planes = [common, common - 0.11 * cheeks, common - 0.09 * cheeks]
    if t.beard <= 0:
        return planes
    jaw = step(y, t.mouth_y - 14, 9) * step(away + 0.5 * y, t.half_width * 0.42, 9)
    jaw *= 1 - hill(x, t.mouth_width * 0.7) * hill(y - t.mouth_y - 1, 6)
    grain = (0.8 + 0.3 * soft_noise(rng, 190)) * jaw * min(1.0, 0.3 + 1.6 * t.beard)
    stubble = np.minimum(colours["hair"] * 0.6 / np.maximum(colours["skin"], 1), 0.9)
    return [plane + grain * (np.float32(stubble[i]) - plane) for i, plane in enumerate(planes)]


def _back_hair(t: Traits) -> Points:
    long = max(t.hair_length, 0)
    wide = t.half_width + min(t.hair_wide, 2 + 0.25 * long)
    top = t.half_height + t.hair_top
    angle = np.linspace(np.pi, 2 * np.pi, 40)
    dome = np.stack([wide * np.cos(angle), top * np.sin(angle)], axis=1)
    low = np.linspace(0, 1, 24)
    wave = 1 + 0.05 * np.sin(6 * low + t.hair_jag) * low
    right = np.stack([wide * wave * (1 - 0.12 * low**2), long * low], axis=1)
    left = right[::-1] * (-1, 1)
    return np.concatenate([dome, right, left])


def _front_hair(t: Traits, rng: np.random.Generator) -> Floats:
    """Cover of the hair before the face, from 0 to 1, shape (360, 360)."""
    across = np.linspace(1, -1, 90)
    base = -t.half_height * t.hairline
    line = base + (t.hair_side - base) * np.abs(across) ** 5
    line += t.hair_fringe * np.exp(-(((across + 0.5 * t.hair_parting) / 0.55) ** 2))
    parting = np.clip(1 - np.abs(across - t.hair_parting) / 0.3, 0, 1)
    line -= parting * 0.25 * np.abs(base)
    teeth = np.abs((across * rng.uniform(3, 9) + rng.random()) % 1 - 0.5) * 2
    line += t.hair_jag * (teeth - 0.5) * (1 - np.abs(across) ** 4)
    inner = np.stack([across * (t.half_width + 1), line], axis=1)
    angle = np.linspace(np.pi, 2 * np.pi, 60)
    low = 1 + np.sin(angle)
    wide = (t.half_width + max(1.5, 0.5 * t.hair_wide)) * (1 - 0.04 * low**4)
    outer = np.stack([wide * np.cos(angle), (t.half_height + t.hair_top) * np.sin(angle)], axis=1)
    outer[:, 1] += 0.35 * t.hair_side * low
    cover = blank()
    if t.bald < 0:
        Pen(cover).fill(np.concatenate([outer, inner]), np.full(3, 255.0))
    soft = cv2.GaussianBlur(cover[..., 3].copy(), (0, 0), 1.1)
    return np.asarray(soft / np.float32(255), np.float32)


def _hair_texture(t: Traits, colour: Colour, rng: np.random.Generator) -> Image:
    """Combed hair all over the canvas: noise stretched along rays from the parting."""
    x, y = grid(CANVAS)
    x, y = np.broadcast_arrays(x - t.hair_parting * t.half_width, y + t.half_height * 0.95)
    radius, angle = cv2.cartToPolar(np.ascontiguousarray(x), np.ascontiguousarray(y))
    noise = rng.standard_normal((10, 222), np.float32)
    noise[:, -2:] = noise[:, :2]
    waves = angle * np.float32(110 / np.pi) + 1.2 * np.sin(radius / 14)
    mirror = cv2.BORDER_REFLECT
    grain = cv2.remap(noise, waves, radius / 26, cv2.INTER_LINEAR, borderMode=mirror)
    strands = 0.85 + 0.13 * grain + 0.22 * hill(radius - 30, 10)
    planes = [np.clip(strands * (float(part) + 18) - 14, 0, 255) for part in colour]
    planes = [plane.astype(np.uint8) for plane in planes]
    return np.asarray(cv2.merge([*planes, np.full_like(planes[0], 255)]), np.uint8)
