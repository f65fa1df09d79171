"""Every fault of an image is told by its right name, and none stops the audit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lfw import plain_jpeg
from lfw.audit import (
    PROBLEMS,
    UNUSABLE,
    Audit,
    audit_images,
    byte_identical,
    check_gate,
    describe_sizes,
    read_errata,
    read_thumbnail,
)
from lfw.errors import DataError, InputError
from lfw.look_alikes import ROUGHNESS, descriptors, find_look_alikes
from lfw.plain_jpeg import is_plain_jpeg
from lfw.same_photo import THUMBNAIL_SIDE
from tests.lfw.bad_images import (
    FAULTY,
    GOOD,
    PICTURE,
    SIDE,
    VALID,
    claiming,
    drawn,
    encoded,
    jpeg,
)


def audit_one(folder: Path, name: str, content: bytes) -> dict[str, object]:
    (folder / name).write_bytes(content)
    rows = audit_images(folder, [name]).images.to_dict("records")
    assert len(rows) == 1
    return {str(key): value for key, value in rows[0].items()}


@pytest.mark.parametrize("name", VALID)
def test_valid_file_has_no_problem(tmp_path: Path, name: str) -> None:
    row = audit_one(tmp_path, name, VALID[name]())
    assert (row["problem"], row["detail"]) == ("", "")
    assert (row["width"], row["height"], row["mode"]) == (SIDE, SIDE, "RGB")
    assert row["image_path"] == name


@pytest.mark.parametrize("name", FAULTY)
def test_fault_is_named(tmp_path: Path, name: str) -> None:
    make, problem, detail = FAULTY[name]
    row = audit_one(tmp_path, name, make())
    assert row["problem"] == problem
    assert detail in str(row["detail"])


def test_every_problem_occurs_among_the_faults() -> None:
    assert {problem for _, problem, _ in FAULTY.values()} == set(PROBLEMS)


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    found = audit_images(tmp_path, ["folder.jpg", "dangling.jpg", "missing.jpg"]).images
    assert found["problem"].tolist() == ["unreadable"] * 3
    assert found["detail"].tolist() == [
        "Is a directory",
        "No such file or directory",
        "No such file or directory",
    ]
    assert found["width"].isna().all()


def test_audit_goes_on_after_faults(tmp_path: Path) -> None:
    names = [*FAULTY, *VALID]
    for name in names:
        (tmp_path / name).write_bytes(FAULTY[name][0]() if name in FAULTY else VALID[name]())
    told: list[tuple[int, int]] = []
    audit = audit_images(tmp_path, names, lambda done, total: told.append((done, total)))
    assert audit.images["image_path"].tolist() == names
    assert audit.images["problem"].tolist() == [
        FAULTY[name][1] if name in FAULTY else "" for name in names
    ]
    expected = [name for name in names if name in FAULTY and FAULTY[name][1] in UNUSABLE]
    assert audit.unusable["image_path"].tolist() == expected
    assert told[-1] == (len(names), len(names))
    column = pd.Series(names, index=range(7, 7 + len(names)), dtype="str")
    of_a_column = audit_images(tmp_path, column)
    pd.testing.assert_frame_equal(of_a_column.images, audit.images)
    assert np.array_equal(of_a_column.thumbnails, audit.thumbnails)


def test_thumbnails_are_grey_copies_and_zero_where_nothing_was_decoded(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(GOOD)
    (tmp_path / "half.jpg").write_bytes(GOOD[: len(GOOD) // 2])
    audit = audit_images(tmp_path, ["half.jpg", "good.jpg"])
    assert audit.thumbnails.shape == (2, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    assert not audit.thumbnails[0].any()
    assert audit.thumbnails[1].mean() == pytest.approx(drawn().mean(), abs=4)


def spoilt(rng: np.random.Generator) -> bytes:
    """A plain JPEG with some bytes changed, blanked, cut out or cut off."""
    content = bytearray(GOOD)
    place, how = int(rng.integers(2, len(content))), int(rng.integers(4))
    if how == 0:
        content[place] ^= 1 << int(rng.integers(8))
    elif how == 1:
        content[place : place + 16] = rng.bytes(16)
    elif how == 2:
        del content[place : place + int(rng.integers(1, 64))]
    else:
        del content[place:]
    return bytes(content)


def test_quick_look_misses_nothing_that_full_decoding_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bytes of the head, and bytes all over the rest: the table is the same either way."""
    rng = np.random.default_rng(0)
    head = GOOD.index(b"\xff\xda") + 14
    changed = [GOOD[:at] + bytes([GOOD[at] ^ 1 << at % 8]) + GOOD[at + 1 :] for at in range(head)]
    names = []
    for number, content in enumerate(changed + [spoilt(rng) for _ in range(400)]):
        names.append(f"{number}.jpg")
        (tmp_path / names[-1]).write_bytes(content)
    quick = audit_images(tmp_path, names).images
    monkeypatch.setattr("lfw.audit.is_plain_jpeg", lambda *_: False)
    pd.testing.assert_frame_equal(quick, audit_images(tmp_path, names).images)
    assert 300 < (quick["problem"] != "").sum() < len(names) - 100


