"""The edge's door: plain WSGI around an exchange."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from portal.edge import body
from portal.edge.exchange import Edge, Exchange, Gate, Leasing, Told, lease, owns
from portal.edge.services import Services
from portal.gate import Question
from portal.kit import clock, logs
from portal.kit.settings import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
Environ = dict[str, Any]

__all__ = ["application", "owns"]


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
    """The WSGI callable for every path that `owns` claims; the rest is as an `Edge` is told it."""
    edge = Edge(
        services,
        trusted_proxies=trusted_proxies,
        public_url=public_url,
        observe=observe,
        told=told,
        now=now,
    )

    def answer(environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        exchange = Exchange(edge, environ, lambda: body.read(environ))
        logs.request_id.set(exchange.request_id)
        if exchange.asks is not None:
            _ask(gate, exchange)
        told = exchange.answer
        assert told is not None
        start_response(REASONS[told.status], told.headers)
        return [] if told.status == 204 or environ.get("REQUEST_METHOD") == "HEAD" else [told.body]

    return answer


def _ask(gate: Gate, exchange: Exchange) -> None:
    asks = exchange.asks
    try:
        if isinstance(asks, Question):
            exchange.hear(gate.verify(asks))
        elif isinstance(asks, Leasing):
            exchange.hear(lease(gate, asks))
        elif asks is not None and asks.cost is not None:
            exchange.hear(gate.confirm(asks.reservation_id, asks.cost))
        elif asks is not None:
            exchange.hear(gate.release(asks.reservation_id))
    except Exception as error:
        exchange.fail(error)
