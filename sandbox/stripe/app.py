"""The application: one WSGI callable for the API, the hosted pages and the control page."""

import base64
import hmac
import json
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe import API_VERSION, due, expanding, forms, ids, memory, objects, pages, routes, shapes
from sandbox.stripe.clock import Clock
from sandbox.stripe.errors import StripeError
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj, Store
from sandbox.stripe.webhooks import Courier
from sandbox.stripe.world import World

assert objects and pages  # imported for the routes that they register

LARGEST_BODY = 1_000_000


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Sandbox:
    """Everything that one running sandbox holds."""

    store: Store
    clock: Clock
    key: str
    courier: Courier
    base: str = ""

    def world(self, **more: Any) -> World:
        """A world at this moment. Inside a transaction only."""
        return World(self.store, self.clock.now(), self.base, clock=self.clock, **more)

    def tick(self) -> None:
        """Do what became due by now, and let its events go out."""
        with self.store.lock:
            now = self.clock.now()
            if self.store.due(now) is not None:
                with self.store.transaction():
                    due.run(self.store, now, self.base)
        self.courier.wake()


def application(sandbox: Sandbox) -> Callable[..., Iterable[bytes]]:
    """The WSGI callable of a sandbox."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        reply = _reply(sandbox, environ)
        reply.headers["Content-Length"] = str(len(reply.body))
        start_response(f"{reply.status} {_REASONS.get(reply.status, 'Answer')}", list(reply.headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    return answer


def _reply(sandbox: Sandbox, environ: dict[str, Any]) -> Reply:
    path = environ.get("PATH_INFO", "/")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > LARGEST_BODY:
        return Reply(413, b"Too large.\n", {"Content-Type": "text/plain"})
    body = environ["wsgi.input"].read(length).decode("utf-8", "replace")
    if path.startswith(("/v1/", "/v2/")):
        return _api(sandbox, environ, path, body)
    status, headers, text = pages.answer(sandbox, environ, path, body)
    sandbox.courier.wake()
    return Reply(status, text, headers)


def _api(sandbox: Sandbox, environ: dict[str, Any], path: str, body: str) -> Reply:
    request_id = ids.new("request", 14)
    headers = {"Content-Type": "application/json", "Request-Id": request_id, "Stripe-Version": API_VERSION}
    key = environ.get("HTTP_IDEMPOTENCY_KEY") if environ["REQUEST_METHOD"] != "GET" else None
    if key:
        headers["Idempotency-Key"] = key
    try:
        _admit(sandbox, environ)
        method = environ["REQUEST_METHOD"]
        found = routes.find(method, path)
        source = environ.get("QUERY_STRING", "") if method in ("GET", "DELETE") and not body else body
        params = forms.parse(source)
        status, text, original = _carry_out(sandbox, method, path, found, params, request_id, key)
        if original:
            headers["Idempotent-Replayed"] = "true"
            headers["Original-Request"] = original
    except StripeError as refusal:
        status, text = refusal.status, json.dumps(refusal.body(request_id))
    except Exception:
        traceback.print_exc()
        failure = StripeError("The sandbox failed: its log says why.", status=500, kind="api_error")
        status, text = 500, json.dumps(failure.body(request_id))
        headers["Stripe-Should-Retry"] = "false"
    sandbox.courier.wake()
    return Reply(status, text.encode(), headers)


def _carry_out(
    sandbox: Sandbox,
    method: str,
    path: str,
    found: tuple[routes.Route, dict[str, str]],
    params: Obj,
    request_id: str,
    key: str | None,
) -> tuple[int, str, str | None]:
    """Status, body, and the first request's id when its answer is given again."""
    route, names = found
    paths = params.get("expand", [])
    facts = {"request_id": request_id, "idempotency_key": key}
    sandbox.tick()
    try:
        with sandbox.store.transaction():
            world = sandbox.world(**facts)
            if key and (known := memory.recall(world, key, method, path, params)):
                return known
            values = shapes.check(route.shape, params)
            values.pop("expand", None)
            try:
                status, text = 200, json.dumps(present(world, route.endpoint(world, values, **names), paths))
            except StripeError as refusal:
                if not refusal.keep:
                    raise
                status, text = refusal.status, json.dumps(refusal.body(request_id))
            if key:
                memory.remember(world, key, method, path, params, status, text, request_id)
            return status, text, None
    except StripeError as refusal:
        status, text = refusal.status, json.dumps(refusal.body(request_id))
        if key and refusal.started:
            with sandbox.store.transaction():
                memory.remember(sandbox.world(**facts), key, method, path, params, status, text, request_id)
        return status, text, None


def present(world: World, result: Obj, paths: list[str]) -> Obj:
    """An endpoint's answer as it leaves."""
    if result.get("object") == "list":
        shown = {**result, "data": [render(world, obj) for obj in result["data"]]}
    else:
        shown = render(world, result)
    expanding.expand(world, shown, paths)
    return shown


def _admit(sandbox: Sandbox, environ: dict[str, Any]) -> None:
    token = _token(environ.get("HTTP_AUTHORIZATION", ""))
    if not token:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
            started=False,
        )
    if not hmac.compare_digest(token.encode(), sandbox.key.encode()):
        shown = f"{token[:8]}{'*' * 12}{token[-4:]}" if len(token) > 12 else "****"
        raise StripeError(f"Invalid API Key provided: {shown}", status=401, started=False)
    version = environ.get("HTTP_STRIPE_VERSION", API_VERSION)
    if version != API_VERSION:
        raise StripeError(
            f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} alone.", started=False
        )
    if environ.get("HTTP_STRIPE_ACCOUNT"):
        raise StripeError(
            "The provided key does not have access to that account (or that account does not exist).",
            status=403,
            code="account_invalid",
            started=False,
        )
    host = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise StripeError("The sandbox answers on this machine alone.", status=403, started=False)


def _token(header: str) -> str:
    """The key: as a bearer, or as the name of HTTP Basic without a password."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except ValueError:
            return ""
    return ""


_REASONS = {
    200: "OK",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Request Failed",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    500: "Internal Server Error",
}
