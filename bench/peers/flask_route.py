"""The same check as a route of the whole Flask site: our script and our book, behind gunicorn's threads."""

import os

from flask import jsonify, request

from portal import gate, keys, metering
from portal.edge.services import Services
from portal.kit import db, ids
from portal.kit.settings import load
from portal.web import create_app, guards, site

settings = load(os.environ)
sessions = db.sessions(db.engine(settings.database_url))
door = metering.open_gate(settings, gate.connect(settings.redis_url), sessions)
app = create_app(settings, push=door.push, gate=door)
app.json.compact, app.json.sort_keys = True, False


def service_keys():
    with sessions() as session:
        return {key.digest: key.id for key in keys.live_service_keys(session)}


services = Services(service_keys, settings.key_peppers, settings.key_prefixes)


@app.post("/v1/keys/verify")
@site.csrf.exempt
@guards.public
def verify():
    if services.known(request.headers.get("Authorization", "").partition(" ")[2]) is None:
        return jsonify(code="UNAUTHORIZED"), 401
    said = request.get_json(force=True)
    verdict = door.verify(gate.Question(said["key"]))
    rate, quota = verdict.ratelimit, verdict.quota
    return jsonify(
        valid=verdict.valid,
        code=verdict.code,
        key_id=verdict.key_id,
        account_id=verdict.account_id,
        environment=verdict.environment,
        external_id=verdict.external_id,
        plan=verdict.plan,
        plan_version=verdict.plan_version,
        features=verdict.features,
        scopes=verdict.scopes,
        ratelimit={
            "limit": rate.limit,
            "burst": rate.burst,
            "remaining": rate.remaining,
            "reset_ms": rate.reset_ms,
        },
        quota={
            "limit": quota.limit,
            "included": quota.included,
            "used": quota.used,
            "remaining": quota.remaining,
            "overage": quota.overage,
            "resets_at": quota.resets_at.isoformat(),
        },
        request_id=ids.new("req"),
    )
