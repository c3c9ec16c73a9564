"""Events, as sent by machines: usage of other meters, as CloudEvents 1.0 (`POST /v1/events`)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import structlog
from flask import Blueprint, Response, current_app, g, json, request
from sqlalchemy.exc import OperationalError

from portal import metering
from portal.gate import Unavailable
from portal.kit import clock, problems
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import guards, site

room = Blueprint("events", __name__)
SINGLE, BATCH, PLAIN = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json",
)
MOST_EVENTS, MOST_UNITS = 1_000, 1_000_000_000
LONGEST = {"id": 255, "source": 255, "type": 64, "subject": 100}
LONGEST_TEXT = 100
COUNTED_BY_THE_GATE = "calls"
TITLES = {
    400: ("INVALID_REQUEST", "The request is not well formed"),
    401: ("UNAUTHORIZED", "A valid service key is needed"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "That kind of content is not taken here"),
    503: ("UNAVAILABLE", "Events cannot be taken right now"),
}
log = structlog.get_logger(__name__)


class Services(Protocol):
    """What a service key is asked of."""

    def known(self, token: str) -> str | None: ...


@dataclass(frozen=True)
class Data:
    """What an event may say of itself: units, calls, where, and with which key."""

    units: int = 1
    calls: int = 1
    endpoint: str = ""
    key_id: str = ""


@room.post("/v1/events")
@site.csrf.exempt  # type: ignore[untyped-decorator]
@guards.public
def take() -> Response:
    """Take a batch of events whole or not at all; sending one again changes nothing."""
    try:
        if not _is_service():
            return _problem(401, "Show a service key as `Authorization: Bearer <service key>`.")
        if request.mimetype not in (SINGLE, BATCH, PLAIN):
            return _problem(415, f"Send {SINGLE}, {BATCH} or {PLAIN}.")
        events = [_event(place, said) for place, said in _listed()]
        with unit(site.session()) as session:
            taken = metering.take_events(session, events, now=clock.now())
    except Invalid as refusal:
        return _problem(400, refusal.sentence, field=refusal.field)
    except (Unavailable, OperationalError) as problem:
        log.warning("events could not be taken", problem=str(problem))
        return _problem(503, "Nothing was taken. Send the same events again; none will count twice.")
    return _answer(200, json.dumps({"inserted": taken.inserted, "duplicates": taken.duplicates}), PLAIN)


def _is_service() -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    services = cast(Services, current_app.extensions["upkeep.services"])
    return scheme.lower() == "bearer" and services.known(token.strip()) is not None


def _listed() -> list[tuple[str, object]]:
    """The events of the body, each with how its place is called in a refusal."""
    try:
        said = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        raise Invalid("The body must be JSON.") from None
    if isinstance(said, list) and request.mimetype != SINGLE:
        if len(said) > MOST_EVENTS:
            raise Invalid(f"A batch may have at most {MOST_EVENTS:,} events.")
        return [(f"[{at}].", each) for at, each in enumerate(said)]
    if isinstance(said, dict) and request.mimetype != BATCH:
        return [("", said)]
    raise Invalid(f"{SINGLE} takes one object, {BATCH} a list of them, {PLAIN} either.")


def _event(place: str, said: object) -> metering.Event:
    if not isinstance(said, dict):
        raise Invalid("An event must be a JSON object.", field=place.rstrip(".") or None)
    if said.get("specversion") != "1.0":
        raise Invalid('`specversion` must be "1.0".', field=f"{place}specversion")
    if "data_base64" in said:
        raise Invalid("`data` must be JSON, not base 64.", field=f"{place}data_base64")
    told = _data(place, said.get("data"))
    if said.get("type") == COUNTED_BY_THE_GATE and not told.key_id:
        sentence = (
            "Calls are counted when a key is checked. Those that could not be are told with a `key_id`."
        )
        raise Invalid(sentence, field=f"{place}type")
    return metering.Event(
        id=_text(place, said, "id"),
        source=_text(place, said, "source"),
        meter=_text(place, said, "type"),
        subject=_text(place, said, "subject"),
        at=_moment(place, said.get("time")),
        units=told.units,
        endpoint=told.endpoint,
        key_id=told.key_id,
        calls=told.calls,
    )


def _text(place: str, said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    # What is not printable no column keeps (NUL, halves of surrogate pairs) and no page shows.
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST[name] or not value.isprintable():
        raise Invalid(f"`{name}` must be a string of 1 to {LONGEST[name]} characters.", field=place + name)
    return value


def _data(place: str, data: object) -> Data:
    """What `data` says; members that are not ours are left alone."""
    if data is None:
        return Data()
    if not isinstance(data, dict):
        raise Invalid('`data` must be an object such as {"value": 1}.', field=f"{place}data")
    return Data(
        units=_number(place, data, "value"),
        calls=_number(place, data, "calls"),
        endpoint=_optional(place, data, "endpoint"),
        key_id=_optional(place, data, "key_id"),
    )


def _number(place: str, data: dict[str, Any], name: str) -> int:
    value = data.get(name, 1)
    if type(value) is not int or not 0 <= value <= MOST_UNITS:
        raise Invalid(f"`{name}` must be a whole number from 0 to {MOST_UNITS}.", field=f"{place}data.{name}")
    return value


def _optional(place: str, data: dict[str, Any], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        sentence = f"`{name}` must be a string of at most {LONGEST_TEXT} characters."
        raise Invalid(sentence, field=f"{place}data.{name}")
    return value


def _moment(place: str, said: object) -> datetime:
    if said is None:
        return clock.now()
    try:
        moment = datetime.fromisoformat(said) if isinstance(said, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Invalid("`time` must be a moment such as 2026-11-20T12:00:00Z.", field=f"{place}time")


def _problem(status: int, detail: str, field: str | None = None) -> Response:
    code, title = TITLES[status]
    body = problems.document(
        status,
        code,
        title,
        detail,
        request_id=g.request_id,
        docs_url=f"{site.settings().public_url}/docs",
        more={"field": field} if field else None,
    )
    answer = _answer(status, body, problems.MEDIA_TYPE)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="upkeep"'
    if status == 503:
        answer.headers["Retry-After"] = "1"
    return answer


def _answer(status: int, body: str | bytes, media_type: str) -> Response:
    return Response(
        body, status, {"X-Request-Id": g.request_id, "Cache-Control": "no-store"}, content_type=media_type
    )
