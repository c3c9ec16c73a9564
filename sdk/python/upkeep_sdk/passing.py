"""Passing: what every framework's guard does with a call, without any framework."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from upkeep_sdk.client import Client
from upkeep_sdk.errors import BadCall, Ended, Misconfigured, Unavailable, UpkeepError
from upkeep_sdk.headers import Headers, limits
from upkeep_sdk.reservations import Reservation
from upkeep_sdk.verdicts import Verdict

OTHER = "(other)"
Counted = Literal["every", "successes"]
log = logging.getLogger("upkeep_sdk")


@dataclass(frozen=True)
class Terms:
    """What a call costs and needs. `count` is "every" call, or "successes": those answered below 400."""

    cost: int = 1
    meter: str = "calls"
    scopes: tuple[str, ...] = ()
    count: Counted = "every"

    def __post_init__(self) -> None:
        if self.count not in ("every", "successes"):
            raise ValueError(f'`count` must be "every" or "successes", not {self.count!r}.')


class Passage:
    """A call that passes. It must be left with the status of its answer, or None when it broke."""

    def __init__(self, verdict: Verdict, reservation: Reservation | None) -> None:
        self.verdict, self._reservation = verdict, reservation

    @property
    def headers(self) -> Headers:
        """The limit headers for the answer."""
        return limits(self.verdict)

    @property
    def settles(self) -> bool:
        """Whether leaving takes a round trip."""
        return self._reservation is not None

    def leave(self, status: int | None) -> None:
        """Count the call if it succeeded, when only those are counted. The answer never suffers from it."""
        reservation, self._reservation = self._reservation, None
        if reservation is None:
            return
        try:
            if status is not None and status < 400:
                reservation.confirm()
            else:
                reservation.release()
        except (Unavailable, Ended, Misconfigured) as problem:
            log.error("a call that succeeded could not be counted: %s", problem)


def enter(
    client: Client,
    terms: Terms,
    *,
    authorization: str | None,
    api_key: str | None,
    endpoint: str,
    ip: str | None,
) -> Passage:
    """Let a call in. Raises what `Client.admit` raises, and BadCall for a call that shows two keys."""
    key = _shown(authorization, api_key)
    asked = {
        "cost": terms.cost,
        "meter": terms.meter,
        "scopes": terms.scopes,
        "endpoint": endpoint,
        "ip": _address(ip),
    }
    try:
        if terms.count == "successes":
            reservation = client.reserve(key, **asked)
            return Passage(reservation.verdict, reservation)
        return Passage(client.admit(key, **asked), None)
    except UpkeepError as problem:
        if isinstance(problem, Misconfigured):
            log.error("Upkeep could not be asked: %s", problem)
        raise


class Templates:
    """The routes of an API, such as `GET /memories/{id}`, so that calls are counted by route, not by path.

    A template without a method holds for all of them; `{name}` stands for one piece of the path, and
    `{name:path}` for all that follows. A call that fits none is counted as `(other)`.
    """

    def __init__(self, templates: Iterable[str]) -> None:
        self._known = [(_pattern(template), template) for template in templates]

    def find(self, method: str, path: str) -> str:
        """The template of a call, with its method in front."""
        for pattern, template in self._known:
            if pattern.fullmatch(f"{method} {path}"):
                return template if template[0] != "/" else f"{method} {template}"
        return OTHER


def exempts(exempt: Sequence[str], path: str) -> bool:
    """Whether a path is among those that need no key: `/health` itself, or `/static/*` and all below."""
    return any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in exempt)


def _pattern(template: str) -> re.Pattern[str]:
    method, _, path = template.rpartition(" ")
    pieces = re.split(r"(\{[^{}]*\})", path)
    made = [
        (".+" if piece.endswith(":path}") else "[^/]+") if piece.startswith("{") else re.escape(piece)
        for piece in pieces
    ]
    return re.compile(f"{re.escape(method) if method else '[A-Z]+'} {''.join(made)}")


def _shown(authorization: str | None, api_key: str | None) -> str | None:
    bearer = None
    if authorization is not None and authorization[:7].lower() == "bearer ":
        bearer = authorization[7:].strip() or None
    other = (api_key or "").strip() or None
    if bearer is not None and other is not None and bearer != other:
        raise BadCall("Authorization and X-API-Key show different keys. Show one.")
    return bearer or other


def _address(ip: str | None) -> str | None:
    """The caller's address where it is one: servers on a UNIX socket name none."""
    try:
        return str(ip_address((ip or "").partition("%")[0]))
    except ValueError:
        return None
