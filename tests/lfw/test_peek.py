import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lfw.catalog import PEOPLE_LIST, read_people
from lfw.errors import InputError
from lfw.parameters import AuditParameters, PretrainParameters, TrainParameters
from lfw.peek import check_people, peek_people
from lfw.sample import sample_people, write_sample
from lfw.sources import Source, download_path


def test_the_samples_people_are_known_before_it_is_drawn(tmp_path: Path) -> None:
    found = peek_people(Source("sample", "sample"), tmp_path)
    assert found is not None
    assert not any(tmp_path.iterdir())
    people = sample_people()
    pd.testing.assert_frame_equal(found, people)
    write_sample(tmp_path / "drawn")
    drawn = read_people(tmp_path / "drawn").sort_values("name", ignore_index=True)
    expected = people.sort_values("name", ignore_index=True)
    pd.testing.assert_frame_equal(drawn, expected, check_dtype=False)


@pytest.mark.parametrize("kind", ["folder", "archive", "url"])
def test_people_are_read_in_place(
    kind: str, sample_folder: Path, sample_zip: Path, tmp_path: Path
) -> None:
    source = Source("folder", str(sample_folder))
    if kind == "archive":
        source = Source("archive", str(sample_zip))
    if kind == "url":
        source = Source("url", "https://example.org/sample.zip")
        assert peek_people(source, tmp_path) is None
        kept = download_path(source, tmp_path)
        kept.parent.mkdir(parents=True)
        kept.write_bytes(sample_zip.read_bytes())
    found = peek_people(source, tmp_path)
    assert found is not None
    pd.testing.assert_frame_equal(found, read_people(sample_folder))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_what_cannot_be_read_is_left_to_the_run(content: bytes, tmp_path: Path) -> None:
    archive = tmp_path / "lfw.zip"
    archive.write_bytes(content)
    assert peek_people(Source("archive", str(archive)), tmp_path) is None
    check_people(TrainParameters(top=9999), Source("archive", str(archive)), tmp_path)


@pytest.mark.parametrize("lists", [0, 2])
def test_an_archive_without_its_one_list_is_left_to_the_run(lists: int, tmp_path: Path) -> None:
    archive = tmp_path / "lfw.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme", "")
        for number in range(lists):
            file.writestr(f"{number}/{PEOPLE_LIST}", "name,images\nAnn_Ash,3\n")
    assert peek_people(Source("archive", str(archive)), tmp_path) is None


def test_an_archive_is_looked_into_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, opened = tmp_path / "lfw.zip", []

    class Counted(zipfile.ZipFile):
        def __init__(self, file: Any, *args: Any) -> None:
            opened.append(file)
            super().__init__(file, *args)

    monkeypatch.setattr("lfw.peek.zipfile.ZipFile", Counted)

    def look(count: int) -> dict[str, int]:
        with zipfile.ZipFile(archive.with_suffix(".new"), "w") as file:
            file.writestr(PEOPLE_LIST, f"name,images\nAnn_Ash,{count}\n")
        opened.clear()
        archive.with_suffix(".new").replace(archive)
        both = [peek_people(Source("archive", str(archive)), tmp_path) for _ in range(2)]
        for found in both:
            assert found is not None
            assert dict(zip(found["name"], found["images"], strict=True)) == {"Ann_Ash": count}
            found["images"] = -1  # who was given a table may do with it what they like
        return {str(name): opened.count(name) for name in opened}

    assert look(3) == {str(archive): 1}
    assert look(4) == {str(archive): 1}  # of the same size


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    name = sample_people()["name"][0]
    near = name[:-1] + "x"
    source = Source("sample", "sample")
    with pytest.raises(InputError, match=rf"people: .*{near} \(nearest: {name}"):
        check_people(TrainParameters(people=(name, near)), source, tmp_path)
    with pytest.raises(InputError, match=rf"exclude_people: .*{near} \(nearest: {name}"):
        check_people(PretrainParameters(exclude_people=(near,)), source, tmp_path)
    check_people(TrainParameters(people=tuple(sample_people()["name"][:2])), source, tmp_path)
    check_people(AuditParameters(), source, tmp_path)
    assert not any(tmp_path.iterdir())
