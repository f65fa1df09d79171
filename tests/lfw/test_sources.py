"""Only `auto` chooses a source, in one order; anything else is taken at its word or refused."""

import json
from pathlib import Path

import pytest

from lfw import sources
from lfw.errors import InputError
from lfw.sources import (
    KAGGLE_DATASET,
    Source,
    choose_source,
    describe_choice,
    download_path,
    kaggle_cache,
    remember,
)

SHA = "0123456789abcdef" * 4


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "lfw.zip"
    path.write_bytes(b"x")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def set_kaggle(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    monkeypatch.setattr(sources, "kaggle_answers", lambda: answers)


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> bool:
        raise AssertionError("Kaggle was asked")

    monkeypatch.setattr(sources, "kaggle_answers", asked)


def test_source_is_taken_at_its_word(archive: Path, data: Path) -> None:
    url = "https://example.org/lfw.zip"
    chosen = {
        text: choose_source(text, data, {"LFW_SOURCE": "sample"})
        for text in ("sample", "kaggle", url, str(archive), str(archive.parent))
    }

    assert [source.kind for source in chosen.values()] == [
        "sample",
        "kaggle",
        "url",
        "archive",
        "folder",
    ]
    assert chosen["kaggle"].location == KAGGLE_DATASET
    assert chosen[url].location == url
    assert chosen[str(archive)].location == str(archive)
    assert all(source.why == "as asked" for source in chosen.values())


def test_paths_are_made_absolute(
    archive: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(archive.parent)
    monkeypatch.setenv("HOME", str(archive.parent))

    assert choose_source("lfw.zip", data, {}).location == str(archive)
    assert choose_source("~/lfw.zip", data, {}).location == str(archive)


def test_checksum_is_split_off(archive: Path, data: Path) -> None:
    assert choose_source(f"{archive}#sha256={SHA}", data, {}).sha256 == SHA
    assert choose_source(f"{archive}#sha256={SHA.upper()}", data, {}).sha256 == SHA
    url = choose_source(f"http://example.org/a.zip#sha256={SHA}", data, {})
    assert (url.location, url.sha256) == ("http://example.org/a.zip", SHA)


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64, SHA + "0"])
def test_wrong_checksum_is_refused(digest: str, archive: Path, data: Path) -> None:
    with pytest.raises(InputError, match=r"source: .* is not a SHA-256"):
        choose_source(f"{archive}#sha256={digest}", data, {})


def test_checksum_of_a_folder_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder has no checksum"):
        choose_source(f"{tmp_path}#sha256={SHA}", data, {})


@pytest.mark.parametrize("url", ["ftp://example.org/a.zip", "s3://bucket/a.zip", "file:///a.zip"])
def test_other_protocols_are_refused(url: str, data: Path) -> None:
    with pytest.raises(InputError, match="is not http or https"):
        choose_source(url, data, {})


@pytest.mark.parametrize("text", ["none.zip", "Kaggle", "smaple", " auto"])
def test_what_is_not_there_is_refused_and_never_replaced(text: str, data: Path) -> None:
    with pytest.raises(InputError, match="source: there is no "):
        choose_source(text, data, {"LFW_SOURCE": "sample"})


def test_auto_takes_the_variable_first(archive: Path, data: Path) -> None:
    remember(data, Source("archive", str(archive)))
    chosen = choose_source("auto", data, {"LFW_SOURCE": "sample"})
    assert chosen == Source("sample", "sample", why="LFW_SOURCE names it")


@pytest.mark.parametrize("wanted", ["auto", "none.zip", "ftp://example.org/a.zip"])
def test_wrong_variable_is_refused_and_never_replaced(wanted: str, data: Path) -> None:
    with pytest.raises(InputError):
        choose_source("auto", data, {"LFW_SOURCE": wanted})


def test_auto_then_takes_what_was_fetched_before(archive: Path, data: Path) -> None:
    remember(data, Source("archive", str(archive), SHA, "as asked"))
    chosen = choose_source("auto", data, {"LFW_SOURCE": ""})
    assert chosen == Source("archive", str(archive), SHA, "it was fetched before")


def test_auto_then_takes_a_download_made_before(data: Path) -> None:
    source = Source("url", "http://example.org/lfw.zip")
    kept = download_path(source, data)
    kept.parent.mkdir(parents=True)
    kept.touch()
    remember(data, source)

    assert choose_source("auto", data, {}).kind == "url"


def test_auto_then_takes_what_kaggle_sent_before(data: Path) -> None:
    home = kaggle_cache(data) / "datasets" / KAGGLE_DATASET
    (home / "versions" / "4").mkdir(parents=True)
    (home / "4.complete").touch()
    remember(data, Source("kaggle", KAGGLE_DATASET))

    assert choose_source("auto", data, {}).why == "it was fetched before"


def write_record(data: Path, text: str) -> None:
    (data / "datasets").mkdir(parents=True)
    (data / "datasets" / "fetched.json").write_text(text, encoding="utf-8")


RECORDS = {
    "archive that is gone": json.dumps({"kind": "archive", "location": "/none/lfw.zip"}),
    "download that is gone": json.dumps({"kind": "url", "location": "http://example.org/a.zip"}),
    "nothing from Kaggle": json.dumps({"kind": "kaggle", "location": KAGGLE_DATASET}),
    "torn": '{"kind": "arch',
    "of another version": json.dumps({"sort": "archive"}),
    "no record": "[1, 2]",
}


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("answers", [True, False])
def test_auto_passes_over_what_cannot_be_had_any_more(
    record: str, answers: bool, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_kaggle(monkeypatch, answers)
    write_record(data, RECORDS[record])
    assert choose_source("auto", data, {}).kind == ("kaggle" if answers else "sample")


def test_auto_then_asks_kaggle(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_kaggle(monkeypatch, answers=True)
    assert choose_source("auto", data, {}) == Source("kaggle", KAGGLE_DATASET, why="Kaggle answers")


def test_auto_at_last_takes_the_sample_and_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_kaggle(monkeypatch, answers=False)
    chosen = choose_source("auto", data, {})

    assert chosen.kind == "sample"
    assert describe_choice(chosen).startswith("SYNTHETIC DATA: ")
    assert "Kaggle cannot be reached" in describe_choice(chosen)


def test_choice_is_described() -> None:
    source = Source("archive", "/a/lfw.zip", why="LFW_SOURCE names it")
    assert describe_choice(source) == "Data: archive /a/lfw.zip (LFW_SOURCE names it)."


def test_downloads_of_two_addresses_have_two_paths(data: Path) -> None:
    urls = ("http://a.org/lfw.zip", "http://b.org/lfw.zip", "http://a.org/", "http://a.org/?b")
    paths = {download_path(Source("url", url), data) for url in urls}

    assert len(paths) == len(urls)
    assert {path.parent for path in paths} == {data / "downloads"}
    assert any(path.name.endswith("-lfw.zip") for path in paths)
