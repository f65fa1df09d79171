"""A server that asks its own database again before it tells a browser to come back later.

Prefect's server answers 503 when SQLite is busy with another writer. Its Python client tries again
by itself; its pages do not, and show an error for a form that needed a second more.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)

_BUSY = 503


class RetryWhenBusy:
    """An ASGI middleware that repeats a request which the application answers with 503.

    Prefect answers 503 only when the transaction was taken back, so that nothing is done twice.

    Parameters
    ----------
    app
        The ASGI application.
    pauses
        How many seconds to wait before each further try; the last try's answer is sent whatever
        it is.
    """

    def __init__(self, app: App, pauses: tuple[float, ...] = PAUSES) -> None:
        self._app = app
        self._pauses = pauses

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        for pause in self._pauses:
            answer = _Answer(send)
            try:
                await self._app({**scope}, _replay(body, receive), answer)
            except Exception:
                # Starlette raises an error again for the server's log once it was answered.
                if not answer.withheld:
                    raise
            if not answer.withheld:
                return
            await asyncio.sleep(pause)
        await self._app({**scope}, _replay(body, receive), send)


class _Answer:
    """Passes an answer on, unless it is 503."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.withheld = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.withheld = message["status"] == _BUSY
        if not self.withheld:
            await self._send(message)


async def _whole_body(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _replay(body: list[Message], receive: Receive) -> Receive:
    """Give the body again, and then what really comes: the news that the browser has gone."""
    left = iter(body)

    async def next_message() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return next_message
