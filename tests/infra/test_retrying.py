import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from infra.retrying import Receive, RetryWhenBusy, Send


class Busy:
    """An application that is busy a few times and then says what it was sent."""

    def __init__(self, times: int, status: int = 503, *, raises: bool = False) -> None:
        self.left = times
        self.status = status
        self.raises = raises
        self.bodies: list[bytes] = []

    async def __call__(
        self, _scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.left -= 1
        status = 201 if self.left < 0 else self.status
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})
        if status != 201 and self.raises:
            raise OSError("database is locked")


def sent(app: Busy, body: bytes) -> httpx.Response:
    async def send() -> httpx.Response:
        asked_again = RetryWhenBusy(app, (0.0, 0.0, 0.0))
        transport = httpx.ASGITransport(asked_again, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.post("/", content=body)

    return asyncio.run(send())


@pytest.mark.parametrize("raises", [False, True])  # as Starlette does, for the server's log
@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_busy_server_is_asked_again_with_the_same_body(times: int, raises: bool) -> None:
    app = Busy(times, raises=raises)
    answer = sent(app, b"a form" * 50_000)
    assert (answer.status_code, answer.content) == (201, b"a form" * 50_000)
    assert app.bodies == [b"a form" * 50_000] * (times + 1)


def test_who_stays_busy_says_so_in_the_end() -> None:
    app = Busy(9)
    assert sent(app, b"a form").status_code == 503
    assert len(app.bodies) == 4


def test_any_other_answer_is_final() -> None:
    app = Busy(9, status=500)
    assert sent(app, b"a form").status_code == 500
    assert len(app.bodies) == 1


def test_what_the_server_fails_with_is_still_told() -> None:
    app = Busy(9, status=500, raises=True)
    assert sent(app, b"a form").status_code == 500
    assert len(app.bodies) == 1
