"""Whatever lies in a data set's folder: it is listed, or refused in a sentence that names it."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw.audit import UNUSABLE, audit_images
from lfw.errors import DataError
from lfw.images import read_rgb
from lfw.manifest import build_manifest
from tests.lfw.bad_images import FAULTY, GOOD, VALID
from tests.lfw.test_image_files import as_nobody

ANN = Path("lfw/lfw/Ann")


def _data(folder: Path) -> Path:
    (folder / ANN).mkdir(parents=True)
    (folder / ANN / "Ann_0001.jpg").write_bytes(GOOD)
    (folder / "lfw_allnames.csv").write_text("name,images\nAnn,1\n")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return _data(tmp_path / "data")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (lambda p: (p / "x.jpg").symlink_to(p / "Ann_0001.jpg"), r"x\.jpg is a link"),
    "a dangling link": (lambda p: (p / "x.jpg").symlink_to(p / "none"), r"x\.jpg is a link"),
    "a link in a circle": (lambda p: (p / "x").symlink_to(p), r"x is a link"),
    "a link to the system": (lambda p: (p / "x.csv").symlink_to("/etc/passwd"), "is a link"),
    "a pipe": (lambda p: os.mkfifo(p / "x.jpg"), r"x\.jpg is a pipe or device"),
    "a socket": (lambda p: _socket(p / "x.jpg"), r"x\.jpg is a pipe or device"),
    "a folder named as an image": (
        lambda p: (p / "x.JPG").mkdir(),
        r"x\.JPG is a folder with the name of a file",
    ),
    "a folder named as a list": (
        lambda p: (p / "pairs.csv").mkdir(),
        r"pairs\.csv is a folder with the name of a file",
    ),
    "a name of no text": (
        lambda p: Path(os.fsdecode(bytes(p) + b"/\xff.jpg")).write_bytes(GOOD),
        r"\\udcff\.jpg' has a name that is no text",
    ),
    "a name with control characters": (
        lambda p: (p / "a\x1b[2J.jpg").write_bytes(GOOD),
        r"a\\x1b\[2J\.jpg' has a name that is no text",
    ),
    "folders without an end": (
        lambda p: (p / "/".join("d" * 40)).mkdir(parents=True),
        "lies 32 folders deep",
    ),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_no_data_set_may_hold_is_refused_by_name(how: str, data: Path) -> None:
    spoil, said = REFUSED[how]
    spoil(data / ANN)

    with pytest.raises(DataError, match=said) as caught:
        build_manifest(data)

    assert str(data) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("closed", ["Ann_0001.jpg", ".", "../../../lfw_allnames.csv"])
def test_what_may_not_be_read_is_refused_by_name(closed: str) -> None:
    # Not below pytest's own folder: nobody but its owner may enter that.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = (_data(Path(name) / "data") / ANN / closed).resolve()
        mode = path.stat().st_mode
        path.chmod(0)
        try:
            with as_nobody(), pytest.raises(DataError, match="cannot be read: Permission denied"):
                build_manifest(Path(name) / "data")
        finally:
            path.chmod(mode)


def test_strays_of_desktops_and_editors_are_listed_and_not_read(data: Path) -> None:
    strays = {".DS_Store", "Thumbs.db", "desktop.ini", ".Ann_0001.jpg.swp", "Ann_0001.jpg~"}
    strays |= {"._Ann_0001.jpg", "Icon\r", "notes.txt~", "__MACOSX"}
    before = build_manifest(data)
    for name in strays:
        (data / ANN / name).write_bytes(b"not read")

    after = build_manifest(data)

    assert {Path(path).name for path in after.stray} == strays
    assert after.data_digest == before.data_digest


CONTENT = {name: cache(make) for name, (make, _, _) in FAULTY.items()} | VALID


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(CONTENT)))
def test_what_the_audit_lets_pass_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    """Whatever bytes are changed or cut off: no image that is not left out stops a training."""
    content = bytearray(CONTENT[name]())
    if content:
        places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
        for place, value in data.draw(st.lists(places, max_size=12)):
            content[place] = value
    kept = data.draw(st.sampled_from([len(content), len(content) // 2, len(content) - 2]))
    folder = tmp_path_factory.mktemp("image")
    (folder / name).write_bytes(content[: max(0, kept)])

    [problem] = audit_images(folder, [name]).images["problem"]

    if problem not in UNUSABLE:
        assert read_rgb(folder / name).shape == (250, 250, 3)
    shutil.rmtree(folder)


@pytest.mark.faults
def test_an_image_of_a_hundred_million_pixels_is_too_large(tmp_path: Path) -> None:
    """Not a claim alone, as in `bad_images`: a whole image, which would decode."""
    from PIL import Image

    from lfw.any_image import read_any

    Image.new("L", (10_000, 10_000), 128).save(tmp_path / "large.jpg")
    assert audit_images(tmp_path, ["large.jpg"]).images["problem"].tolist() == ["too large"]
    with pytest.raises(DataError, match="pixels"):
        read_rgb(tmp_path / "large.jpg")
    with pytest.raises(DataError, match="pixels"):
        read_any((tmp_path / "large.jpg").read_bytes())
