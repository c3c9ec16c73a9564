"""Upkeep before any ASGI application: Starlette, FastAPI, Litestar, Quart, Django, or your own."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from upkeep_sdk import answers
from upkeep_sdk.client import Client
from upkeep_sdk.errors import UpkeepError
from upkeep_sdk.passing import Counted, Passage, Templates, Terms, enter, exempts

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Result = TypeVar("Result")
VERDICT = "upkeep.verdict"
THREADS = 40

# Questions wait for a socket, so they wait in threads of their own and the loop goes on.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="upkeep-asgi")


class Guard:
    """Lets only HTTP calls with a key that may pass through to `application`; WebSockets as well.

    `endpoints` are the templates that calls are counted by, `exempt` paths that need no key (`/health`,
    `/static/*`). The application finds the verdict in `scope["upkeep.verdict"]`.
    """

    def __init__(
        self,
        application: Application,
        client: Client | None = None,
        *,
        endpoints: Sequence[str] = (),
        exempt: Sequence[str] = (),
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        count: Counted = "every",
    ) -> None:
        self._application, self._client = application, client or Client()
        self._templates, self._exempt = Templates(endpoints), tuple(exempt)
        self._terms = Terms(cost, meter, tuple(scopes), count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or exempts(self._exempt, scope["path"]):
            await self._application(scope, receive, send)
            return
        method = scope.get("method", "GET")
        endpoint = self._templates.find(method, scope["path"])
        try:
            passage = await aside(lambda: let_in(self._client, self._terms, scope, endpoint))
        except UpkeepError as problem:
            await refuse(problem, self._client.url, scope, receive, send)
            return
        scope[VERDICT] = passage.verdict
        await leaving(self._application, scope, receive, send, lambda: [passage])


def let_in(client: Client, terms: Terms, scope: Scope, endpoint: str) -> Passage:
    """Ask about a call. Blocks: call it from a thread."""
    shown = {name.lower(): value.decode("latin-1") for name, value in reversed(scope["headers"])}
    caller = scope.get("client")
    return enter(
        client,
        terms,
        authorization=shown.get(b"authorization"),
        api_key=shown.get(b"x-api-key"),
        endpoint=endpoint,
        ip=caller[0] if caller else None,
    )


async def leaving(
    application: Application,
    scope: Scope,
    receive: Receive,
    send: Send,
    passages: Callable[[], Sequence[Passage]],
) -> None:
    """Run an application; its answer gets the limit headers, and its passages are left with the status."""
    status: int | None = None

    async def told(message: Message) -> None:
        nonlocal status
        if message["type"] in ("http.response.start", "websocket.accept"):
            status = message.get("status", 101)
            if passed := passages():
                limits = [(name.lower().encode(), value.encode()) for name, value in passed[-1].headers]
                message = {**message, "headers": [*message.get("headers", ()), *limits]}
        await send(message)

    try:
        await application(scope, receive, told)
    except BaseException:
        status = None
        raise
    finally:
        if settling := [passage for passage in passages() if passage.settles]:
            await aside(lambda: _leave(settling, status))


async def refuse(problem: UpkeepError, url: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem; a WebSocket is closed before it is opened, which servers tell as 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
        return
    reply = answers.reply(problem, url)
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


def _leave(passages: Sequence[Passage], status: int | None) -> None:
    for passage in passages:
        passage.leave(status)


async def aside(deed: Callable[[], Result]) -> Result:
    """Do something that blocks, in a thread, to its end even when whoever waits for it goes away."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(_threads, deed))
