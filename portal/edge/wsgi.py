"""The edge's door: plain WSGI around the core."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from portal.edge import body, callers, core, question
from portal.edge.core import Answer
from portal.edge.problems import Problem, invalid
from portal.edge.services import Services
from portal.gate import Question, Settlement, Unavailable, Verdict
from portal.kit import clock, ids, logs
from portal.kit.errors import Invalid, Missing
from portal.kit.settings import Network
from portal.kit.trust import Trust

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

VERIFY, AUTHORIZE, RESERVATIONS = "/v1/keys/verify", "/v1/authorize", "/v1/reservations/"
RESERVATION_ENDED = (
    "There is no open reservation of this id: it was confirmed or released before, it ended by itself, "
    "or it never was."
)
BLIND = "Upkeep cannot know right now whether this key may pass. Nothing was decided; try again."
RETRY_SECONDS = 1
RESERVATION_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")
REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
Environ = dict[str, Any]
Told = Callable[[str, int, str, float], None]
log = structlog.get_logger(__name__)


class Gate(Protocol):
    """What the edge asks of the gate."""

    def verify(self, question: Question) -> Verdict: ...
    def confirm(self, reservation_id: str, cost: int) -> Settlement: ...
    def release(self, reservation_id: str) -> Settlement: ...


def owns(path: str) -> bool:
    """Whether a path is the edge's, for the dispatcher that stands in front of the two ways in."""
    return path in (VERIFY, AUTHORIZE) or path.startswith((RESERVATIONS, AUTHORIZE + "/"))


def application(
    gate: Gate,
    services: Services,
    *,
    trusted_proxies: Sequence[Network],
    public_url: str,
    observe: bool = False,
    told: Told = lambda route, status, code, seconds: None,
    now: Callable[[], datetime] = clock.now,
) -> "WSGIApplication":
    """The WSGI callable for every path that `owns` claims.

    `observe` is GATE_MODE=observe: then nothing is refused for its key. `told` hears of each answer:
    route, status, code and how long it took.
    """
    return Door(gate, services, Trust(trusted_proxies), public_url, observe, told, now).answer


class Door:
    """One process's edge, with what it was composed of."""

    def __init__(
        self,
        gate: Gate,
        services: Services,
        trust: Trust,
        public_url: str,
        observe: bool,
        told: Told,
        now: Callable[[], datetime],
    ) -> None:
        self._gate, self._services, self._trust = gate, services, trust
        self._public_url, self._observe, self._told, self._now = public_url, observe, told, now

    def answer(self, environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request; nothing that a client can send makes it raise."""
        begun = time.perf_counter()
        request_id = self._trust.request_id(environ) or ids.new("req")
        logs.request_id.set(request_id)
        path = environ.get("PATH_INFO", "")
        route = _route(path)
        try:
            answer = self._answer(route, path, environ, request_id)
        except Exception as error:
            problem = _problem(error, path)
            answer = core.refused(problem, request_id, public_url=self._public_url, marked=route == AUTHORIZE)
        self._told(route, answer.status, answer.code, time.perf_counter() - begun)
        headers = answer.headers
        if answer.status != 204:
            headers.append(("Content-Length", str(len(answer.body))))
        headers.append(("Cache-Control", "no-store"))
        start_response(REASONS[answer.status], headers)
        return [] if answer.status == 204 or environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]

    def _answer(self, route: str, path: str, environ: Environ, request_id: str) -> Answer:
        if route == VERIFY:
            return self._verify(environ, request_id)
        if route == AUTHORIZE:
            return self._authorize(path, environ, request_id)
        return self._reservation(path, environ, request_id)

    def _verify(self, environ: Environ, request_id: str) -> Answer:
        _only_post(environ)
        callers.demand_service(environ, self._services)
        asked = question.from_body(body.json_object(body.read(environ)))
        return core.verified(self._ask(asked), request_id)

    def _authorize(self, path: str, environ: Environ, request_id: str) -> Answer:
        given = callers.proxy_says(environ, self._services, self._trust)
        key = callers.shown_key(environ)
        if key is None:
            verdict = core.observed(core.NO_KEY) if self._observe else core.NO_KEY
        else:
            verdict = self._ask(Question(key, ip=self._trust.client(environ), **given))
        # Envoy, which appends the path of the call, takes nothing but 200 for a yes.
        passes = 204 if path == AUTHORIZE else 200
        return core.authorized(
            verdict, request_id, now=self._now(), public_url=self._public_url, passes=passes
        )

    def _ask(self, asked: Question) -> Verdict:
        if not self._observe:
            return self._gate.verify(asked)
        try:
            return core.observed(self._gate.verify(asked))
        except Unavailable:
            return core.observed(core.BLIND)

    def _reservation(self, path: str, environ: Environ, request_id: str) -> Answer:
        reservation_id, _, deed = path.removeprefix(RESERVATIONS).partition("/")
        if not reservation_id or deed not in ("confirm", "release"):
            raise Problem("NO_SUCH_ROUTE", "There is nothing at this address.")
        _only_post(environ)
        callers.demand_service(environ, self._services)
        raw = body.read(environ)
        said = body.json_object(raw) if raw or deed == "confirm" else {}
        if not RESERVATION_ID.fullmatch(reservation_id):
            raise Problem("NO_SUCH_RESERVATION", RESERVATION_ENDED)
        try:
            if deed == "confirm":
                return core.ended(self._gate.confirm(reservation_id, question.final_cost(said)), request_id)
            question.nothing(said)
            return core.ended(self._gate.release(reservation_id), request_id)
        except Missing:
            raise Problem("NO_SUCH_RESERVATION", RESERVATION_ENDED) from None


def _problem(error: Exception, path: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, Invalid):
        return invalid(error.sentence, error.field)
    if isinstance(error, Unavailable):
        return Problem("UNAVAILABLE", BLIND, [("Retry-After", str(RETRY_SECONDS))])
    log.error("the edge broke", path=path, exc_info=error)
    return Problem("INTERNAL_ERROR", "The fault is ours and has been noted.")


def _route(path: str) -> str:
    if path == VERIFY:
        return VERIFY
    # Envoy appends the path of the call to the one it is given.
    return AUTHORIZE if path == AUTHORIZE or path.startswith(AUTHORIZE + "/") else RESERVATIONS


def _only_post(environ: Environ) -> None:
    if environ.get("REQUEST_METHOD") != "POST":
        raise Problem("METHOD_NOT_ALLOWED", "This address takes POST.", [("Allow", "POST")])
