"""Draws invented people: a stable face for each, seen anew in every photograph.

A face is a flat drawing of skin, hair and features together with a height map of the head. The
map bends the drawing when the head turns and tells how a lamp lights it, so that light and pose
change a picture much as they do in a photograph.

Points are given relative to the middle of the head, x to the right and y down, in pixels of the
finished picture.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Any, get_type_hints

import cv2
import numpy as np
import numpy.typing as npt

FRAME = 250
"""Side of a finished picture in pixels."""

_ZOOM = 1.44  # the drawing is finer than the picture, so that thin lines survive the warp
_CANVAS = round(FRAME * _ZOOM)
_RELIEF = FRAME // 2  # light is smooth, so half the size will do
_HAIR_BOX = slice(20, 240), slice(60, 300)  # rows and columns of the canvas with hair in front
_MIDDLE = (125.0, 121.0)
_SUBPIXEL_BITS = 4

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Colour = npt.NDArray[np.float64]


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


class Pen:
    """Fills and strokes smooth shapes on an RGBA canvas."""

    def __init__(self, canvas: Image) -> None:
        self.canvas = canvas

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill the polygon `points`, shape (n, 2), with an RGB `colour` of 0 to 255."""
        cv2.fillPoly(self.canvas, [_fixed(points)], _rgba(colour), cv2.LINE_AA, _SUBPIXEL_BITS)

    def stroke(self, points: Points, colour: Colour, width: float) -> None:
        """Draw a line, shape (n, 2), or several, shape (lines, n, 2), `width` pixels wide."""
        thick = max(1, round(width * _ZOOM))
        lines = list(_fixed(points)) if points.ndim == 3 else [_fixed(points)]
        cv2.polylines(self.canvas, lines, False, _rgba(colour), thick, cv2.LINE_AA, _SUBPIXEL_BITS)


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
        hair=texture[_HAIR_BOX].copy(),
        hair_weight=weight[_HAIR_BOX].copy(),
        height=height,
        normals=_normals(height + 3 * _shrink(weight)),
    )


def draw_photo(face: Face, rng: np.random.Generator) -> Image:
    """Take one picture of a person.

    Parameters
    ----------
    face : Face
        Whom to draw.
    rng : numpy.random.Generator
        Decides about expression, clothes, pose, light, background and camera.

    Returns
    -------
    ndarray of uint8, shape (250, 250, 3)
        The picture, RGB.
    """
    canvas = face.base.copy()
    pen = Pen(canvas)
    _draw_clothes(pen, face, rng)
    _draw_features(pen, face, rng)
    below = canvas[_HAIR_BOX]
    below[:] = cv2.blendLinear(face.hair, below.copy(), face.hair_weight, 1 - face.hair_weight)
    level = _light(face, rng)
    front, level = _pose(face, canvas, level, rng)
    return _expose(front, level, _background(rng), rng)


# The stable part -------------------------------------------------------------------------------


def _make_traits(rng: np.random.Generator) -> Traits:
    hints = get_type_hints(Traits, include_extras=True)
    ranges = (hints[item.name].__metadata__ for item in fields(Traits))
    return Traits(*(float(rng.uniform(low, high)) for low, high in ranges))


def _make_colours(rng: np.random.Generator) -> dict[str, Colour]:
    # One person in five has a colour that nobody has: they are drawings, and may look it.
    odd = rng.random() < 0.2
    hue = rng.uniform(0, 180) if odd else rng.uniform(6, 16)
    skin = _hsv(hue, rng.uniform(60, 125) * (0.65 if odd else 1), rng.uniform(125, 240))
    hair_hue = rng.uniform(0, 180) if rng.random() < 0.2 else rng.uniform(5, 22)
    hair = _hsv(hair_hue, rng.uniform(20, 170), rng.uniform(25, 200))
    lip = 0.62 * skin + 0.38 * _hsv(rng.uniform(-8, 8) % 180, 150, rng.uniform(90, 200))
    return {
        "skin": skin,
        "hair": hair,
        "lip": lip,
        "iris": _hsv(rng.uniform(8, 125), rng.uniform(50, 170), rng.uniform(50, 150)),
        "brow": 0.75 * hair * rng.uniform(0.5, 1.0) + 0.15 * skin,
        "frame": _hsv(rng.uniform(0, 180), rng.uniform(0, 140), rng.uniform(20, 110)),
    }


