"""A data set of three images, as a folder and as an archive."""

from pathlib import Path

import pytest

from tests.conftest import zip_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three images that says nothing of being drawn."""
    folder = tmp_path / "lfw"
    for name in ("Ann/Ann_0001", "Ann/Ann_0002", "Bob/Bob_0001"):
        path = folder / "lfw" / "lfw" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 50)
    (folder / "lfw_allnames.csv").write_text("name,images\nAnn,2\nBob,1\n")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    return zip_folder(folder, tmp_path / "lfw.zip")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
