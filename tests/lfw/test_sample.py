import csv
import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from lfw.errors import InputError
from lfw.sample import SAME_PHOTO_PAIRS, write_sample

LISTS = {
    "lfw_allnames.csv": "name,images",
    "people.csv": "name,images",
    "peopleDevTrain.csv": "name,images",
    "peopleDevTest.csv": "name,images",
    "pairs.csv": "name,imagenum1,imagenum2,",
    "matchpairsDevTrain.csv": "name,imagenum1,imagenum2",
    "matchpairsDevTest.csv": "name,imagenum1,imagenum2",
    "mismatchpairsDevTrain.csv": "name,imagenum1,name,imagenum2",
    "mismatchpairsDevTest.csv": "name,imagenum1,name,imagenum2",
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "sample"
    write_sample(folder, scale=0.2)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_sample(folder, scale=0.01)
    return folder


@pytest.fixture(scope="module")
def counts(sample: Path) -> dict[str, int]:
    return {person.name: len(list(person.iterdir())) for person in pictures(sample).iterdir()}


def pictures(folder: Path) -> Path:
    return folder / "lfw-deepfunneled" / "lfw-deepfunneled"


def rows(folder: Path, name: str) -> list[list[str]]:
    with (folder / name).open(encoding="ascii", newline="") as file:
        return list(csv.reader(file))[1:]


def people(folder: Path, name: str) -> dict[str, int]:
    return {person: int(count) for person, count in rows(folder, name)}


def folds_of_people(folder: Path) -> list[list[tuple[str, int]]]:
    folds: list[list[tuple[str, int]]] = [[]]
    for person, count in rows(folder, "people.csv"):
        if person:
            folds[-1].append((person, int(count)))
        else:
            assert count == ""
            folds.append([])
    return folds


def sides(row: list[str]) -> list[tuple[str, int]]:
    cells = [cell for cell in row if cell]
    if len(cells) == 3:
        return [(cells[0], int(cells[1])), (cells[0], int(cells[2]))]
    return [(cells[0], int(cells[1])), (cells[2], int(cells[3]))]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def grey(folder: Path, image_path: str) -> np.ndarray:
    data = (pictures(folder) / image_path).read_bytes()
    return np.asarray(simplejpeg.decode_jpeg(data, "GRAY")[..., 0], np.float64)


def alike(one: np.ndarray, two: np.ndarray) -> float:
    small = [cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in (one, two)]
    return float(np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1])


def test_folder_holds_the_archive_and_nothing_else(sample: Path) -> None:
    assert {path.name for path in sample.iterdir()} == {
        "lfw-deepfunneled",
        "lfw_readme.csv",
        *LISTS,
    }
    assert [path.name for path in (sample / "lfw-deepfunneled").iterdir()] == ["lfw-deepfunneled"]


def test_pictures_are_numbered_from_one_without_gaps(sample: Path, counts: dict[str, int]) -> None:
    for person, count in counts.items():
        expected = {f"{person}_{number:04d}.jpg" for number in range(1, count + 1)}
        assert {path.name for path in (pictures(sample) / person).iterdir()} == expected


def test_names_are_ascii_and_of_the_shapes_lfw_has(counts: dict[str, int]) -> None:
    assert all(name.isascii() and "_" in name for name in counts)
    assert len({name.lower() for name in counts}) == len(counts)
    assert any("-" in name for name in counts)
    assert any(name.count("_") == 2 for name in counts)


def test_pictures_are_rgb_jpegs_of_250_pixels(sample: Path) -> None:
    for path in pictures(sample).rglob("*.jpg"):
        height, width, colours, _ = simplejpeg.decode_jpeg_header(path.read_bytes())
        assert (height, width, colours) == (250, 250, "YCbCr")
    path = pictures(sample) / SAME_PHOTO_PAIRS[0][0]
    picture = simplejpeg.decode_jpeg(path.read_bytes())
    assert picture.shape == (250, 250, 3)
    assert picture.std() > 20
    assert not np.array_equal(picture[..., 0], picture[..., 2])


def test_no_two_pictures_are_the_same_file(sample: Path, counts: dict[str, int]) -> None:
    found = [digest for path, digest in hashes(sample).items() if path.endswith(".jpg")]
    assert len(set(found)) == len(found) == sum(counts.values())


def test_small_sample_keeps_six_people_with_ten_pictures(counts: dict[str, int]) -> None:
    assert sum(count >= 10 for count in counts.values()) >= 6
    assert sum(count == 1 for count in counts.values()) >= 50


@pytest.mark.parametrize(("name", "header"), LISTS.items())
def test_lists_are_written_as_in_the_archive(sample: Path, name: str, header: str) -> None:
    text = (sample / name).read_bytes()
    lines = text.split(b"\r\n")
    assert lines[0].decode() == header
    assert b"\n" not in b"".join(lines)
    assert (lines[-1] == b"") == (name in {"people.csv", "peopleDevTest.csv"})


def test_all_names_lists_everybody_in_order(sample: Path, counts: dict[str, int]) -> None:
    listed = people(sample, "lfw_allnames.csv")
    assert listed == counts
    assert list(listed) == sorted(listed)