def _outline(t: Traits, grow: float = 0.0) -> Points:
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    side, down = np.cos(angle), np.sin(angle)
    wide = np.sign(side) * np.abs(side) ** (2 / t.square)
    wide *= 1 - t.taper * (down + 0.3) - 0.1 * np.clip(down, 0, 1) ** 2
    return np.stack([(t.half_width + grow) * wide, (t.half_height + grow) * down], axis=1)


def _head_height(t: Traits) -> Floats:
    x, y = _grid(_RELIEF)
    head = 40 * np.clip(1 - (x / (t.half_width + 7)) ** 2 - (y / (t.half_height + 9)) ** 2, 0, 1)
    neck = 18 * np.clip(1 - (x / (t.neck + 3)) ** 2, 0, 1) * _step(y, t.half_height - 8, 12)
    body = 20 * np.clip(1 - (x / 130) ** 2, 0, 1) * _step(y, t.half_height + 14, 10)
    height = np.maximum(np.maximum(head, neck), body)
    along = np.clip((y - t.eye_y) / (t.nose_y - t.eye_y), 0, 1)
    ridge = along * _step(-y, -t.nose_y - 1, 3) * _hill(x, t.bridge + 1.5 * along)
    height += 0.7 * t.nose_height * ridge
    height += 0.45 * t.nose_height * _hill(x, 0.5 * t.nose_width) * _hill(y - t.nose_y + 2, 4.5)
    height += 2.0 * _hill(x, t.eye_gap * 1.2) * _hill(y - t.eye_y + 9, 4)
    height += 2.2 * _hill(x, t.mouth_width * 0.7) * _hill(y - t.mouth_y, 5)
    height += t.chin * _hill(x, 9) * _hill(y - t.half_height + 12, 7)
    height -= 2.0 * _hill(x, 9) * _hill(y - t.mouth_y - 10, 3.5)
    for side in (-1, 1):
        height -= 4.0 * _hill(x - side * t.eye_gap, 8) * _hill(y - t.eye_y, 5.5)
        height += t.cheek * _hill(x - side * t.half_width * 0.6, 9) * _hill(y - 12, 9)
    return np.asarray(cv2.GaussianBlur(height, (0, 0), 0.6), np.float32)


