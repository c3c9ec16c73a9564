"""An exchange: a request becomes a question to the gate, what the gate says an answer. No I/O."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from portal.edge import body, callers, core, question
from portal.edge.core import Answer
from portal.edge.problems import Problem, invalid
from portal.edge.services import Services
from portal.gate import Question, Settlement, Unavailable, Use, Verdict
from portal.kit import clock, ids, logs
from portal.kit.errors import Invalid, Missing
from portal.kit.settings import Network
from portal.kit.trust import Trust

VERIFY, AUTHORIZE, RESERVATIONS = "/v1/keys/verify", "/v1/authorize", "/v1/reservations/"
LEASES = "/v1/leases"
RESERVATION_ENDED = (
    "There is no open reservation of this id: it was confirmed or released before, it ended by itself, "
    "or it never was."
)
BLIND = "Upkeep cannot know right now whether this key may pass. Nothing was decided; try again."
IN_DOUBT = "Upkeep cannot know right now whether this key may pass. The call may be counted all the same."
RETRY_SECONDS = 1
RESERVATION_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")
Environ = Mapping[str, Any]
Read = Callable[[], bytes]
Told = Callable[[str, int, str, float], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ending:
    """What is asked of the gate about a reservation: its final cost, or None to release it."""

    reservation_id: str
    cost: int | None


@dataclass(frozen=True)
class Leasing:
    """What is asked of the gate about leases: a share for a key, if one is named, and reports of others."""

    question: Question | None
    units: int
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Leased:
    """The answer: the verdict, with what was taken, and how many units each report counted (or None)."""

    verdict: Verdict | None
    reports: tuple[tuple[str, int | None], ...]


class Gate(Protocol):
    """What the edge asks of the gate."""

    def verify(self, question: Question) -> Verdict: ...
    def confirm(self, reservation_id: str, cost: int) -> Settlement: ...
    def release(self, reservation_id: str) -> Settlement: ...
    def lease(self, question: Question, units: int) -> Verdict: ...
    def report(self, uses: Sequence[Use]) -> list[int | None]: ...


class Lender(Protocol):
    """What gives leases and takes them back."""

    def lease(self, question: Question, units: int) -> Verdict: ...
    def report(self, uses: Sequence[Use]) -> list[int | None]: ...


def lease(gate: Lender, leasing: Leasing) -> Leased:
    """Take reports first: what they give back may be part of the new share."""
    counted = gate.report(leasing.uses) if leasing.uses else []
    reports = tuple(zip((use.lease_id for use in leasing.uses), counted, strict=True))
    verdict = None if leasing.question is None else gate.lease(leasing.question, leasing.units)
    return Leased(verdict, reports)


def owns(path: str) -> bool:
    """Whether a path is the edge's, for the dispatcher that stands in front of the two ways in."""
    return path in (VERIFY, AUTHORIZE, LEASES) or path.startswith((RESERVATIONS, AUTHORIZE + "/"))