def test_a_head_that_was_found_plain_is_plain_again_to_its_last_byte() -> None:
    assert is_plain_jpeg(GOOD, SIDE, SIDE)
    end = GOOD.index(b"\xff\xda") + 2
    assert is_plain_jpeg(GOOD[:end], SIDE, SIDE)
    assert not is_plain_jpeg(GOOD[: end - 1], SIDE, SIDE)
    assert not is_plain_jpeg(GOOD[:end], SIDE + 1, SIDE)
    for place in range(end):
        other = bytes([*GOOD[:place], GOOD[place] ^ 0x55, *GOOD[place + 1 : end]])
        known = dict(plain_jpeg._plain_heads)
        plain_jpeg._plain_heads.clear()
        walked = is_plain_jpeg(other, SIDE, SIDE)
        plain_jpeg._plain_heads.update(known)
        assert is_plain_jpeg(other, SIDE, SIDE) == walked, place


def test_only_a_plain_jpeg_is_plain() -> None:
    plain = [name for name in VALID if is_plain_jpeg(VALID[name](), SIDE, SIDE)]
    assert plain == ["baseline.jpg", "upper-case.JPG", "long-suffix.jpeg"]
    assert not is_plain_jpeg(GOOD, SIDE, SIDE + 1)
    cut = [GOOD[:length] for length in range(GOOD.index(b"\xff\xda"))]
    assert not any(is_plain_jpeg(content, SIDE, SIDE) for content in cut)
    two = encoded(PICTURE, "MPO", save_all=True, append_images=[PICTURE])
    assert not is_plain_jpeg(two, SIDE, SIDE)


def test_rough_thumbnails_are_near_the_exact_ones(tmp_path: Path) -> None:
    """Nearer than what the search for look-alikes allows for."""
    for number in range(20):
        image = Image.fromarray(drawn(number)).effect_spread(number % 5)
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(image))
    names = [f"{number}.jpg" for number in range(20)]
    exact = np.stack([read_thumbnail(tmp_path / name) for name in names])
    rough = audit_images(tmp_path, names).thumbnails
    assert (rough != exact).any()
    first, second = descriptors(exact), descriptors(rough)
    assert np.abs(first @ first.T - second @ second.T).max() < ROUGHNESS


def test_exif_does_not_turn_the_size(tmp_path: Path) -> None:
    plain = audit_one(tmp_path, "plain.jpg", GOOD)
    turned = audit_one(tmp_path, "turned.jpg", VALID["turned-by-exif.jpg"]())
    assert {**turned, "image_path": ""} == {**plain, "image_path": ""}


