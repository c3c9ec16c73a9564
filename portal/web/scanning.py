"""Scanning, as told by GitHub: keys that were found in public (`POST /hooks/github-secret-scanning`)."""

from typing import cast

import structlog
from flask import Blueprint, Response, abort, current_app, json, request

from portal import accounts, keys
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.web import guards, site

room = Blueprint("scanning", __name__)
REPORTS = "120 per minute"
MOST, LONGEST_TOKEN, LONGEST_TEXT = 1_000, 1_000, 2_000
LABELS = {True: "true_positive", False: "false_positive"}
PLAIN = "text/plain; charset=utf-8"
log = structlog.get_logger(__name__)


@room.post("/hooks/github-secret-scanning")
@site.limiter.limit(REPORTS)
@site.csrf.exempt  # type: ignore[untyped-decorator]
@guards.public
def github() -> Response:
    """Whether each token is a key; those that are have ended. 400 for what GitHub did not sign."""
    scanners = cast(keys.Scanners | None, current_app.extensions["upkeep.scanners"])
    if scanners is None:
        abort(404)
    raw = request.get_data(cache=False)
    key_id = request.headers.get("Github-Public-Key-Identifier", "")
    signature = request.headers.get("Github-Public-Key-Signature", "")
    try:
        if not scanners.signed(raw, key_id, signature):
            return Response("This was not signed by GitHub.\n", 400, content_type=PLAIN)
        found = _listed(raw)
    except keys.ScannersAway:
        return Response("GitHub's public keys cannot be read.\n", 503, content_type=PLAIN)
    except Invalid as refusal:
        return Response(f"{refusal.sentence}\n", 400, content_type=PLAIN)
    verdicts = _take([leak for leak, _ in found])
    said = [
        {"token_raw": leak.token, "token_type": kind, "label": LABELS[ours]}
        for (leak, kind), ours in zip(found, verdicts, strict=True)
    ]
    return Response(json.dumps(said), 200, {"Cache-Control": "no-store"}, content_type="application/json")


def _take(leaks: list[keys.Leak]) -> list[bool]:
    settings = site.settings()
    actor = accounts.Actor(None, "GitHub secret scanning", site.client_address())
    with unit(site.session()) as session:
        taken = keys.take_leaks(
            session,
            leaks,
            prefixes=settings.key_prefixes,
            peppers=settings.key_peppers,
            actor=actor,
            now=clock.now(),
        )
    for tag in taken.tags:
        site.push(tag)
    if any(taken.ours):
        log.warning("keys were found in public", count=sum(taken.ours))
    return taken.ours


def _listed(raw: bytes) -> list[tuple[keys.Leak, str]]:
    """The tokens of a report, with the type that GitHub gives each."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        raise Invalid("The body must be JSON.") from None
    if not isinstance(said, list) or len(said) > MOST:
        raise Invalid(f"The body must be a list of at most {MOST:,} tokens.")
    return [_leak(one) for one in said]


def _leak(said: object) -> tuple[keys.Leak, str]:
    if not isinstance(said, dict) or not isinstance(token := said.get("token"), str):
        raise Invalid("Each token must be an object with a `token`.")
    if len(token) > LONGEST_TOKEN:
        raise Invalid(f"A token has at most {LONGEST_TOKEN:,} characters.")
    return keys.Leak(token, _text(said.get("url"))), _text(said.get("type"))


def _text(value: object) -> str:
    """A text that can be kept and shown, else nothing: GitHub leaves some out."""
    return value if isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable() else ""