def _normals(height: Floats) -> Floats:
    down, right = np.gradient(cv2.GaussianBlur(height, (0, 0), 0.6), FRAME / _RELIEF)
    normals = np.stack([-right, -down, np.ones_like(height)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return normals.astype(np.float32)


def _base(t: Traits, colours: dict[str, Colour], texture: Image, rng: np.random.Generator) -> Image:
    skin, low = colours["skin"], t.half_height
    canvas = _blank()
    if t.bald < 0:
        Pen(canvas).fill(_back_hair(t), np.full(3, 255.0))
        canvas = np.asarray(cv2.multiply(canvas, texture, scale=0.72 / 255), np.uint8)
        canvas[..., 3] = cv2.convertScaleAbs(canvas[..., 3], alpha=1 / 0.72)
    pen = Pen(canvas)
    sides = [(-t.neck, low * 0.5), (-t.neck, low + 10), (-60, low + 30), (60, low + 30)]
    pen.fill(np.array([*sides, (t.neck, low + 10), (t.neck, low * 0.5)]), 0.72 * skin)
    for side in (-1, 1):
        middle = side * (t.half_width * 0.99), t.eye_y + 9
        pen.fill(_oval(middle, t.ear, 11), 0.9 * skin)
        pen.fill(_oval((middle[0] + side * 0.5, middle[1]), t.ear * 0.5, 7), 0.7 * skin)
    face = _blank()
    Pen(face).fill(_outline(t), skin)
    for _ in range(int(max(t.freckles, 0))):
        spot = rng.normal(0, 1, 2).clip(-1.6, 1.6) * (t.half_width * 0.45, 6)
        spot[1] += t.eye_y + 16
        Pen(face).fill(_oval((spot[0], spot[1]), 0.8, 0.8), 0.72 * skin)
    behind = 1 - face[..., 3] / np.float32(255)
    for channel, tint in enumerate(_skin_tint(t, colours, rng)):
        mixed = canvas[..., channel] * behind + face[..., channel] * tint
        canvas[..., channel] = np.clip(mixed, 0, 255)
    canvas[..., 3] = np.maximum(canvas[..., 3], face[..., 3])
    return canvas


def _skin_tint(t: Traits, colours: dict[str, Colour], rng: np.random.Generator) -> list[Floats]:
    """Return what to multiply the red, green and blue of the skin by, each (360, 360)."""
    x, y = _grid(_CANVAS)
    away = np.abs(x)
    common = 1 + 0.03 * _noise(rng, 60) - 0.12 * np.clip((away / t.half_width) ** 6, 0, 1)
    common -= (0.16 + 0.4 * t.bag) * (_hill(away - t.eye_gap, 10) * _hill(y - t.eye_y + 1, 7))
    cheeks = _hill(away - t.half_width * 0.55, 9) * _hill(y - 17, 8)
    planes = [common, common - 0.11 * cheeks, common - 0.09 * cheeks]
    if t.beard <= 0:
        return planes
    jaw = _step(y, t.mouth_y - 14, 9) * _step(away + 0.5 * y, t.half_width * 0.42, 9)
    jaw *= 1 - _hill(x, t.mouth_width * 0.7) * _hill(y - t.mouth_y - 1, 6)
    grain = (0.8 + 0.3 * _noise(rng, 190)) * jaw * min(1.0, 0.3 + 1.6 * t.beard)
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
    cover = _blank()
    if t.bald < 0:
        Pen(cover).fill(np.concatenate([outer, inner]), np.full(3, 255.0))
    soft = cv2.GaussianBlur(cover[..., 3].copy(), (0, 0), 1.1)
    return np.asarray(soft / np.float32(255), np.float32)


def _hair_texture(t: Traits, colour: Colour, rng: np.random.Generator) -> Image:
    """Combed hair all over the canvas: noise stretched along rays from the parting."""
    x, y = _grid(_CANVAS)
    x, y = np.broadcast_arrays(x - t.hair_parting * t.half_width, y + t.half_height * 0.95)
    radius, angle = cv2.cartToPolar(np.ascontiguousarray(x), np.ascontiguousarray(y))
    noise = rng.standard_normal((10, 222), np.float32)
    noise[:, -2:] = noise[:, :2]
    waves = angle * np.float32(110 / np.pi) + 1.2 * np.sin(radius / 14)
    mirror = cv2.BORDER_REFLECT
    grain = cv2.remap(noise, waves, radius / 26, cv2.INTER_LINEAR, borderMode=mirror)
    strands = 0.85 + 0.13 * grain + 0.22 * _hill(radius - 30, 10)
    planes = [np.clip(strands * (float(part) + 18) - 14, 0, 255) for part in colour]
    planes = [plane.astype(np.uint8) for plane in planes]
    return np.asarray(cv2.merge([*planes, np.full_like(planes[0], 255)]), np.uint8)


# What every photograph changes -----------------------------------------------------------------


def _draw_features(pen: Pen, face: Face, rng: np.random.Generator) -> None:
    smile = rng.uniform(-0.35, 1.0)
    opened = rng.uniform(0.2, 1.0) if rng.random() < 0.4 else 0.0
    lids = rng.uniform(0.62, 1.12) if rng.random() < 0.94 else 0.12
    gaze = rng.uniform(-1.6, 1.6), rng.uniform(-0.6, 0.8)
    lift = rng.uniform(-2.0, 2.5)
    for side in (-1, 1):
        _draw_eye(pen, face, side, lids * (1 - 0.15 * max(smile, 0)), gaze)
        _draw_brow(pen, face, side, lift)
    _draw_nose(pen, face)
    _draw_folds(pen, face, smile)
    _draw_mouth(pen, face, smile, opened)
    if face.traits.glasses > 0:
        _draw_glasses(pen, face)


def _draw_eye(pen: Pen, face: Face, side: int, lids: float, gaze: tuple[float, float]) -> None:
    t, skin = face.traits, face.colours["skin"]
    along = np.linspace(-1, 1, 21)
    bow = np.clip(1 - along**2, 0, 1) ** 0.8
    x = side * t.eye_gap + t.eye_width * along
    tilt = t.eye_y - side * t.eye_slant * t.eye_width * along
    upper, lower = tilt - t.eye_height * lids * bow, tilt + 0.62 * t.eye_height * bow
    white = np.array([232.0, 228.0, 222.0]) * (0.72 + 0.1 * skin.mean() / 255)
    pen.fill(np.concatenate([_line(x, upper), _line(x, lower)[::-1]]), white)
    middle = side * t.eye_gap + gaze[0], t.eye_y - 0.3 + gaze[1]
    iris = face.colours["iris"]
    discs = [(t.iris, 0.5 * iris), (t.iris * 0.82, iris), (t.iris * 0.42, 0.12 * iris)]
    for size, colour in discs:
        disc = _oval(middle, size, size)
        low, high = np.interp(disc[:, 0], x, upper), np.interp(disc[:, 0], x, lower)
        disc[:, 1] = np.clip(disc[:, 1], low, high)
        pen.fill(disc, colour)
    if lids > 0.4:
        pen.fill(_oval((middle[0] - 1.2, middle[1] - 1.2), 0.8, 0.8), np.full(3, 245.0))
    pen.stroke(_line(x, lower), 0.68 * skin, 0.7)
    pen.stroke(_line(x, upper - t.crease * (0.4 + 0.6 * bow)), 0.66 * skin, 0.8)
    pen.stroke(_line(x, lower + 3.5 * (0.3 + bow)), (0.93 - t.bag) * skin, 0.8)
    pen.stroke(_line(x, upper), 0.25 * skin, 1.5)


def _draw_brow(pen: Pen, face: Face, side: int, lift: float) -> None:
    t = face.traits
    along = np.linspace(-1, 1, 17)
    x = side * (t.eye_gap + 1 + t.brow_length * along)
    y = t.eye_y - t.brow_gap - lift - t.brow_arch * (1 - (along - 0.25) ** 2)
    y -= t.brow_slope * t.brow_length * along
    thick = 0.5 * t.brow_thick * np.clip(1 - np.abs(along) ** 3, 0.05, 1) * (1 - 0.3 * along)
    shape = np.concatenate([_line(x, y - thick), _line(x, y + thick)[::-1]])
    pen.fill(shape, face.colours["brow"])
    roots = _line(x, y - thick)[1:16:2]  # a few single hairs break the edge
    hairs = np.stack([roots, roots + np.array([side * 1.5, -0.7])], axis=1)
    pen.stroke(hairs, face.colours["brow"], 0.6)


def _draw_nose(pen: Pen, face: Face) -> None:
    t, skin = face.traits, face.colours["skin"]
    angle = np.linspace(-0.55 * np.pi, 0.5 * np.pi, 12)
    for side in (-1, 1):
        wing_x = side * (t.nose_width - 2.6 + 2.6 * np.cos(angle))
        pen.stroke(_line(wing_x, t.nose_y - 1 + 3.6 * np.sin(angle)), 0.7 * skin, 0.9)
        hole = side * t.nose_width * 0.45, t.nose_y + 2.2
        pen.fill(_oval(hole, t.nose_width * 0.22, 1.3), 0.36 * skin)
    under = np.linspace(-1, 1, 9)
    drop = t.nose_y + 3.6 - 1.2 * under**2
    pen.stroke(_line(under * t.nose_width * 0.3, drop), 0.74 * skin, 0.9)


def _draw_folds(pen: Pen, face: Face, smile: float) -> None:
    t, skin = face.traits, face.colours["skin"]
    down = np.linspace(0, 1, 10)
    reach = t.mouth_width + 2 + 2 * max(smile, 0) - t.nose_width
    for side in (-1, 1):
        x = side * (t.nose_width + 1 + reach * np.sqrt(down))
        y = t.nose_y + (t.mouth_y - t.nose_y - 2) * down
        pen.stroke(_line(x, y), (0.95 - 0.15 * max(smile, 0)) * skin, 1.0)


def _draw_mouth(pen: Pen, face: Face, smile: float, opened: float) -> None:
    t, lip = face.traits, face.colours["lip"]
    along = np.linspace(-1, 1, 27)
    bow = 1 - along**2
    x = (t.mouth_width + 2.2 * smile - 1.5 * opened) * along
    rest = t.mouth_y + 1.2 * smile - 4.2 * smile * along**2
    gap = 8.0 * opened
    upper, lower = rest - 0.25 * gap * bow, rest + 0.75 * gap * bow
    dip = 1 - 0.35 * np.exp(-((along / 0.16) ** 2))
    top = upper - t.upper_lip * np.clip(1 - np.abs(along) ** 2.2, 0, 1) * dip
    bottom = lower + t.lower_lip * bow**0.8
    if opened:
        pen.fill(_band(x, upper, lower), np.array([58.0, 24.0, 26.0]))
        pen.fill(_band(x * 0.86, upper, np.minimum(upper + 3.4, lower)), np.full(3, 214.0))
    pen.fill(_band(x, top, upper + 0.3), 0.86 * lip)
    pen.fill(_band(x, lower - 0.3, bottom), lip)
    gleam = slice(9, 18)
    pen.stroke(_line(x[gleam], (0.5 * lower + 0.5 * bottom)[gleam]), np.minimum(1.18 * lip, 255), 1)
    pen.stroke(_line(x, upper), 0.42 * lip, 0.9)
    pen.stroke(_line(x[7:20], bottom[7:20] + 2.2), 0.85 * face.colours["skin"], 1.2)


def _draw_glasses(pen: Pen, face: Face) -> None:
    t, colour = face.traits, face.colours["frame"]
    wide, tall = t.eye_gap * 0.72, 9 + 8 * t.glasses
    for side in (-1, 1):
        rim = _oval((side * (t.eye_gap + 0.5), t.eye_y + 1.5), wide, tall, 2.6)
        pen.stroke(np.concatenate([rim, rim[:1]]), colour, 1.2 + 5 * t.glasses)
        arm = [(side * (t.eye_gap + wide), t.eye_y - 1), (side * t.half_width, t.eye_y - 3)]
        pen.stroke(np.array(arm), colour, 1.3)
    inner = t.eye_gap - wide
    pen.stroke(np.array([(-inner, t.eye_y), (0, t.eye_y - 1.5), (inner, t.eye_y)]), colour, 1.5)


def _draw_clothes(pen: Pen, face: Face, rng: np.random.Generator) -> None:
    t = face.traits
    cloth = _hsv(rng.uniform(0, 180), rng.uniform(10, 170), rng.uniform(35, 225))
    top, slope = t.half_height + rng.uniform(11, 17), rng.uniform(14, 30)
    deep, neck = rng.uniform(4, 22), t.neck + rng.uniform(0, 5)
    collar = [(-neck, top), (-neck * 0.6, top + deep * 0.8), (0, top + deep)]
    mirrored = [(-x, y) for x, y in collar[-2::-1]]
    ends = [(neck + 38, top + slope * 0.6), (96, top + slope), (140, 150)]
    rim = [(-x, y) for x, y in ends[::-1]]
    pen.fill(np.array([*rim, *collar, *mirrored, *ends], np.float64), cloth)
    if rng.random() < 0.4:
        other = _hsv(rng.uniform(0, 180), rng.uniform(0, 120), rng.uniform(60, 245))
        for side in (-1, 1):
            flap = [(neck, top - 4), (neck * 0.15, top + deep), (neck * 0.8, top + deep + 10)]
            pen.fill(np.array([*flap, (neck + 9, top + 5)]) * (side, 1), other)
    pen.stroke(np.array([*collar, *mirrored]), 0.6 * cloth, 1.4)


def _light(face: Face, rng: np.random.Generator) -> Floats:
    """Share of a lamp's light that falls on each point, shape (125, 125)."""
    side, up = np.deg2rad(rng.normal(0, 38)), np.deg2rad(rng.uniform(-8, 48))
    lamp = np.array([np.sin(side) * np.cos(up), -np.sin(up), np.cos(side) * np.cos(up)])
    level = np.clip(face.normals @ lamp.astype(np.float32), 0, 1)
    shadow = np.zeros_like(level)
    reach = np.hypot(lamp[0], lamp[1]) + 1e-6
    for step in (2, 4):  # is something nearer to the lamp, and higher?
        move = round(-lamp[1] / reach * step), round(-lamp[0] / reach * step)
        beyond = np.roll(face.height, move, axis=(0, 1)) - face.height
        climb = step * FRAME / _RELIEF * lamp[2] / reach
        shadow = np.maximum(shadow, np.clip((beyond - np.float32(climb)) / 3, 0, 1))
    level *= 1 - 0.7 * cv2.GaussianBlur(shadow, (0, 0), 0.8)
    return np.asarray(level, np.float32)


def _pose(
    face: Face, drawn: Image, level: Floats, rng: np.random.Generator
) -> tuple[Image, Floats]:
    """Turn and move the head; returns the drawing (250, 250, 4) and its light (250, 250)."""
    turn, nod = np.clip(rng.normal(0, (0.21, 0.09)), -0.45, 0.45)
    roll = np.deg2rad(np.clip(rng.normal(0, 3.5), -8, 8))
    size = np.clip(rng.normal(1, 0.03), 0.94, 1.06)
    shift = np.clip(rng.normal(0, 2.5, 2), -6, 6).astype(np.float32)
    x, y = _grid(_RELIEF)
    x, y = x - shift[0], y - shift[1]
    cos, sin = np.float32(np.cos(roll) / size), np.float32(np.sin(roll) / size)
    x, y = cos * x + sin * y + _MIDDLE[0], cos * y - sin * x + _MIDDLE[1]
    small, zoom = np.float32(_RELIEF / FRAME), np.float32(_ZOOM)
    edge = cv2.BORDER_REPLICATE
    depth = cv2.remap(face.height, x * small, y * small, cv2.INTER_LINEAR, borderMode=edge)
    x -= np.float32(turn) * depth
    y -= np.float32(nod) * (depth - 20) * (depth > 0)
    lit = cv2.remap(level, x * small, y * small, cv2.INTER_LINEAR, borderMode=edge)
    large = [cv2.resize(plane, (FRAME, FRAME)) for plane in (x * zoom, y * zoom, lit)]
    front = cv2.remap(drawn, large[0], large[1], cv2.INTER_LINEAR, borderMode=edge)
    return np.asarray(front, np.uint8), np.asarray(large[2], np.float32)


def _background(rng: np.random.Generator) -> Image:
    """Something out of focus to stand in front of, shape (250, 250, 3)."""
    coarse = rng.normal(rng.uniform(50, 190), 38, (4, 4, 1)) + rng.normal(0, 16, (4, 4, 3))
    cells = np.clip(coarse, 0, 255).astype(np.uint8)
    side = FRAME // 2
    scene = cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(3, 12)):
        colour = tuple((rng.uniform(10, 240) * rng.uniform(0.75, 1.0, 3)).tolist())
        x, y, wide, tall = rng.uniform((0, 0, 4, 10), (side, side, 30, 95)).astype(int).tolist()
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(scene, (x, y), (x + wide, y + tall), colour, -1)
        elif kind == 1:
            cv2.ellipse(scene, (x, y), (wide, tall // 2), 0, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            cv2.line(scene, (x, 0), (x + wide - 15, side), colour, 1 + wide // 8, cv2.LINE_AA)
    scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.8, 2.5))
    return np.asarray(cv2.resize(scene, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC), np.uint8)


def _expose(front: Image, level: Floats, behind: Image, rng: np.random.Generator) -> Image:
    """Light the drawing, put it before the background and take it with an imperfect camera."""
    ambient = rng.uniform(0.38, 0.68)
    warm = rng.uniform(-0.07, 0.07) * np.array([1.0, 0.1, -1.0])
    cast = rng.uniform(0.94, 1.06, 3)
    contrast = rng.uniform(0.75, 1.15)
    gain = (rng.uniform(0.78, 1.2) * contrast * cast).astype(np.float32)
    noise = rng.standard_normal((FRAME, FRAME), np.float32) * np.float32(rng.uniform(1, 4.5))
    noise += np.float32(115 * (1 - contrast))
    blur = rng.uniform(0, 1.1)
    if blur > 0.35:
        front = np.asarray(cv2.GaussianBlur(front, (0, 0), blur), np.uint8)
    gleam = np.square(np.square(level * level * level))
    direct = level * np.float32(1.12 - ambient) + np.float32(0.22) * gleam
    *inks, cover = cv2.split(front)
    bare = 1 - cover * np.float32(1 / 255)
    planes = []
    for ink, far, tint, strength in zip(inks, cv2.split(behind), warm, gain, strict=True):
        lit = direct * np.float32((1 + tint) * strength)
        lit += np.float32(ambient * (1 - tint) * strength)
        lit *= ink
        lit += (far * bare) * strength
        lit += noise
        planes.append(np.clip(lit, 0, 255, out=lit).astype(np.uint8))
    return np.asarray(cv2.merge(planes), np.uint8)


# Small helpers ---------------------------------------------------------------------------------


def _blank() -> Image:
    return np.zeros((_CANVAS, _CANVAS, 4), np.uint8)


def _grid(size: int) -> tuple[Floats, Floats]:
    """Return x (1, size) and y (size, 1) of a square image's pixels, from the head's middle."""
    steps = np.arange(size, dtype=np.float32) * np.float32(FRAME / size)
    return steps[None, :] - np.float32(_MIDDLE[0]), steps[:, None] - np.float32(_MIDDLE[1])


def _hill(distance: npt.NDArray[Any], width: Any) -> npt.NDArray[Any]:
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))


