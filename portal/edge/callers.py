"""Callers, as recognised: who asks, on whose behalf, and what they may say of the call."""

from collections.abc import Mapping
from typing import Any

from portal.edge import question
from portal.edge.problems import Problem, invalid
from portal.edge.services import Services
from portal.kit.trust import Trust

CHALLENGE = ("WWW-Authenticate", 'Bearer realm="upkeep"')
Environ = Mapping[str, Any]


def demand_service(environ: Environ, services: Services) -> None:
    """Nothing when a live service key is shown, else a Problem."""
    if (token := _bearer(environ)) is None:
        raise _unauthorized("Show a service key as `Authorization: Bearer <service key>`.")
    if services.known(token) is None:
        raise _unauthorized("This is no live service key.")


def proxy_says(environ: Environ, services: Services, trust: Trust) -> dict[str, Any]:
    """What the proxy's configuration says of the call, when it may say so, as fields of a question.

    Without a service key only callers inside are answered, and these headers are refused: ignoring
    them would drop a scope that the operator meant, believing them would let a consumer name the price.
    """
    if (token := environ.get("HTTP_X_UPKEEP_SERVICE_KEY")) is not None:
        if services.known(token.strip()) is None:
            raise _unauthorized("X-Upkeep-Service-Key is no live service key.")
        return question.from_headers(environ)
    if not trust.is_internal(environ):
        raise _unauthorized("From outside, this address needs X-Upkeep-Service-Key.")
    for name, (_, header, _) in question.HEADERS.items():
        if name in environ:
            raise _unauthorized(f"{header} needs X-Upkeep-Service-Key beside it.")
    return {}


def shown_key(environ: Environ) -> str | None:
    """The consumer's key. Two different ones are refused: nobody could say which was meant."""
    bearer = _bearer(environ)
    other = environ.get("HTTP_X_API_KEY", "").strip() or None
    if bearer is not None and other is not None and bearer != other:
        raise invalid("Authorization and X-API-Key show different keys. Show one.", "X-API-Key")
    return bearer or other


def _bearer(environ: Environ) -> str | None:
    given: str = environ.get("HTTP_AUTHORIZATION", "")
    if given[:7].lower() != "bearer ":
        return None
    return given[7:].strip() or None


def _unauthorized(detail: str) -> Problem:
    return Problem("UNAUTHORIZED", detail, [CHALLENGE])
