"""Downloads are whole or an error that says whether to try again; Kaggle is asked once."""

import gzip
import inspect
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from lfw import download as module
from lfw.download import FetchError, download, fetch_kaggle, kaggle_answers, kept_from_kaggle
from lfw.errors import DataError
from tests.web import BUNDLE, DOWNLOAD, JSON, LOOK_UP, Reply, Site, offer_dataset

HANDLE = "owner/name"


def refuse(url: str, target: Path) -> FetchError:
    """A download fails with one error that names the URL, and leaves nothing."""
    with pytest.raises(FetchError) as caught:
        download(url, target)
    assert url in str(caught.value)
    assert list(target.parent.iterdir()) == []
    return caught.value


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "lfw.zip"


def test_file_is_downloaded_once(http_server: Site, target: Path) -> None:
    body = bytes(range(256)) * 9000
    (http_server.folder / "lfw.zip").write_bytes(body)
    told: list[tuple[int, int]] = []

    for _ in range(2):
        found = download(
            f"{http_server.url}/lfw.zip", target, lambda done, total: told.append((done, total))
        )

    assert found == target
    assert target.read_bytes() == body
    assert list(target.parent.iterdir()) == [target]
    assert http_server.requests == [("GET", "/lfw.zip")]
    assert told[-1] == (len(body), len(body))
    assert told == sorted(told)
    assert len(told) > 1


def test_redirect_is_followed(http_server: Site, target: Path) -> None:
    (http_server.folder / "lfw.zip").write_bytes(b"content")
    http_server.replies["/old"] = Reply(302, headers={"Location": "/lfw.zip"})

    assert download(f"{http_server.url}/old", target).read_bytes() == b"content"


def test_file_of_unknown_length_is_taken(http_server: Site, target: Path) -> None:
    http_server.replies["/lfw.zip"] = Reply(body=b"content", headers={"Content-Length": None})
    told: list[tuple[int, int]] = []

    download(f"{http_server.url}/lfw.zip", target, lambda done, total: told.append((done, total)))

    assert target.read_bytes() == b"content"
    assert told == [(7, 0)]


def test_archive_is_kept_as_it_was_packed(http_server: Site, target: Path) -> None:
    packed = gzip.compress(b"content")
    http_server.replies["/lfw.tar.gz"] = Reply(body=packed, headers={"Content-Encoding": "gzip"})

    assert download(f"{http_server.url}/lfw.tar.gz", target).read_bytes() == packed


@pytest.mark.parametrize(
    ("status", "passing"),
    [
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (408, True),
        (410, False),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
    ],
)
def test_refusal_says_whether_to_try_again(
    status: int, passing: bool, http_server: Site, target: Path
) -> None:
    http_server.replies["/lfw.zip"] = Reply(status, b"<html>No.</html>")

    error = refuse(f"{http_server.url}/lfw.zip", target)

    assert f"answers {status}" in str(error)
    assert error.passing is passing
    assert isinstance(error, DataError)


def test_redirect_in_a_circle_is_not_passing(http_server: Site, target: Path) -> None:
    http_server.replies["/a"] = Reply(302, headers={"Location": "/b"})
    http_server.replies["/b"] = Reply(302, headers={"Location": "/a"})

    error = refuse(f"{http_server.url}/a", target)

    assert "redirects in a circle" in str(error)
    assert not error.passing


def test_redirect_to_another_protocol_is_not_passing(http_server: Site, target: Path) -> None:
    http_server.replies["/a"] = Reply(302, headers={"Location": "ftp://127.0.0.1/lfw.zip"})
    assert not refuse(f"{http_server.url}/a", target).passing


BROKEN_OFF = {
    "short body": Reply(body=b"content", headers={"Content-Length": "1000"}),
    "no body": Reply(headers={"Content-Length": "1000"}),
    "chunks without an end": Reply(
        body=b"7\r\ncontent\r\n", headers={"Content-Length": None, "Transfer-Encoding": "chunked"}
    ),
    "no answer": Reply(hang_up=True),
}


