"""Hooks: what Stripe tells of. Stored as it came and answered at once; the worker thinks later."""

import structlog
from flask import Blueprint, Response, abort, request

from portal import billing
from portal.kit import clock
from portal.kit.db import unit
from portal.web import guards, site

room = Blueprint("hooks", __name__)
log = structlog.get_logger(__name__)


@room.post("/hooks/stripe")
@site.csrf.exempt  # type: ignore[untyped-decorator]
@guards.public
def stripe() -> Response:
    """200 once the event stands in the inbox, new or not; 400 when Stripe did not sign it."""
    if (payments := site.settings().payments) is None:
        abort(404)
    raw, signature = request.get_data(cache=False), request.headers.get("Stripe-Signature")
    try:
        with unit(site.session()) as session:
            is_new = billing.store_event(session, payments, raw, signature, now=clock.now())
    except billing.BadWebhook as refusal:
        log.warning("a webhook was refused", problem=refusal.sentence)
        return Response(f"{refusal.sentence}\n", 400, content_type="text/plain; charset=utf-8")
    return Response("stored\n" if is_new else "known\n", 200, content_type="text/plain; charset=utf-8")
