"""Takes pictures of invented people: expression, clothes, pose, light, background and camera."""

import cv2
import numpy as np

from lfw.sample_faces import Face
from lfw.sample_pen import (
    FRAME,
    HAIR_BOX,
    MIDDLE,
    RELIEF,
    ZOOM,
    Floats,
    Image,
    Pen,
    band,
    grid,
    hsv,
    line,
    oval,
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
    below = canvas[HAIR_BOX]
    below[:] = cv2.blendLinear(face.hair, below.copy(), face.hair_weight, 1 - face.hair_weight)
    level = _light(face, rng)
    front, level = _pose(face, canvas, level, rng)
    return _expose(front, level, _background(rng), rng)


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
    pen.fill(np.concatenate([line(x, upper), line(x, lower)[::-1]]), white)
    middle = side * t.eye_gap + gaze[0], t.eye_y - 0.3 + gaze[1]
    iris = face.colours["iris"]
    discs = [(t.iris, 0.5 * iris), (t.iris * 0.82, iris), (t.iris * 0.42, 0.12 * iris)]
    for size, colour in discs:
        disc = oval(middle, size, size)
        low, high = np.interp(disc[:, 0], x, upper), np.interp(disc[:, 0], x, lower)
        disc[:, 1] = np.clip(disc[:, 1], low, high)
        pen.fill(disc, colour)
    if lids > 0.4:
        pen.fill(oval((middle[0] - 1.2, middle[1] - 1.2), 0.8, 0.8), np.full(3, 245.0))
    pen.stroke(line(x, lower), 0.68 * skin, 0.7)
    pen.stroke(line(x, upper - t.crease * (0.4 + 0.6 * bow)), 0.66 * skin, 0.8)
    pen.stroke(line(x, lower + 3.5 * (0.3 + bow)), (0.93 - t.bag) * skin, 0.8)
    pen.stroke(line(x, upper), 0.25 * skin, 1.5)


def _draw_brow(pen: Pen, face: Face, side: int, lift: float) -> None:
    t = face.traits
    along = np.linspace(-1, 1, 17)
    x = side * (t.eye_gap + 1 + t.brow_length * along)
    y = t.eye_y - t.brow_gap - lift - t.brow_arch * (1 - (along - 0.25) ** 2)
    y -= t.brow_slope * t.brow_length * along
    thick = 0.5 * t.brow_thick * np.clip(1 - np.abs(along) ** 3, 0.05, 1) * (1 - 0.3 * along)
    shape = np.concatenate([line(x, y - thick), line(x, y + thick)[::-1]])
    pen.fill(shape, face.colours["brow"])
    roots = line(x, y - thick)[1:16:2]  # a few single hairs break the edge
    hairs = np.stack([roots, roots + np.array([side * 1.5, -0.7])], axis=1)
    pen.stroke(hairs, face.colours["brow"], 0.6)


def _draw_nose(pen: Pen, face: Face) -> None:
    t, skin = face.traits, face.colours["skin"]
    angle = np.linspace(-0.55 * np.pi, 0.5 * np.pi, 12)
    for side in (-1, 1):
        wing_x = side * (t.nose_width - 2.6 + 2.6 * np.cos(angle))
        pen.stroke(line(wing_x, t.nose_y - 1 + 3.6 * np.sin(angle)), 0.7 * skin, 0.9)
        hole = side * t.nose_width * 0.45, t.nose_y + 2.2
        pen.fill(oval(hole, t.nose_width * 0.22, 1.3), 0.36 * skin)
    under = np.linspace(-1, 1, 9)
    drop = t.nose_y + 3.6 - 1.2 * under**2
    pen.stroke(line(under * t.nose_width * 0.3, drop), 0.74 * skin, 0.9)


def _draw_folds(pen: Pen, face: Face, smile: float) -> None:
    t, skin = face.traits, face.colours["skin"]
    down = np.linspace(0, 1, 10)
    reach = t.mouth_width + 2 + 2 * max(smile, 0) - t.nose_width
    for side in (-1, 1):
        x = side * (t.nose_width + 1 + reach * np.sqrt(down))
        y = t.nose_y + (t.mouth_y - t.nose_y - 2) * down
        pen.stroke(line(x, y), (0.95 - 0.15 * max(smile, 0)) * skin, 1.0)


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
        pen.fill(band(x, upper, lower), np.array([58.0, 24.0, 26.0]))
        pen.fill(band(x * 0.86, upper, np.minimum(upper + 3.4, lower)), np.full(3, 214.0))
    pen.fill(band(x, top, upper + 0.3), 0.86 * lip)
    pen.fill(band(x, lower - 0.3, bottom), lip)
    gleam = slice(9, 18)
    pen.stroke(line(x[gleam], (0.5 * lower + 0.5 * bottom)[gleam]), np.minimum(1.18 * lip, 255), 1)
    pen.stroke(line(x, upper), 0.42 * lip, 0.9)
    pen.stroke(line(x[7:20], bottom[7:20] + 2.2), 0.85 * face.colours["skin"], 1.2)


def _draw_glasses(pen: Pen, face: Face) -> None:
    t, colour = face.traits, face.colours["frame"]
    wide, tall = t.eye_gap * 0.72, 9 + 8 * t.glasses
    for side in (-1, 1):
        rim = oval((side * (t.eye_gap + 0.5), t.eye_y + 1.5), wide, tall, 2.6)
        pen.stroke(np.concatenate([rim, rim[:1]]), colour, 1.2 + 5 * t.glasses)
        arm = [(side * (t.eye_gap + wide), t.eye_y - 1), (side * t.half_width, t.eye_y - 3)]
        pen.stroke(np.array(arm), colour, 1.3)
    inner = t.eye_gap - wide
    pen.stroke(np.array([(-inner, t.eye_y), (0, t.eye_y - 1.5), (inner, t.eye_y)]), colour, 1.5)


def _draw_clothes(pen: Pen, face: Face, rng: np.random.Generator) -> None:
    t = face.traits
    cloth = hsv(rng.uniform(0, 180), rng.uniform(10, 170), rng.uniform(35, 225))
    top, slope = t.half_height + rng.uniform(11, 17), rng.uniform(14, 30)
    deep, neck = rng.uniform(4, 22), t.neck + rng.uniform(0, 5)
    collar = [(-neck, top), (-neck * 0.6, top + deep * 0.8), (0, top + deep)]
    mirrored = [(-x, y) for x, y in collar[-2::-1]]
    ends = [(neck + 38, top + slope * 0.6), (96, top + slope), (140, 150)]
    rim = [(-x, y) for x, y in ends[::-1]]
    pen.fill(np.array([*rim, *collar, *mirrored, *ends], np.float64), cloth)
    if rng.random() < 0.4:
        other = hsv(rng.uniform(0, 180), rng.uniform(0, 120), rng.uniform(60, 245))
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
        climb = step * FRAME / RELIEF * lamp[2] / reach
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
    x, y = grid(RELIEF)
    x, y = x - shift[0], y - shift[1]
    cos, sin = np.float32(np.cos(roll) / size), np.float32(np.sin(roll) / size)
    x, y = cos * x + sin * y + MIDDLE[0], cos * y - sin * x + MIDDLE[1]
    small, zoom = np.float32(RELIEF / FRAME), np.float32(ZOOM)
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
