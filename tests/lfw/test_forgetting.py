"""Who was forgotten is left out of whatever is read, and is removed where it is ours."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lfw import fetch as fetching
from lfw.catalog import read_catalog
from lfw.digest import file_digest
from lfw.embedding.vectors import forget_vectors, vectors_of
from lfw.errors import DataError
from lfw.fetch import Fetched, fetch, forget_images
from lfw.files import PARTIAL
from lfw.forgetting import RECORD, add_forgotten, read_forgotten
from lfw.manifest import build_manifest
from lfw.pack import PACK
from lfw.peek import peek_people
from lfw.sources import KAGGLE_DATASET, Source, choose_source, download_path
from tests.conftest import files_in, spoil_image, zip_folder
from tests.lfw.fetching.support import DYING
from tests.web import Site, offer_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def person(sample_folder: Path) -> str:
    """Somebody with many images and pairs."""
    people = read_catalog(sample_folder).people
    return str(people.sort_values(["images", "name"])["name"].iloc[-1])


def people_of(fetched: Fetched) -> set[str]:
    return {path.partition("/")[0] for path in fetched.manifest.images["path"]}


def files_of(folder: Path, person: str) -> list[str]:
    """Paths of a person's images, whether files or in a pack."""
    return [path for path in files_in(folder) if f"/{person}/" in path and path.endswith(".jpg")]


def forget(data: Path, *names: str) -> dict[str, int]:
    data.mkdir(exist_ok=True)
    add_forgotten(data, names)
    return forget_images(data)


def test_a_download_from_kaggle_that_was_cut_short_goes(data: Path) -> None:
    begun = data / "downloads" / "kaggle" / "datasets" / KAGGLE_DATASET / "4.archive"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"half an archive")
    assert forget_images(data) == {}
    assert begun.exists(), "nobody is forgotten"
    forget(data, "Ann_Lee")
    assert not begun.exists()


def test_an_unpacked_archive_loses_their_images_and_the_users_file_stays(
    sample_zip: Path, data: Path, person: str
) -> None:
    source, before = Source("archive", str(sample_zip)), file_digest(sample_zip)
    whole = fetch(source, data)
    images = files_of(data, person)
    pictures = {path: files_in(data)[path] for path in images}
    assert len(images) > 5
    assert forget(data, person) == {whole.dataset.folder: len(images)}
    assert files_of(data, person) == []
    pack = (Path(whole.dataset.folder) / PACK).read_bytes()
    assert person.encode() not in pack
    assert not any(picture[-500:] in pack for picture in pictures.values()), "no byte is left"
    again = fetch(source, data)
    assert again.why is not None, "what is left is whole: nothing is unpacked anew"
    assert people_of(again) == people_of(whole) - {person}
    assert again.dataset.forgotten == (person,)
    assert file_digest(sample_zip) == before


def test_killed_after_the_list_was_written_the_next_reading_removes_them(
    sample_zip: Path, data: Path, person: str
) -> None:
    source = Source("archive", str(sample_zip))
    fetch(source, data)
    add_forgotten(data, [person])
    found = fetch(source, data)
    assert person not in people_of(found)
    assert files_of(data, person) == []
    assert fetch(source, data).why is not None


