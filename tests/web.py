"""A web server on this machine that serves a folder, and misbehaves where it is told to."""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_UP = "/v1/datasets.DatasetApiService/GetDataset"
DOWNLOAD = "/v1/datasets.DatasetApiService/DownloadDataset"
BUNDLE = "/bundle"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """What to answer.

    Attributes
    ----------
    status
        The status code.
    body
        What is sent.
    headers
        Beside Content-Length, which is that of the body unless given; None leaves one out.
    hang_up
        Whether the connection is closed without a word.
    wait
        What to wait for before answering.
    drip_seconds
        The time between two bytes of the body; 0 sends it at once.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    hang_up: bool = False
    wait: threading.Event | None = None
    drip_seconds: float = 0


class Site:
    """The server.

    Attributes
    ----------
    folder
        What is served, where nothing else is said.
    replies
        Path to answer.
    requests
        Method and path of every request, in order.
    logins
        User and password of every request that had them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.replies: dict[str, Reply] = {}
        self.requests: list[tuple[str, str]] = []
        self.logins: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reply(self, path: str) -> Reply:
        if path in self.replies:
            return self.replies[path]
        file = self.folder / path.lstrip("/")
        return Reply(body=file.read_bytes()) if file.is_file() else Reply(404)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reply in self.replies.values():
            if reply.wait is not None:
                reply.wait.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def offer_dataset(site: Site, archive: Path) -> None:
    """Answer what kagglehub asks for a data set as Kaggle does."""
    found = {"ref": "owner/name", "currentVersionNumber": 4}
    site.replies[LOOK_UP] = Reply(body=json.dumps(found).encode(), headers=JSON)
    site.replies[DOWNLOAD] = Reply(302, headers={"Location": BUNDLE})
    site.replies[BUNDLE] = Reply(body=archive.read_bytes())


def _login(said: str) -> list[tuple[str, str]]:
    kind, _, encoded = said.partition(" ")
    if kind != "Basic":
        return []
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return [(user, password)]


def _send(reply: Reply, file: BufferedIOBase) -> None:
    if not reply.drip_seconds:
        file.write(reply.body)
        return
    with contextlib.suppress(OSError):  # who asked has gone
        for byte in reply.body:
            file.write(bytes([byte]))
            time.sleep(reply.drip_seconds)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.command, self.path))
            site.logins += _login(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = site.reply(self.path)
            if reply.wait is not None:
                reply.wait.wait(30)
            if reply.hang_up:
                return
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(reply.body)), **reply.headers}
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                _send(reply, self.wfile)

        do_HEAD = do_GET  # noqa: N815
        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