class Edge:
    """What one process's edge was composed of.

    `observe` is GATE_MODE=observe: then nothing is refused for its key. `told` hears of each answer:
    route, status, code and how long it took.
    """

    def __init__(
        self,
        services: Services,
        *,
        trusted_proxies: Sequence[Network],
        public_url: str,
        observe: bool = False,
        told: Told = lambda route, status, code, seconds: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.services, self.trust, self.public_url = services, Trust(trusted_proxies), public_url
        self.observe, self.told, self.now = observe, told, now


class Exchange:
    """One request: it `asks` something of the gate, or has its `answer` already.

    Nothing that a client can send makes it raise. `environ` is the request as WSGI tells it; `read`
    gives the body, or raises a Problem, and is called at most once.
    """

    __slots__ = ("_begun", "_edge", "_environ", "_path", "answer", "asks", "request_id", "route")

    def __init__(self, edge: Edge, environ: Environ, read: Read) -> None:
        self._begun = time.perf_counter()
        self._edge, self._environ = edge, environ
        self._path = path = environ.get("PATH_INFO", "")
        self.request_id = edge.trust.request_id(environ) or ids.new("req")
        self.route = _route(path)
        self.asks: Question | Ending | Leasing | None = None
        self.answer: Answer | None = None
        try:
            if self.route == VERIFY:
                self.asks = self._verify(read)
            elif self.route == AUTHORIZE:
                self._authorize()
            elif self.route == LEASES:
                self.asks = self._lease(read)
            else:
                self.asks = self._reservation(read)
        except Exception as error:
            self.fail(error)

    def hear(self, said: Verdict | Settlement | Leased) -> Answer:
        """The answer, now that the gate has said something."""
        try:
            if isinstance(said, Settlement):
                return self._end(core.ended(said, self.request_id))
            if isinstance(said, Leased):
                verdict = core.observed(said.verdict) if said.verdict and self._edge.observe else said.verdict
                return self._end(core.leased(verdict, said.reports, self.request_id))
            if self._edge.observe:
                said = core.observed(said)
            if self.route == AUTHORIZE:
                return self._end(self._authorized(said))
            return self._end(core.verified(said, self.request_id))
        except Exception as error:
            return self.fail(error)

    def fail(self, error: Exception) -> Answer:
        """The answer, now that something was refused or went wrong."""
        if self._edge.observe and isinstance(error, Unavailable) and isinstance(self.asks, Question):
            return self.hear(core.BLIND)
        problem = self._problem(error)
        marked = self.route == AUTHORIZE
        return self._end(
            core.refused(problem, self.request_id, public_url=self._edge.public_url, marked=marked)
        )

    def _end(self, answer: Answer) -> Answer:
        self.answer = answer
        self._edge.told(self.route, answer.status, answer.code, time.perf_counter() - self._begun)
        if answer.status != 204:
            answer.headers.append(("Content-Length", str(len(answer.body))))
        answer.headers.append(("Cache-Control", "no-store"))
        return answer

    def _verify(self, read: Read) -> Question:
        _only_post(self._environ)
        callers.demand_service(self._environ, self._edge.services)
        return question.from_raw(read())

    def _lease(self, read: Read) -> Leasing:
        _only_post(self._environ)
        callers.demand_service(self._environ, self._edge.services)
        return Leasing(*question.leasing(body.json_object(read())))

    def _authorize(self) -> None:
        given = callers.proxy_says(self._environ, self._edge.services, self._edge.trust)
        if (key := callers.shown_key(self._environ)) is None:
            self._end(self._authorized(core.observed(core.NO_KEY) if self._edge.observe else core.NO_KEY))
        else:
            self.asks = Question(key, ip=self._edge.trust.client(self._environ), **given)

    def _authorized(self, verdict: Verdict) -> Answer:
        edge = self._edge
        # Envoy, which appends the path of the call, takes nothing but 200 for a yes.
        passes = 204 if self._path == AUTHORIZE else 200
        return core.authorized(
            verdict, self.request_id, now=edge.now(), public_url=edge.public_url, passes=passes
        )

    def _reservation(self, read: Read) -> Ending:
        reservation_id, _, deed = self._path.removeprefix(RESERVATIONS).partition("/")
        if self.route != RESERVATIONS or not reservation_id or deed not in ("confirm", "release"):
            raise Problem("NO_SUCH_ROUTE", "There is nothing at this address.")
        _only_post(self._environ)
        callers.demand_service(self._environ, self._edge.services)
        raw = read()
        said = body.json_object(raw) if raw or deed == "confirm" else {}
        if not RESERVATION_ID.fullmatch(reservation_id):
            raise Problem("NO_SUCH_RESERVATION", RESERVATION_ENDED)
        if deed == "confirm":
            return Ending(reservation_id, question.final_cost(said))
        question.nothing(said)
        return Ending(reservation_id, None)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, Missing):
            return Problem("NO_SUCH_RESERVATION", RESERVATION_ENDED)
        if isinstance(error, Invalid):
            return invalid(error.sentence, error.field)
        if isinstance(error, Unavailable):
            return Problem(
                "UNAVAILABLE",
                IN_DOUBT if error.in_doubt else BLIND,
                [("Retry-After", str(RETRY_SECONDS))],
                {"in_doubt": error.in_doubt},
            )
        logs.request_id.set(self.request_id)
        log.error("the edge broke", path=self._path, exc_info=error)
        return Problem("INTERNAL_ERROR", "The fault is ours and has been noted.")


def _route(path: str) -> str:
    if path in (VERIFY, LEASES):
        return path
    # Envoy appends the path of the call to the one it is given.
    return AUTHORIZE if path == AUTHORIZE or path.startswith(AUTHORIZE + "/") else RESERVATIONS


def _only_post(environ: Environ) -> None:
    if environ.get("REQUEST_METHOD") != "POST":
        raise Problem("METHOD_NOT_ALLOWED", "This address takes POST.", [("Allow", "POST")])