@pytest.mark.parametrize("how", BROKEN_OFF)
def test_break_off_is_passing(how: str, http_server: Site, target: Path) -> None:
    http_server.replies["/lfw.zip"] = BROKEN_OFF[how]
    assert refuse(f"{http_server.url}/lfw.zip", target).passing


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_server_that_is_not_there_is_passing(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert refuse(f"http://127.0.0.1:{closed_port()}/lfw.zip", target).passing


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:port/x", "http://[::1/x"])
def test_address_that_is_none_is_not_passing(url: str, target: Path) -> None:
    assert not refuse(url, target).passing


def test_stalling_server_is_given_up(
    http_server: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_server.replies["/lfw.zip"] = Reply(body=b"drop")
    monkeypatch.setattr(module, "_STALL_SECONDS", -1.0)  # as if they were over

    error = refuse(f"{http_server.url}/lfw.zip", target)

    assert "next to nothing" in str(error)
    assert error.passing


def test_server_that_drips_is_given_up(
    http_server: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then never lets a reading time out."""
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.5)
    http_server.replies["/lfw.zip"] = Reply(body=b"x" * 400, drip_seconds=0.05)
    began = time.monotonic()

    error = refuse(f"{http_server.url}/lfw.zip", target)

    assert "next to nothing" in str(error)
    assert error.passing
    assert time.monotonic() - began < 15


def test_login_comes_from_a_file_of_the_users(
    http_server: Site, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (http_server.folder / "lfw.zip").write_bytes(b"content")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    (tmp_path / ".netrc").chmod(0o600)

    download(f"{http_server.url}/lfw.zip", target)

    assert http_server.logins == [("ann", "secret")]


def test_login_file_that_is_none_is_named(
    http_server: Site, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("login before any machine\n")
    with pytest.raises(FetchError, match=r"~/\.netrc cannot be read") as caught:
        download(f"{http_server.url}/lfw.zip", target)
    assert not caught.value.passing


def test_failed_download_is_tried_again(http_server: Site, target: Path) -> None:
    http_server.replies["/lfw.zip"] = BROKEN_OFF["short body"]
    refuse(f"{http_server.url}/lfw.zip", target)
    http_server.replies["/lfw.zip"] = Reply(body=b"content")

    assert download(f"{http_server.url}/lfw.zip", target).read_bytes() == b"content"


# Kaggle ----------------------------------------------------------------------------------------


def test_kaggle_is_asked_once(kaggle: Site, sample_zip: Path, tmp_path: Path) -> None:
    offer_dataset(kaggle, sample_zip)
    assert kept_from_kaggle(HANDLE, tmp_path) is None

    folder = fetch_kaggle(HANDLE, tmp_path)
    asked = list(kaggle.requests)
    kaggle.replies.clear()
    again = fetch_kaggle(HANDLE, tmp_path)

    assert [path for _, path in asked] == [LOOK_UP, DOWNLOAD, BUNDLE]
    assert kaggle.requests == asked
    assert again == folder == kept_from_kaggle(HANDLE, tmp_path)
    assert folder.is_relative_to(tmp_path)
    assert (folder / "lfw_allnames.csv").is_file()


def test_newest_whole_version_from_kaggle_is_kept(tmp_path: Path) -> None:
    home = tmp_path / "datasets" / HANDLE
    for version in ("9", "10", "11"):
        (home / "versions" / version).mkdir(parents=True)
    for mark in ("9", "10", "12", "x"):  # 11 is not marked as whole, 12 has no folder
        (home / f"{mark}.complete").touch()

    assert kept_from_kaggle(HANDLE, tmp_path) == home / "versions" / "10"


KAGGLE_FAILURES: dict[str, tuple[str, Reply, bool]] = {
    "unknown": (LOOK_UP, Reply(404), False),
    "forbidden": (DOWNLOAD, Reply(403), False),
    "asked too often": (LOOK_UP, Reply(429), True),
    "error": (DOWNLOAD, Reply(500), True),
    "overloaded": (LOOK_UP, Reply(503), True),
    "no answer": (LOOK_UP, Reply(hang_up=True), True),
    "cut short": (BUNDLE, Reply(body=b"PK", headers={"Content-Length": "999"}), True),
    "no archive": (BUNDLE, Reply(body=b"<html>"), False),
    "no JSON": (LOOK_UP, Reply(body=b"<html>", headers=JSON), False),
    "error in JSON": (
        LOOK_UP,
        Reply(body=b'{"code": 404, "message": "Not found"}', headers=JSON),
        False,
    ),
}


@pytest.mark.parametrize("how", KAGGLE_FAILURES)
def test_kaggles_failure_says_whether_to_try_again(
    how: str, kaggle: Site, sample_zip: Path, tmp_path: Path
) -> None:
    path, reply, passing = KAGGLE_FAILURES[how]
    offer_dataset(kaggle, sample_zip)
    kaggle.replies[path] = reply

    with pytest.raises(FetchError, match=f"Kaggle's data set {HANDLE} cannot") as caught:
        fetch_kaggle(HANDLE, tmp_path)

    assert caught.value.passing is passing
    assert kept_from_kaggle(HANDLE, tmp_path) is None


@pytest.mark.parametrize("path", [LOOK_UP, DOWNLOAD, BUNDLE])
def test_kaggle_that_takes_a_request_and_never_answers_is_left(
    path: str, kaggle: Site, sample_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lfw.download._READ_SECONDS", 0.2)
    offer_dataset(kaggle, sample_zip)
    kaggle.replies[path] = replace(kaggle.replies[path], wait=threading.Event())
    plain = requests.Session

    since = time.monotonic()
    with pytest.raises(FetchError, match=f"{HANDLE} cannot be fetched .*timed out") as caught:
        fetch_kaggle(HANDLE, tmp_path)

    assert time.monotonic() - since < 15  # the server itself waits for 30
    assert caught.value.passing
    assert kept_from_kaggle(HANDLE, tmp_path) is None
    assert requests.Session is plain


def test_kaggle_that_is_not_there_is_passing(
    kaggle: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kagglesdk import kaggle_env

    nowhere = f"http://127.0.0.1:{closed_port()}"
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, nowhere)
    with pytest.raises(FetchError) as caught:
        fetch_kaggle(HANDLE, tmp_path)
    assert caught.value.passing
    assert not kaggle_answers()


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_kaggle_answers_whatever_it_says(status: int, kaggle: Site) -> None:
    kaggle.replies["/"] = Reply(status)
    assert kaggle_answers()


def test_answer_is_kept(kaggle: Site) -> None:
    assert kaggle_answers()
    asked = len(kaggle.requests)
    assert kaggle_answers()
    assert len(kaggle.requests) == asked


def test_silent_kaggle_does_not_answer(kaggle: Site) -> None:
    kaggle.replies["/"] = Reply(wait=threading.Event())
    start = time.monotonic()

    assert not kaggle_answers(0.3)
    assert time.monotonic() - start < 2


def test_blackholed_name_look_up_does_not_hold_up(
    kaggle: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def look_up(*arguments: object, **named: object) -> object:
        released.wait(30)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    start = time.monotonic()

    assert not kaggle_answers(0.3)
    assert time.monotonic() - start < 2
    released.set()


def test_probe_gives_up_within_ten_seconds() -> None:
    assert inspect.signature(kaggle_answers).parameters["seconds"].default < 10