@pytest.mark.parametrize(
    "when",
    [("lfw.forgetting", "copy_pack"), ("lfw.forgetting", "close_packs"), ("lfw.fetch", "sealing")],
    ids=["before it is written", "when it is in place", "before it is sealed"],
)
def test_killed_while_a_pack_is_written_anew(
    when: tuple[str, str], sample_zip: Path, data: Path, person: str
) -> None:
    source = Source("archive", str(sample_zip))
    whole = fetch(source, data)
    add_forgotten(data, [person])
    calls = "2" if when[1] == "sealing" else "1"  # to compare, and to seal
    command = [sys.executable, "-c", DYING, str(sample_zip), str(data), *when, calls]
    killed = subprocess.run(command, check=False, timeout=60, cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    found = fetch(source, data)
    assert people_of(found) == people_of(whole) - {person}
    assert files_of(data, person) == []
    assert not list(data.rglob(f"{PARTIAL}*"))
    assert fetch(source, data).why is not None


def test_a_spoilt_copy_goes_wholly(sample_zip: Path, data: Path, person: str) -> None:
    source = Source("archive", str(sample_zip))
    pack = Path(fetch(source, data).dataset.folder) / PACK
    pack.write_bytes(pack.read_bytes()[:-1])
    forget(data, person)
    assert not [path for path in data.rglob("*") if path.suffix in {".jpg", ".zip"}]
    assert person not in people_of(fetch(source, data))


def test_a_copy_with_a_changed_byte_goes_wholly(
    sample_zip: Path, data: Path, sample_folder: Path
) -> None:
    first, *_, last = build_manifest(sample_folder).images["path"].str.split("/").str[0]
    copy = Path(fetch(Source("archive", str(sample_zip)), data).dataset.folder)
    other = kaggle_copy(data, "1", sample_folder)
    spoil_image(copy)
    shown = len(files_of(sample_folder, last))
    assert first != last, "the checksum of what goes is not compared"
    assert forget(data, last) == {str(copy): shown, str(other): shown}
    assert not copy.exists()
    assert files_of(data, last) == []


def test_a_copy_of_nobody_else_goes_wholly_and_the_next_loses_its_images(
    sample_folder: Path, data: Path, person: str, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(sample_folder, theirs, ignore=all_images_but(person))
    shown = len(files_of(theirs, person))
    archive = Source("archive", str(zip_folder(theirs, tmp_path / "theirs.zip")))
    copies = [
        Path(fetch(archive, data).dataset.folder),
        kaggle_copy(data, "1", theirs),
        kaggle_copy(data, "2", sample_folder),
    ]
    assert forget(data, person) == {str(copy): shown for copy in copies}
    assert [copy.exists() for copy in copies] == [False, False, True]
    assert files_of(data, person) == []
    assert not list(data.rglob("*.sha256"))
    assert forget(data, person) == {}
    with pytest.raises(DataError, match="nobody but people who were forgotten"):
        fetch(archive, data)


def test_a_download_of_nobody_else_goes_too(
    sample_folder: Path, data: Path, person: str, tmp_path: Path, http_server: Site, kaggle: Site
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(sample_folder, theirs, ignore=all_images_but(person))
    zipped = zip_folder(theirs, http_server.folder / "lfw.zip")
    offer_dataset(kaggle, zipped)
    forget(data, person)
    for source in (Source("url", f"{http_server.url}/lfw.zip"), Source("kaggle", KAGGLE_DATASET)):
        for _ in range(2):
            with pytest.raises(DataError, match="nobody but people who were forgotten"):
                fetch(source, data)
            assert [path for path in data.rglob("*") if path.suffix in {".jpg", ".zip"}] == []


def kaggle_copy(data: Path, version: str, folder: Path) -> Path:
    """Lay a data set where what is fetched from Kaggle lies."""
    home = data / "downloads" / "kaggle" / "datasets" / KAGGLE_DATASET / "versions"
    return Path(shutil.copytree(folder, home / version))


def all_images_but(person: str) -> Callable[[str, list[str]], list[str]]:
    def others(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name.endswith(".jpg") and Path(folder).name != person]

    return others


def test_they_never_come_back(sample_zip: Path, data: Path, person: str) -> None:
    forget(data, person)
    source = Source("archive", str(sample_zip))
    new = fetch(source, data)
    assert files_of(data, person) == []
    assert person not in people_of(new)
    spoil_image(data)  # made again
    assert fetch(source, data).manifest.data_digest == new.manifest.data_digest
    assert files_of(data, person) == []


def test_the_users_folder_is_read_without_them_and_left_alone(
    sample_folder: Path, data: Path, person: str
) -> None:
    forget(data, person)
    found = fetch(Source("folder", str(sample_folder)), data)
    assert person not in people_of(found)
    assert files_of(sample_folder, person)


def test_a_download_is_removed_and_not_asked_for_again(
    sample_zip: Path, data: Path, person: str, http_server: Site
) -> None:
    (http_server.folder / "lfw.zip").write_bytes(sample_zip.read_bytes())
    source = Source("url", f"{http_server.url}/lfw.zip")
    fetch(source, data)
    assert download_path(source, data).is_file()
    forget(data, person)
    assert not download_path(source, data).exists()
    asked = len(http_server.requests)
    assert person not in people_of(fetch(source, data))
    assert len(http_server.requests) == asked
    spoil_image(data)  # fetched, unpacked, removed again
    assert person not in people_of(fetch(source, data))
    assert len(http_server.requests) > asked
    assert files_of(data, person) == []
    assert not download_path(source, data).exists()


def test_what_is_left_of_known_images_is_known(
    kaggle: Site,
    sample_folder: Path,
    data: Path,
    person: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    known = build_manifest(sample_folder).images_digest
    monkeypatch.setitem(fetching.KNOWN_IMAGES, known, "the known ones")
    offer_dataset(kaggle, zip_folder(sample_folder, tmp_path / "kaggle.zip"))
    source = Source("kaggle", KAGGLE_DATASET)
    fetch(source, data)
    other = min(people_of(fetch(source, data)) - {person})
    forget(data, person)
    assert "left of the known ones" in fetch(source, data).dataset.verification
    forget(data, other)
    twice = fetch(source, data)
    assert "left of the known ones" in twice.dataset.verification
    assert files_of(data, person) == files_of(data, other) == []
    assert choose_source("auto", data, {}).kind in {"kaggle", "sample"}


def test_the_sample_is_drawn_without_them(data: Path) -> None:
    people = peek_people(Source("sample", "sample"), data)
    assert people is not None
    forget(data, people["name"].iloc[0])
    left = peek_people(Source("sample", "sample"), data)
    assert left is not None
    assert set(people["name"]) - set(left["name"]) == {people["name"].iloc[0]}


def test_no_list_names_them_and_folds_keep_their_numbers(sample_folder: Path, person: str) -> None:
    whole = read_catalog(sample_folder)
    left = whole.without({person})
    for name, frame in vars(left).items():
        for column in {"name", "name1", "name2"} & set(frame):
            assert person not in set(frame[column]), name
    before = whole.view2_pairs
    kept = before[(before["name1"] != person) & (before["name2"] != person)]
    assert left.view2_pairs["fold"].tolist() == kept["fold"].tolist()
    assert len(kept) < len(before)


def test_their_vectors_go_and_the_others_stay(tmp_path: Path) -> None:
    kept = tmp_path / "network.npz"
    vectors_of(["a", "b"], ["1", "2"], lambda paths: np.ones((len(paths), 3), np.float32), kept)
    assert forget_vectors(kept, {"1", "3"}) == 1
    asked: list[str] = []

    def compute(paths: list[str]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        asked.extend(paths)
        return np.zeros((len(paths), 3), np.float32)

    assert vectors_of(["a", "b"], ["1", "2"], compute, kept).tolist() == [[0] * 3, [1] * 3]
    assert asked == ["a"]
    assert forget_vectors(kept, {"1", "2"}) == 2
    assert not kept.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"people": 3}', '{"people": {}}'])
def test_a_damaged_list_stops_all_reading(text: str, sample_folder: Path, data: Path) -> None:
    data.mkdir()
    (data / RECORD).write_text(text)
    with pytest.raises(DataError, match=RECORD):
        fetch(Source("folder", str(sample_folder)), data)


def test_a_name_in_the_list_is_no_path(sample_zip: Path, data: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    fetch(Source("archive", str(sample_zip)), data)
    forget(data, str(precious), "../..", "..", "")
    assert precious.is_dir()
    assert fetch(Source("archive", str(sample_zip)), data).why is not None


def test_the_day_is_kept_when_somebody_is_forgotten_again(data: Path) -> None:
    data.mkdir()
    listed = {"people": {"Ann": "2001-01-01"}, "left_of": {}}
    (data / RECORD).write_text(json.dumps(listed))
    add_forgotten(data, ["Ann", "Bob"])
    assert read_forgotten(data).people["Ann"] == "2001-01-01"
    assert set(read_forgotten(data).people) == {"Ann", "Bob"}