def _step(value: npt.NDArray[Any], start: float, width: float) -> npt.NDArray[Any]:
    share = np.clip((value - start) / width, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _noise(rng: np.random.Generator, cells: int) -> Floats:
    raw = rng.standard_normal((cells, cells), np.float32)
    return cv2.resize(raw, (_CANVAS, _CANVAS), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _shrink(weight: Floats) -> Floats:
    return cv2.resize(weight, (_RELIEF, _RELIEF), interpolation=cv2.INTER_AREA).astype(np.float32)


def _oval(middle: tuple[float, float], wide: float, tall: float, square: float = 2.0) -> Points:
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = middle[0] + wide * np.sign(cos) * np.abs(cos) ** (2 / square)
    return _line(x, middle[1] + tall * np.sign(sin) * np.abs(sin) ** (2 / square))


def _line(x: Points, y: Points) -> Points:
    return np.stack([x, y], axis=1)


def _band(x: Points, upper: Points, lower: Points) -> Points:
    return np.concatenate([_line(x, upper), _line(x, lower)[::-1]])


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    scaled = (points + _MIDDLE) * (_ZOOM * 2**_SUBPIXEL_BITS)
    return np.asarray(np.round(scaled), np.int32)


def _rgba(colour: Colour) -> tuple[float, float, float, float]:
    red, green, blue = (float(min(max(part, 0), 255)) for part in colour)
    return red, green, blue, 255.0


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour from a hue of 0 to 180 and saturation and value of 0 to 255, as OpenCV counts."""
    pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0], np.float64)