@pytest.mark.skipif(sys.platform != "linux", reason="limits address space as Linux does")
def test_claimed_size_takes_no_memory(tmp_path: Path) -> None:
    """In a process of its own, which may have 1.5 GB of address space: decoding would take 4 GB."""
    (tmp_path / "bomb.jpg").write_bytes(claiming(65_500, 65_500))
    (tmp_path / "smaller.jpg").write_bytes(claiming(30_000, 30_000))
    code = (
        "import sys, pathlib; from lfw.audit import audit_images;"
        "import resource; limit = 3 << 29;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + limit,) * 2);"
        "found = audit_images(pathlib.Path(sys.argv[1]), ['bomb.jpg', 'smaller.jpg']);"
        "print(*found.images['problem'], sep=',')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "too large,too large", done.stderr


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(["baseline.jpg", "colours.png", "animated.png"]))
def test_no_damage_stops_the_audit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    content = bytearray(VALID[name]())
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=20)):
        content[place] = value
    kept = data.draw(st.integers(0, len(content)))
    row = audit_one(tmp_path_factory.mktemp("damage"), name, bytes(content[:kept]))
    assert row["problem"] in {"", *PROBLEMS}


def sizes(widths: list[int], heights: list[int]) -> Audit:
    frame = pd.DataFrame({"width": widths, "height": heights}).astype("Int64")
    return Audit(frame, np.zeros((len(widths), 1, 1), np.uint8))


def test_sizes_are_described() -> None:
    described = describe_sizes(sizes([250, 250, 250, 150], [250, 250, 250, 50]))
    assert list(described.loc["count"]) == [4, 4]
    assert described.loc["mean", "width"] == 225
    assert described.loc["std", "width"] == pytest.approx(50)
    assert described.loc["std", "height"] == pytest.approx(100)
    assert list(described.loc[["min", "50%", "max"], "height"]) == [50, 250, 250]


def test_sizes_leave_out_what_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(GOOD)
    described = describe_sizes(audit_images(tmp_path, ["good.jpg", "missing.jpg"]))
    assert list(described.loc["count"]) == [1, 1]
    assert list(described.loc["mean"]) == [SIDE, SIDE]


def test_same_bytes_are_paired_with_the_first() -> None:
    files = pd.DataFrame(
        {"image_path": ["c", "z", "a", "b", "y", "x"], "sha256": ["1", "2", "1", "1", "2", "3"]}
    )
    assert byte_identical(files) == [("a", "b"), ("a", "c"), ("y", "z")]
    assert byte_identical(files.iloc[:2]) == []


def test_errata_are_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "errata.csv"
    path.write_text("subject,problem,other\nAnn,NA,\nBob/Bob_0001.jpg,wrong name,Ann\n")
    assert read_errata(path).to_numpy().tolist() == [
        ["Ann", "NA", ""],
        ["Bob/Bob_0001.jpg", "wrong name", "Ann"],
    ]


@pytest.mark.parametrize(
    "text", ["subject,problem\na,b\n", "problem,subject,other\n", "a,b,c\n1,2,3\n", ""]
)
def test_errata_with_other_columns_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "errata.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"errata.*errata\.csv"):
        read_errata(path)


def test_gate_fails_only_where_it_should() -> None:
    check_gate("warn", ["one is damaged"])
    check_gate("fail", [])
    with pytest.raises(DataError, match="one is damaged; two is missing"):
        check_gate("fail", ["one is damaged", "two is missing"])


def test_gate_lists_five_problems_and_counts_the_others() -> None:
    with pytest.raises(DataError, match="p0; p1; p2; p3; p4 and 3 more"):
        check_gate("fail", [f"p{number}" for number in range(8)])


def test_sample_has_no_problem(sample_folder: Path) -> None:
    root = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    assert (audit_images(root, paths).images["problem"] == "").all()


@pytest.mark.real_data
def test_real_images_are_whole_and_of_one_size(real_images: Path) -> None:
    paths = sorted(path.relative_to(real_images).as_posix() for path in real_images.rglob("*.jpg"))
    audit = audit_images(real_images, paths)
    assert audit.images["image_path"].tolist() == paths
    assert len(audit.images) == 13_233
    told = audit.images.drop(columns="image_path").drop_duplicates()
    assert told.to_numpy().tolist() == [[250, 250, "RGB", "JPEG", "", ""]]
    described = describe_sizes(audit)
    exact = np.stack([read_thumbnail(real_images / path) for path in paths])
    assert find_look_alikes(
        audit.thumbnails, lambda place: np.asarray(exact[place], np.uint8)
    ) == find_look_alikes(exact)
    assert list(described.loc["mean"]) == [SIDE, SIDE]
    assert list(described.loc["std"]) == [0, 0]
