"""Downloads: over HTTP, and from Kaggle."""

import contextlib
import netrc
import os
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from lfw.errors import DataError
from lfw.files import new_folder_beside
from lfw.threads import Progress

if TYPE_CHECKING:
    import requests

_PROBE_SECONDS = 8.0
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_STALL_SECONDS = 60.0
_STALL_BYTES = 64 << 10


class FetchError(DataError):
    """A download failed.

    Attributes
    ----------
    passing
        Whether the same request may succeed later.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


@cache
def kaggle_answers(seconds: float = _PROBE_SECONDS) -> bool:
    """Tell whether Kaggle answers at all within some seconds, name look-up included.

    Asked again in one process it says the same, so that a run does not change its mind.
    """
    answers: list[bool] = []

    def probe() -> None:
        try:
            httpx.head(_kaggle_endpoint(), timeout=seconds, follow_redirects=True)
        except httpx.HTTPError:
            return
        answers.append(True)

    # A name look-up has no time-out of its own: only a thread that may be left behind has one.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers)


def _kaggle_endpoint() -> str:
    from kagglesdk.kaggle_env import get_endpoint, get_env

    return str(get_endpoint(get_env()))


_INSTEAD = "give a local copy with --source PATH"


def download(
    url: str, target: Path, progress: Progress | None = None, instead: str = _INSTEAD
) -> Path:
    """Download an archive once; a file appears only when it is whole.

    Parameters
    ----------
    url
        Its address, http or https.
    target
        Where to keep it; if it is there, nothing is asked of anybody.
    progress
        Told how many of how many bytes have come.
    instead
        What the user can do where the server refuses.

    Raises
    ------
    FetchError
        If the server refuses, stalls, breaks off or sends less than it said.
    """
    if target.is_file():
        return target
    with new_folder_beside(target) as partial:
        _stream(url, partial / target.name, progress, instead)
        (partial / target.name).replace(target)
    return target


def _stream(url: str, path: Path, progress: Progress | None, instead: str) -> None:
    timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with (
            httpx.Client(
                follow_redirects=True, timeout=timeout, max_redirects=10, auth=_login()
            ) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            response.raise_for_status()
            _save(url, response, path, progress)
    except netrc.NetrcParseError as error:
        raise FetchError(f"~/.netrc cannot be read: {error}.", passing=False) from None
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        raise FetchError(
            f"{url} answers {code} {error.response.reason_phrase}: check the address, or "
            f"{instead}.",
            passing=_may_pass(code),
        ) from error
    except httpx.TooManyRedirects as error:
        raise FetchError(
            f"{url} redirects in a circle: check the address.", passing=False
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise FetchError(
            f"{url} cannot be fetched ({reason}): check the address and the network, or {instead}.",
            passing=isinstance(error, httpx.TransportError)
            and not isinstance(error, httpx.UnsupportedProtocol),
        ) from error


def _login() -> httpx.Auth | None:
    """Give the logins that ``~/.netrc`` has, each for its own host alone."""
    return httpx.NetRCAuth() if Path("~/.netrc").expanduser().is_file() else None


def _may_pass(code: int) -> bool:
    return code >= 500 or code in {408, 429}


def _save(url: str, response: httpx.Response, path: Path, progress: Progress | None) -> None:
    total = int(response.headers.get("Content-Length", 0))
    done, mark, since = 0, 0, time.monotonic()
    with path.open("wb") as file:
        # Raw: some servers call a tar.gz a gzipped tar, and what is kept shall be the file itself.
        # In blocks as they come: what drips in would fill a larger one for hours, unseen.
        for block in response.iter_raw():
            done += file.write(block)
            if progress is not None:
                progress(done, total)
            if time.monotonic() - since > _STALL_SECONDS:
                if done - mark < _STALL_BYTES:
                    raise FetchError(f"{url} sends next to nothing: try later.", passing=True)
                mark, since = done, time.monotonic()
    if total and done != total:
        raise FetchError(f"{url} sent {done:,} of {total:,} bytes: try again.", passing=True)


def kept_from_kaggle(handle: str, cache: Path) -> Path | None:
    """Give the folder of the newest version that was fetched whole, without asking Kaggle."""
    home = cache / "datasets" / handle
    marks = [mark.stem for mark in home.glob("*.complete") if mark.stem.isdigit()]
    whole = [int(version) for version in marks if (home / "versions" / version).is_dir()]
    return home / "versions" / str(max(whole)) if whole else None


def fetch_kaggle(handle: str, cache: Path) -> Path:
    """Fetch a public data set from Kaggle once, and give its folder.

    Parameters
    ----------
    handle
        ``owner/name``.
    cache
        The folder that kagglehub keeps its downloads in.

    Raises
    ------
    FetchError
        If Kaggle refuses, cannot be reached or does not answer.
    """
    kept = kept_from_kaggle(handle, cache)
    if kept is not None:
        return kept
    os.environ["KAGGLEHUB_CACHE"] = str(cache)
    import kagglehub
    import requests

    cut = requests.exceptions.ChunkedEncodingError
    broken_off = (requests.ConnectionError, requests.Timeout, cut)
    try:
        with _time_outs():
            return Path(kagglehub.dataset_download(handle))
    except (requests.RequestException, OSError) as error:
        response = getattr(error, "response", None)
        raise FetchError(
            f"Kaggle's data set {handle} cannot be fetched ({error}): try later, or give a local "
            "copy with --source PATH.",
            passing=isinstance(error, broken_off)
            if response is None
            else _may_pass(response.status_code),
        ) from error
    except Exception as error:
        # kagglehub's own errors have no common base.
        raise FetchError(
            f"Kaggle's data set {handle} cannot be fetched ({error}).", passing=False
        ) from error


_SESSIONS = threading.Lock()


@contextlib.contextmanager
def _time_outs() -> Iterator[None]:
    """Let no request of a new session wait for ever: Kaggle's library asks without a time-out.

    It has no setting for one, nor do sockets' defaults reach it: its sessions say None themselves.
    """
    import requests

    class Impatient(requests.Session):
        def send(self, request: "requests.PreparedRequest", **how: Any) -> "requests.Response":
            if how.get("timeout") is None:
                how["timeout"] = (_CONNECT_SECONDS, _READ_SECONDS)
            return super().send(request, **how)

    with _SESSIONS:
        plain = requests.Session
        requests.Session = Impatient  # type: ignore[misc]
        try:
            yield
        finally:
            requests.Session = plain  # type: ignore[misc]