def test_view_2_has_ten_disjoint_sorted_folds(sample: Path, counts: dict[str, int]) -> None:
    folds = folds_of_people(sample)
    assert len(folds) == 10
    assert Counter(entry for fold in folds for entry in fold) == Counter(counts.items())
    assert all(fold == sorted(fold) for fold in folds)


def test_view_2_pairs_use_the_people_of_their_fold(sample: Path) -> None:
    folds = folds_of_people(sample)
    pairs = rows(sample, "pairs.csv")
    size, rest = divmod(len(pairs), 2 * len(folds))
    assert rest == 0
    assert size >= 5
    for number, fold in enumerate(folds):
        matched = pairs[2 * size * number :][:size]
        mismatched = pairs[2 * size * number + size :][:size]
        assert all(len(row) == 4 and row[3] == "" for row in matched)
        assert all(len(row) == 4 and row[3] != "" for row in mismatched)
        used = {name for row in matched + mismatched for name, _ in sides(row)}
        assert used <= {name for name, _ in fold}


def test_view_1_parts_everybody_into_two(sample: Path, counts: dict[str, int]) -> None:
    train, test = people(sample, "peopleDevTrain.csv"), people(sample, "peopleDevTest.csv")
    assert not train.keys() & test.keys()
    assert train | test == counts
    assert len(train) > len(test) > 0.2 * len(counts)


@pytest.mark.parametrize("part", ["Train", "Test"])
def test_view_1_pairs_use_the_people_of_their_part(sample: Path, part: str) -> None:
    own = people(sample, f"peopleDev{part}.csv").keys()
    matched = rows(sample, f"matchpairsDev{part}.csv")
    mismatched = rows(sample, f"mismatchpairsDev{part}.csv")
    assert len(matched) == len(mismatched) >= 20
    assert {len(row) for row in matched} == {3}
    assert {len(row) for row in mismatched} == {4}
    assert {name for row in matched + mismatched for name, _ in sides(row)} <= own


@pytest.mark.parametrize("name", [name for name in LISTS if "pairs" in name])
def test_pairs_are_distinct_and_their_pictures_exist(
    sample: Path, counts: dict[str, int], name: str
) -> None:
    pairs = [tuple(sides(row)) for row in rows(sample, name)]
    assert pairs
    assert len(set(pairs)) == len(pairs)
    for one, two in pairs:
        assert one != two
        assert 1 <= one[1] <= counts[one[0]]
        assert 1 <= two[1] <= counts[two[0]]


def test_mismatched_pairs_show_two_people(sample: Path) -> None:
    pairs = [row for row in rows(sample, "pairs.csv") if row[3]]
    for part in ("Train", "Test"):
        pairs += rows(sample, f"mismatchpairsDev{part}.csv")
    assert all(row[0] != row[2] for row in pairs)


def test_readme_says_that_nobody_is_real(sample: Path) -> None:
    text = (sample / "lfw_readme.csv").read_text(encoding="ascii")
    assert "synthetic" in text
    assert "No person in them is real" in text


def test_same_photograph_pairs_are_far_more_alike_than_others(sample: Path) -> None:
    for original, copied in SAME_PHOTO_PAIRS:
        assert alike(grey(sample, original), grey(sample, copied)) > 0.97
    name = SAME_PHOTO_PAIRS[2][0].split("/")[0]
    others = [grey(sample, f"{name}/{name}_{number:04d}.jpg") for number in (1, 2, 3, 4, 6, 7)]
    assert max(alike(one, two) for one, two in pairwise(others)) < 0.9


def test_same_photograph_pairs_differ_in_name_or_brightness_as_promised(sample: Path) -> None:
    first, second, third = ([path.split("/")[0] for path in pair] for pair in SAME_PHOTO_PAIRS)
    assert first[0] == first[1]
    assert second[0] != second[1]
    assert third[0] == third[1]
    dull, bright = (grey(sample, path).mean() for path in SAME_PHOTO_PAIRS[2])
    assert bright > 1.05 * dull


def test_same_seed_gives_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, scale=0.01)
    assert hashes(tmp_path) == hashes(tiny)


def test_scale_changes_how_many_pictures_but_not_which(sample: Path, tiny: Path) -> None:
    few, more = hashes(tiny), hashes(sample)
    shared = [path for path in few if path.endswith(".jpg")]
    assert len(shared) < sum(path.endswith(".jpg") for path in more)
    assert all(few[path] == more[path] for path in shared)
    assert all((pictures(tiny) / path).is_file() for pair in SAME_PHOTO_PAIRS for path in pair)


def test_other_seed_draws_other_pictures_of_the_same_names(tiny: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, seed=1, scale=0.01)
    other, known = hashes(tmp_path), hashes(tiny)
    assert set(other) == set(known)
    assert {path for path in other if other[path] == known[path]} == {
        "lfw_readme.csv",
        "lfw_allnames.csv",
    }


def test_filled_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not an empty folder"):
        write_sample(tmp_path, scale=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("keep")
    with pytest.raises(InputError, match="not an empty folder"):
        write_sample(file, scale=0.1)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5, float("nan")])
def test_scale_out_of_range_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="scale"):
        write_sample(tmp_path / "new", scale=scale)
    assert not (tmp_path / "new").exists()


def test_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed"):
        write_sample(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()
