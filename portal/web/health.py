"""Health, as asked by machines: does the process live, is it ready, what has it counted."""

from typing import cast

from flask import Blueprint, Flask, Response, abort, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from portal.kit.trust import Trust
from portal.web import guards, metrics, readiness, site

room = Blueprint("health", __name__)
room.record_once(lambda state: metrics.init(cast(Flask, state.app)))


@room.get("/healthz")
@guards.public
def lives() -> Response:
    """200 for as long as the process answers at all, whatever stands beside it."""
    return jsonify(status="ok")


@room.get("/readyz")
@guards.public
def ready() -> tuple[Response, int]:
    """200 when everything answers as it must, else 503 with the names of what does not."""
    checks = readiness.checks(site.settings())
    failing = [name for name, said in checks.items() if said != readiness.OK]
    return jsonify(ready=not failing, failing=failing, checks=checks), 503 if failing else 200


@room.get("/metrics")
@guards.public
def scrape() -> Response:
    """What was counted, for callers inside; for anyone when METRICS is public."""
    settings = site.settings()
    if not settings.metrics_public and not Trust(settings.trusted_proxies).is_internal(_as_it_came()):
        abort(404)
    return Response(metrics.scrape(site.session()), content_type=CONTENT_TYPE_LATEST)


def _as_it_came() -> dict[str, object]:
    """The environ with the peer that it came from; wsgi.py has put the client in its place."""
    came = request.environ
    return {**came, "REMOTE_ADDR": came.get("upkeep.peer", came.get("REMOTE_ADDR"))}
