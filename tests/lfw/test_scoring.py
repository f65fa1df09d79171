import contextlib
import csv
import functools
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from lfw.any_image import read_any
from lfw.errors import InputError
from lfw.image_files import find_files
from lfw.runners import Runner
from lfw.scoring import COLUMNS, SCORES, UNREADABLE, Scorer, score_files
from tests.cluster import dask_cluster
from tests.lfw.bad_images import FAULTY, GOOD, PICTURE, drawn, encoded, jpeg

PEOPLE = ("Ann", "Bob", "Cy")
THRESHOLD = 0.35


def by_colour(pixels: NDArray[np.uint8]) -> pd.DataFrame:
    """Answer by the share of red, green and blue, as a served model would."""
    light = pixels.mean(axis=(1, 2)) + 1
    shares = light / light.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(shares, columns=list(PEOPLE))
    names = np.where(shares.max(axis=1) < THRESHOLD, "unknown", frame.idxmax(axis=1))
    frame.insert(0, "name", names)
    frame.insert(1, "probability", shares.max(axis=1))
    return frame


SCORER = Scorer("lfw-faces", "7", THRESHOLD, by_colour)


@functools.cache
def tinted(channel: int | None, seed: int = 0) -> bytes:
    """A picture in which one colour is strong, or (None) a grey one."""
    pixels = drawn(seed)
    if channel is None:
        pixels[:] = pixels[:, :, :1]
    else:
        pixels[:, :, [other for other in range(3) if other != channel]] //= 4
    return encoded(Image.fromarray(pixels), "PNG")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Images of each person and a stranger, some in an archive, and every fault."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, channel in (("1.png", 0), ("2.png", 1), ("3.png", 2), ("4.png", None)):
        (folder / name).write_bytes(tinted(channel))
    for name, (content, _, _) in FAULTY.items():
        (folder / f"x-{name}").write_bytes(content())
    (folder / ".DS_Store").write_bytes(b"x")
    with zipfile.ZipFile(folder / "y.zip", "w") as archive:
        archive.writestr("red.png", tinted(0, seed=1))
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_image_gets_a_row_with_its_answer_and_the_runner_up(
    mixed: Path, tmp_path: Path
) -> None:
    scores = score_files(find_files([mixed]), SCORER, tmp_path / "out")
    rows = read(tmp_path / "out" / SCORES)
    assert tuple(rows[0]) == COLUMNS
    assert [row["answer"] for row in rows[:4]] == ["Ann", "Bob", "Cy", "unknown"]
    assert [row["likeliest"] for row in rows[:3]] == ["Ann", "Bob", "Cy"]
    assert rows[-1]["path"] == f"{mixed}/y.zip/red.png"
    assert rows[-1]["answer"] == "Ann"
    for row in rows:
        path = Path(row["path"])
        content = tinted(0, seed=1) if path.parent.suffix == ".zip" else path.read_bytes()
        [expected] = by_colour(read_any(content)[None]).to_dict("records")
        probabilities = sorted((float(expected[name]) for name in PEOPLE), reverse=True)
        assert row["answer"] == expected["name"]
        assert float(row["probability"]) == pytest.approx(probabilities[0], abs=1e-6)
        assert float(row["runner_up_probability"]) == pytest.approx(probabilities[1], abs=1e-6)
        assert row["runner_up"] != row["likeliest"]
        assert (row["threshold"], row["model_version"]) == ("0.350000", "7")
    assert scores.images == len(rows) == sum(scores.answers.values())
    assert scores.unknown == sum(row["answer"] == "unknown" for row in rows) >= 1


