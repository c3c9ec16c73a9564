"""Upkeep before the routes of a FastAPI application: `Depends(guard)` where a key is needed."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from upkeep_sdk import answers, asgi
from upkeep_sdk.client import Client
from upkeep_sdk.errors import UpkeepError
from upkeep_sdk.passing import OTHER, Counted, Passage, Terms
from upkeep_sdk.verdicts import Verdict

PASSAGE = "upkeep.passage"


class Guard:
    """`Depends(guard)`, or `Depends(guard.needs(cost=2, scopes=["memories:read"]))`, gives the verdict.

    Made with the application, because refusals and limit headers are answers. Calls are counted by the
    path of their route. Behind a proxy, run uvicorn with `--proxy-headers`, so that the caller's address
    is the caller's.
    """

    def __init__(self, app: FastAPI, client: Client | None = None) -> None:
        self.client = client or Client()
        self._needs_nothing = self.needs()
        app.add_exception_handler(UpkeepError, self._refuse)
        app.add_middleware(_Leaving)

    def __call__(self, request: Request) -> Verdict:
        return self._needs_nothing(request)

    def needs(
        self,
        *,
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        count: Counted = "every",
    ) -> Callable[[Request], Verdict]:
        """A dependency for routes that cost more, or need a scope."""
        terms = Terms(cost, meter, tuple(scopes), count)

        def admitted(request: Request) -> Verdict:  # FastAPI runs what is not async in a thread
            path = getattr(request.scope.get("route"), "path", None)
            endpoint = f"{request.method} {path}" if path else OTHER
            passage = asgi.let_in(self.client, terms, request.scope, endpoint)
            request.scope[PASSAGE].append(passage)
            return passage.verdict

        return admitted

    def _refuse(self, request: Request, problem: Exception) -> Response:
        assert isinstance(problem, UpkeepError)
        reply = answers.reply(problem, self.client.url)
        return Response(reply.body, reply.status, dict(reply.headers))


class _Leaving:
    """Around the whole application: the answer of a call that passed gets its limit headers."""

    def __init__(self, app: Any) -> None:
        self._app: asgi.Application = app

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        passages: list[Passage] = scope.setdefault(PASSAGE, [])
        await asgi.leaving(self._app, scope, receive, send, lambda: passages)
