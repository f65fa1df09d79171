"""Benchmarks take the same data set in every process, from wherever it came."""

from pathlib import Path

import pytest

from benchmarks.data import SKIPPED, Data, bring, zip_of
from lfw.sources import Source, choose_source, download_path
from tests.web import Site


def test_an_archive_is_named_with_the_checksum_that_was_demanded(
    data: Data, sample_zip: Path, tmp_path: Path
) -> None:
    assert (data.archive, data.spelling) == (sample_zip, str(sample_zip))
    assert zip_of(data) == sample_zip
    sha256 = str(data.fetched.dataset.archive_sha256)
    pinned = Source("archive", str(sample_zip), sha256)
    spelling = Data(pinned, data.fetched, data.home).spelling
    assert choose_source(spelling, tmp_path, {}) == pinned


def test_of_an_address_the_download_is_taken(
    sample_zip: Path, http_server: Site, tmp_path: Path
) -> None:
    (tmp_path / "site" / "lfw.zip").write_bytes(sample_zip.read_bytes())
    found = bring(f"{http_server.url}/lfw.zip", tmp_path / "data")
    downloaded = download_path(found.source, tmp_path / "data")
    assert found.source.kind == "url"
    assert found.archive == downloaded == zip_of(found)
    again = bring(found.spelling, tmp_path / "other")
    assert again.source.kind == "archive"
    assert again.fetched.dataset.data_digest == found.fetched.dataset.data_digest
    downloaded.unlink()
    assert found.archive is None
    assert found.spelling == f"{http_server.url}/lfw.zip"


def test_of_kaggle_the_folder_that_it_was_fetched_to_is_taken(data: Data) -> None:
    found = Data(Source("kaggle", "owner/name"), data.fetched, data.home)
    assert found.archive is None
    assert found.spelling == str(data.folder)


@pytest.mark.parametrize("source", ["sample", "{folder}"])
def test_names_and_folders_stay_as_they_are(
    source: str, data: Data, sample_folder: Path, tmp_path: Path
) -> None:
    chosen = choose_source(source.format(folder=sample_folder), tmp_path, {})
    found = Data(chosen, data.fetched, data.home)
    assert found.archive is None
    assert choose_source(found.spelling, tmp_path, {}) == chosen


def test_what_needs_a_zip_says_so_and_ends(
    data: Data, sample_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lfw.tar").write_bytes(b"no zip")
    for source in (
        Source("folder", str(sample_folder)),
        Source("archive", str(tmp_path / "lfw.tar")),
    ):
        with pytest.raises(SystemExit) as ended:
            zip_of(Data(source, data.fetched, data.home))
        assert ended.value.code == SKIPPED
        said = capsys.readouterr().err
        assert f"{source.kind} {source.location}: name a zip with --source" in said
