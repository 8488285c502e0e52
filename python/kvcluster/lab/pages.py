"""The lab as a web application: the page, its events, its verbs, and who may have them.

It can kill processes, so it serves nobody but the page itself:

- the first part of every path is a token that only the page's address has;
- `Host` must name this server on loopback, so that no name of elsewhere can be pointed at it;
- a verb must come from the page's own origin, as JSON, which no form of another page can send.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.responses import StreamingResponse as Stream
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kvcluster.errors import KvError, Timeout
from kvcluster.lab.desk import Desk

STATIC = Path(__file__).parent / "static"
_TELL_SECONDS = 0.1
_KEEP_ALIVE_SECONDS = 10.0
_BODY_BYTES_MAX = 128 * 1024
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class OnlyThePage:
    """Lets in who knows the token, comes by a loopback name and, to act, from the page."""

    def __init__(self, app: ASGIApp, *, token: str, port: Callable[[], int]) -> None:
        self._app = app
        self._token = token
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope))
        app = self._app if refusal is None else PlainTextResponse(refusal + "\n", 403)
        await app(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> str | None:
        """Why it is not let in."""
        host = request.headers.get("host", "")
        if host not in {f"{name}:{self._port()}" for name in ("127.0.0.1", "localhost")}:
            return "the lab is on loopback only"
        given = [*request.url.path.split("/", 2), ""][1]
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return "open the address that kvcluster lab has printed"
        origin = request.headers.get("origin")
        if origin is None and request.method in ("GET", "HEAD"):
            return None  # a browser names the origin of everything else
        return None if origin == f"http://{host}" else "only the lab's own page may do that"


class Pages:
    """The application of one desk.

    Args:
        desk: is started and closed with the application.
        token: the first part of all paths.
        port: where it is served; asked when a request comes.
        told: is called when the desk has started.

    Attributes:
        failure: why the desk could not be started, if it could not.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        token: str,
        port: Callable[[], int],
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._desk = desk
        self._told = told
        self.failure: KvError | None = None
        self._closing = asyncio.Event()
        self._verbs: Mapping[str, Callable[..., Awaitable[str]]] = {
            name: getattr(desk, name)
            for name in (
                "write",
                "read",
                "load",
                "kill",
                "restart",
                "pause",
                "resume",
                "partition",
                "heal",
            )
        }
        inside = [
            Route("/", self._page),
            Route("/state", self._state),
            Route("/events", self._events),
            Route("/act", self._act, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        self.app = Starlette(
            routes=[Mount(f"/{token}", routes=inside)],
            middleware=[Middleware(OnlyThePage, token=token, port=port)],
            lifespan=self._live,
        )

    def end_events(self) -> None:
        """Ends the streams of events, which would hold up the end of the server."""
        self._closing.set()

    @contextlib.asynccontextmanager
    async def _live(self, app: Starlette) -> AsyncIterator[None]:
        try:
            try:
                await self._desk.start()
            except KvError as error:
                self.failure = error
                raise
            self._told()
            yield
        finally:
            await self._desk.close()

    async def _page(self, request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def _state(self, request: Request) -> Response:
        return JSONResponse(self._desk.json())

    async def _events(self, request: Request) -> Response:
        headers = {"X-Accel-Buffering": "no"}
        return Stream(self._tell(), media_type="text/event-stream", headers=headers)

    async def _tell(self) -> AsyncIterator[str]:
        """The state whenever it has changed; a comment when nothing has for long."""
        last, quiet = "", 0.0
        yield "retry: 1000\n\n"
        while not self._closing.is_set():
            state = json.dumps(self._desk.json(), separators=(",", ":"))
            if state != last:
                yield f"data: {state}\n\n"
                last, quiet = state, 0.0
            elif quiet >= _KEEP_ALIVE_SECONDS:
                yield ": still here\n\n"
                quiet = 0.0
            quiet += _TELL_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _TELL_SECONDS)

    async def _act(self, request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "send application/json"}, 415)
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": f"more than {_BODY_BYTES_MAX} bytes"}, 413)
        try:
            words = json.loads(body)
            verb = self._verbs[words.pop("verb")]
            return JSONResponse({"done": await verb(**words)})
        except Timeout as error:
            return JSONResponse({"error": f"outcome unknown: {error}"}, 504)
        except KvError as error:
            return JSONResponse({"error": f"not done: {error}"}, 503)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too long, of which no more is read then."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_BYTES_MAX:
            return None
    return body
