"""Questions, as asked: what a body or a proxy's headers say, checked before the gate is asked."""

from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from portal.edge import body
from portal.edge.problems import Problem, invalid
from portal.gate import COST_MAX, LEASE_MOST, Question, Use
from portal.gate.grant import ENDPOINT_MAX, OTHER

MAX_NAME, MAX_SCOPES = 100, 100
MAX_REPORTS, MAX_ENDPOINTS, WANTED = 100, 200, 100
REMEMBERED, REMEMBERED_BYTES = 16_384, 512


def from_raw(raw: bytes) -> Question:
    """The question that the bytes of a body ask; Problem when they ask none.

    Busy callers send the same few bytes again and again, so what they mean is remembered.
    """
    return _remembered(raw) if len(raw) <= REMEMBERED_BYTES else from_body(body.json_object(raw))


def from_body(said: dict[str, Any]) -> Question:
    """The question that a body of /v1/keys/verify asks; Problem with the name of the field at fault."""
    if "key" not in said:
        raise invalid("`key` is missing: the key that the consumer showed.", "key")
    given: dict[str, Any] = {}
    for name, value in said.items():
        if (check := CHECKS.get(name)) is None:
            raise _unknown(name)
        if value is not None or name not in NULLABLE:
            given[name] = check(value)
    return Question(**given)


def from_headers(environ: Mapping[str, Any]) -> dict[str, Any]:
    """What a proxy's configuration says of a call: cost, scopes and endpoint, each only where it is said."""
    return {name: read(environ[header]) for header, (name, _, read) in HEADERS.items() if header in environ}


def final_cost(said: dict[str, Any]) -> int:
    """The cost with which a reservation is confirmed."""
    if "cost" not in said:
        raise invalid("`cost` is missing: what the call came to in the end.", "cost")
    _only(said, {"cost"})
    return _cost(said["cost"])


def leasing(said: dict[str, Any]) -> tuple[Question | None, int, tuple[Use, ...]]:
    """What a body of /v1/leases asks: a share for a key, if one is named, how much, and its reports."""
    _only(said, {"key", "meter", "want", "scopes", "ip", "report"})
    uses = said.get("report") or []
    if not isinstance(uses, list) or len(uses) > MAX_REPORTS:
        raise invalid(f"`report` must be a list of at most {MAX_REPORTS} leases.", "report")
    want = _units(said.get("want", WANTED), "want", 1, LEASE_MOST)
    asked = {name: value for name, value in said.items() if name not in ("want", "report")}
    question = from_body(asked) if "key" in asked else None
    if question is None and asked:
        raise invalid("`key` is missing: the key that the consumer showed.", "key")
    if question is None and not uses:
        raise invalid("`key` is missing, and there is nothing to report.", "key")
    return question, want, tuple(_use(use) for use in uses)


def _use(said: object) -> Use:
    if not isinstance(said, dict):
        raise invalid("Each of `report` must be an object.", "report")
    _only(said, {"lease_id", "used", "endpoints", "calls"})
    lease_id, endpoints = said.get("lease_id"), said.get("endpoints") or {}
    if not isinstance(lease_id, str) or not 0 < len(lease_id) <= MAX_NAME:
        raise invalid("`lease_id` must be the id of a lease.", "lease_id")
    if not isinstance(endpoints, dict) or len(endpoints) > MAX_ENDPOINTS:
        raise invalid(f"`endpoints` must be an object of at most {MAX_ENDPOINTS} names.", "endpoints")
    used = _units(said.get("used"), "used", 0, COST_MAX)
    counted: dict[str, int] = {}
    for name, units in endpoints.items():
        named = _endpoint(name)
        counted[named] = counted.get(named, 0) + _units(units, "endpoints", 0, COST_MAX)
    if sum(counted.values()) > used:
        raise invalid("`endpoints` add up to more than `used`.", "endpoints")
    calls = said.get("calls")
    return Use(lease_id, used, counted, None if calls is None else _units(calls, "calls", 0, COST_MAX))