def test_what_cannot_be_read_is_listed_with_the_reason_and_stray_files_are_counted(
    mixed: Path, tmp_path: Path
) -> None:
    scores = score_files(find_files([mixed]), SCORER, tmp_path / "out")
    broken = {
        f"x-{name}"
        for name, (_, problem, _) in FAULTY.items()
        if problem in {"unreadable", "damaged", "too large"}
    }
    rows = {Path(row["path"]).name: row["reason"] for row in read(tmp_path / "out" / UNREADABLE)}
    assert set(rows) == broken
    assert rows["x-empty.jpg"] == "empty file"
    assert "not an image" in rows["x-text.jpg"]
    assert scores.stray == 1
    assert scores.images + len(scores.unreadable) == 5 + len(FAULTY)
    html = (tmp_path / "out" / scores.pages[0]).read_text(encoding="utf-8")
    assert html.count("<li><img") == scores.images


def test_answers_do_not_depend_on_what_fell_out_in_between(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    sizes = []
    for number in range(200):
        good = number % 7 != 3
        (folder / f"{number:03}.jpg").write_bytes(tinted(number % 3, number % 5) if good else b"x")

    def answer(pixels: NDArray[np.uint8]) -> pd.DataFrame:
        sizes.append(len(pixels))
        return by_colour(pixels)

    done: list[tuple[int, int]] = []
    scorer = Scorer("m", "1", THRESHOLD, answer)
    scores = score_files(
        find_files([folder]), scorer, tmp_path / "out", lambda *count: done.append(count)
    )
    rows = read(tmp_path / "out" / SCORES)
    paths = [row["path"] for row in rows]
    assert paths == sorted(paths)
    assert [row["likeliest"] for row in rows] == [
        PEOPLE[int(Path(path).stem) % 3] for path in paths
    ]
    assert sorted(sizes) == [6, 55, 55, 55]
    assert scores.images == 171
    assert done == [(64, 200), (128, 200), (192, 200), (200, 200)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "there is no file"),
        ({".DS_Store": b"x"}, "1 stray files were skipped"),
        ({"a.txt": b"x", "b.jpg": b""}, "not one of 2 files is an image that can be read: "),
    ],
)
def test_nothing_readable_is_an_error_and_leaves_nothing(
    files: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        score_files(find_files([folder]), SCORER, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failing_model_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(GOOD)

    def fail(_pixels: NDArray[np.uint8]) -> pd.DataFrame:
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        score_files(find_files([path]), Scorer("m", "1", None, fail), tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_a_single_person_has_no_runner_up(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(GOOD)

    def answer(pixels: NDArray[np.uint8]) -> pd.DataFrame:
        return pd.DataFrame({"name": ["Ann"], "probability": [1.0], "Ann": [1.0]})

    score_files(find_files([path]), Scorer("m", "1", None, answer), tmp_path / "out")
    [row] = read(tmp_path / "out" / SCORES)
    assert (row["runner_up"], row["runner_up_probability"], row["threshold"]) == ("", "", "")


@pytest.mark.parametrize("runner", [Runner("processes"), Runner("dask")])
def test_wherever_it_runs_the_answers_are_the_same(
    mixed: Path, tmp_path: Path, runner: Runner
) -> None:
    score_files(find_files([mixed]), SCORER, tmp_path / "here")
    with contextlib.ExitStack() as cluster:
        if runner.kind == "dask":
            environment = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[2])}
            runner = Runner(
                "dask", cluster.enter_context(dask_cluster(tmp_path / "dask", environment))
            )
        score_files(find_files([mixed]), SCORER, tmp_path / "there", runner=runner)
    for name in (SCORES, UNREADABLE, "contact-sheet.html"):
        assert (tmp_path / "there" / name).read_text() == (tmp_path / "here" / name).read_text()


MEASURED = """
import sys
from pathlib import Path
from benchmarks.processes import most_held
from lfw.image_files import find_files
from lfw.scoring import score_files
from tests.lfw.test_scoring import SCORER

scores = score_files(find_files([Path(sys.argv[1])]), SCORER, Path(sys.argv[2]))
assert scores.images == int(sys.argv[3])
print(most_held())
"""


def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    content = jpeg(PICTURE.resize((400, 400)))
    peaks = []
    for count in (200, 1000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.jpg").write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, folder, tmp_path / f"out-{count}", str(count)],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 40, "MB; 800 images more are 150 MB of pixels"
