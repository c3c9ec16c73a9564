"""Upkeep before the views of a Flask application: `@guard` above each view that needs a key."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast, overload

import flask
from werkzeug.exceptions import HTTPException

from upkeep_sdk import answers
from upkeep_sdk.client import Client
from upkeep_sdk.errors import UpkeepError
from upkeep_sdk.passing import OTHER, Counted, Passage, Terms, enter

CONVERTED = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")  # <int:number> is {number} wherever calls are shown
View = TypeVar("View", bound=Callable[..., Any])


class Guard:
    """`@guard`, or `@guard(cost=2, scopes=["memories:read"])`, between the route and the view.

    The view finds the verdict in `flask.g.upkeep`. Calls are counted by the rule of their route. Behind
    a proxy, use werkzeug's ProxyFix, so that the caller's address is the caller's.
    """

    def __init__(self, client: Client | None = None) -> None:
        self.client = client or Client()

    @overload
    def __call__(self, view: View) -> View: ...
    @overload
    def __call__(
        self,
        *,
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        count: Counted = "every",
    ) -> Callable[[View], View]: ...
    def __call__(
        self,
        view: View | None = None,
        *,
        cost: int = 1,
        meter: str = "calls",
        scopes: Sequence[str] = (),
        count: Counted = "every",
    ) -> View | Callable[[View], View]:
        """Guard a view."""
        terms = Terms(cost, meter, tuple(scopes), count)
        return self._guarded(view, terms) if view is not None else lambda made: self._guarded(made, terms)

    def _guarded(self, view: View, terms: Terms) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                passage = self._enter(terms)
            except UpkeepError as problem:
                reply = answers.reply(problem, self.client.url)
                return flask.Response(reply.body, reply.status, reply.headers)
            flask.g.upkeep = passage.verdict
            flask.after_this_request(lambda response: _leave(passage, response))
            try:
                return flask.current_app.ensure_sync(view)(*args, **kwargs)
            except HTTPException:
                raise  # an answer of its own, with a status
            except BaseException:
                passage.leave(None)
                raise

        return cast(View, guarded)

    def _enter(self, terms: Terms) -> Passage:
        request = flask.request
        rule = CONVERTED.sub(r"{\1}", request.url_rule.rule) if request.url_rule is not None else ""
        return enter(
            self.client,
            terms,
            authorization=request.headers.get("Authorization"),
            api_key=request.headers.get("X-API-Key"),
            endpoint=f"{request.method} {rule}" if rule else OTHER,
            ip=request.remote_addr,
        )


def _leave(passage: Passage, response: flask.Response) -> flask.Response:
    response.headers.extend(passage.headers)
    passage.leave(response.status_code)
    return response