def _units(value: object, name: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise invalid(f"`{name}` must hold whole numbers from {least} to {most}.", name)
    return value


def nothing(said: dict[str, Any]) -> None:
    """A release says nothing more; Problem when it does."""
    _only(said, set())


@lru_cache(REMEMBERED)
def _remembered(raw: bytes) -> Question:
    return from_body(body.json_object(raw))


def _only(said: dict[str, Any], known: Container[str]) -> None:
    for name in said:
        if name not in known:
            raise _unknown(name)


def _unknown(name: str) -> Problem:
    return invalid(f"{name[:MAX_NAME]!a} is not a field of this request.", name[:MAX_NAME])


def _cost(value: object) -> int:
    # A bool is an int to Python, and a cost of `true` is a mistake.
    if type(value) is not int or not 0 <= value <= COST_MAX:
        raise invalid(f"`cost` must be a whole number from 0 to {COST_MAX}.", "cost")
    return value


def _cost_header(value: str) -> int:
    """X-Upkeep-Cost, in decimal digits."""
    text = value.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= COST_MAX):
        raise invalid(f"X-Upkeep-Cost must be a whole number from 0 to {COST_MAX}.", "X-Upkeep-Cost")
    return int(text)


def _scopes_header(value: str) -> tuple[str, ...]:
    """X-Upkeep-Scopes: names between spaces or commas."""
    return _scopes(value.replace(",", " ").split(), "X-Upkeep-Scopes")


def _endpoint_header(value: str) -> str:
    """X-Upkeep-Endpoint: the template of the route, such as `GET /memories/{id}`."""
    try:
        value = value.encode("latin-1").decode()  # WSGI hands header bytes over as if they were Latin-1
    except UnicodeError:
        return OTHER
    return _endpoint(value.strip())


def _key(value: object) -> str:
    if not isinstance(value, str) or not _is_storable(value):
        raise invalid("`key` must be a string.", "key")
    return value


def _meter(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise invalid("`meter` must be the name of a meter of the catalogue.", "meter")
    return value


def _scopes(value: object, field: str = "scopes") -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_SCOPES:
        raise invalid(f"`{field}` must be a list of at most {MAX_SCOPES} strings.", field)
    for scope in value:
        if not isinstance(scope, str) or not 0 < len(scope) <= MAX_NAME or not scope.isprintable():
            raise invalid(f"Each of `{field}` must be a string of 1 to {MAX_NAME} characters.", field)
    return tuple(value)


def _endpoint(value: object) -> str:
    if not isinstance(value, str):
        raise invalid("`endpoint` must be a string.", "endpoint")
    # Often a path that a consumer chose: what cannot be told apart is counted all the same.
    return value if len(value) <= ENDPOINT_MAX and value.isprintable() else OTHER


def _ip(value: object) -> str:
    if isinstance(value, str):
        try:
            return str(ip_address(value.partition("%")[0]))
        except ValueError:
            pass
    raise invalid("`ip` must be an IPv4 or IPv6 address.", "ip")


def _reserve(value: object) -> bool:
    if not isinstance(value, bool):
        raise invalid("`reserve` must be true or false.", "reserve")
    return value


def _is_storable(text: str) -> bool:
    """Whether a text can be encoded: JSON can carry half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


NULLABLE = frozenset({"meter", "scopes", "endpoint", "ip"})
CHECKS: dict[str, Callable[[Any], Any]] = {
    "key": _key,
    "cost": _cost,
    "meter": _meter,
    "scopes": _scopes,
    "endpoint": _endpoint,
    "ip": _ip,
    "reserve": _reserve,
}
HEADERS: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "HTTP_X_UPKEEP_COST": ("cost", "X-Upkeep-Cost", _cost_header),
    "HTTP_X_UPKEEP_SCOPES": ("scopes", "X-Upkeep-Scopes", _scopes_header),
    "HTTP_X_UPKEEP_ENDPOINT": ("endpoint", "X-Upkeep-Endpoint", _endpoint_header),
}
