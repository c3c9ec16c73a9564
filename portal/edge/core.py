"""The edge's core: a verdict becomes the values of a response, without any I/O."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from portal.edge import headers
from portal.edge.headers import Headers
from portal.edge.problems import TITLES, Problem
from portal.gate import LEASE_MS, QuotaState, RateState, Settlement, Verdict
from portal.kit import problems

Reports = Sequence[tuple[str, int | None]]
JSON_TYPE = "application/json"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
WHO = (
    *("valid", "code", "key_id", "account_id", "environment", "external_id"),
    *("plan", "plan_version", "features", "scopes"),
)
NO_KEY = Verdict(valid=False, code="NOT_FOUND")
BLIND = Verdict(valid=False, code="UNAVAILABLE")
SENTENCES = {
    "NOT_FOUND": "There is no such key. Show one as `Authorization: Bearer <key>` or `X-API-Key: <key>`.",
    "REVOKED": "This key was revoked. Use another, or make one.",
    "EXPIRED": "This key has expired. Use another, or make one.",
    "SUSPENDED": "The account of this key is suspended. Its owners have been told why.",
    "IP_DENIED": "This key has a list of allowed addresses, and the call did not come from one of them.",
    "INSUFFICIENT_SCOPE": "This key does not have the scope that the call needs.",
    "RATE_LIMITED": "Too many calls at once. Wait as long as Retry-After says, then try again.",
    "QUOTA_EXCEEDED": "The quota of this billing month is used up, and no retry helps before it resets.",
    "SPEND_CAP": "The spending limit of this billing month is reached, and no retry helps before it resets.",
}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Answer(NamedTuple):
    """A response: `code` is the verdict's or the problem's, for logs and metrics."""

    status: int
    code: str
    headers: Headers
    body: bytes = b""


def observed(verdict: Verdict) -> Verdict:
    """A refusal as it passes while the gate merely observes."""
    return verdict if verdict.valid else verdict._replace(valid=True, code="VALID", observed=verdict.code)


def verified(verdict: Verdict, request_id: str) -> Answer:
    """The answer of /v1/keys/verify: 200 whatever the verdict."""
    rate, quota = verdict.ratelimit, verdict.quota
    head = _who(
        verdict.valid,
        verdict.code,
        verdict.key_id,
        verdict.account_id,
        verdict.environment,
        verdict.external_id,
        verdict.plan,
        verdict.plan_version,
        verdict.features,
        verdict.scopes,
    )
    if rate is None or quota is None or verdict.observed is not None or verdict.reservation_id is not None:
        return _json(_said(verdict, request_id), verdict.code, request_id)
    # The common answer, written as the encoder would: what does not change is remembered.
    limit = "null" if quota.limit is None else quota.limit
    remaining = "null" if quota.remaining is None else quota.remaining
    body = (
        f'{head}"ratelimit":{{"limit":{rate.limit},"burst":{rate.burst},"remaining":{rate.remaining},'
        f'"reset_ms":{rate.reset_ms}}},"quota":{{"limit":{limit},"included":{quota.included},'
        f'"used":{quota.used},"remaining":{remaining},"overage":{quota.overage},'
        f'"resets_at":"{_moment(quota.resets_at)}"}},"request_id":"{request_id}"}}'
    ).encode()
    return Answer(200, verdict.code, [("Content-Type", JSON_TYPE), ("X-Request-Id", request_id)], body)


def leased(verdict: Verdict | None, reports: Reports, request_id: str) -> Answer:
    """The answer of /v1/leases: the verdict and the share, and what became of each report."""
    told = [{"lease_id": name, "code": "ENDED" if units is None else "COUNTED"} for name, units in reports]
    if verdict is None:
        return _json({"reports": told, "request_id": request_id}, "REPORTED", request_id)
    said, lease = _said(verdict, request_id), verdict.lease
    said["lease_id"] = lease.lease_id if lease else None
    said["units"] = said["rate_tokens"] = lease.units if lease else 0
    said["ttl_ms"] = lease.ttl_ms if lease else LEASE_MS
    said["reports"] = told
    return _json(said, verdict.code, request_id)


def ended(settlement: Settlement, request_id: str) -> Answer:
    """The answer to a reservation that was confirmed or released."""
    said = {
        "reservation_id": settlement.reservation_id,
        "code": settlement.code,
        "cost": settlement.cost,
        "reserved": settlement.reserved,
        "request_id": request_id,
    }
    return _json(said, settlement.code, request_id)


def authorized(
    verdict: Verdict, request_id: str, *, now: datetime, public_url: str, passes: int = 204
) -> Answer:
    """The answer of /v1/authorize: `passes` with who it is, or the status that the code has there."""
    limits = headers.limits(verdict, now)
    if verdict.valid:
        plain = [] if passes == 204 else [("Content-Type", "text/plain")]
        return Answer(passes, verdict.code, [*plain, *_identity(verdict, request_id), *limits])
    problem = Problem(verdict.code, _sentence(verdict, public_url), limits)
    status = problem.status
    if status == 401:
        problem.headers.append(("WWW-Authenticate", _challenge(verdict)))
    elif status == 429:
        problem.headers.append(("Retry-After", str(headers.retry_after(verdict, now))))
    return refused(problem, request_id, public_url=public_url, marked=True)


def refused(problem: Problem, request_id: str, *, public_url: str, marked: bool = False) -> Answer:
    """A problem as a response; `marked` adds the headers that proxies keep when they drop the body."""
    body = problems.document(
        problem.status,
        problem.code,
        problem.title,
        problem.detail,
        request_id=request_id,
        docs_url=f"{public_url}/docs",
        more=problem.more,
    )
    marks = [("X-Upkeep-Code", problem.code), ("X-Upkeep-Request-Id", request_id)] if marked else []
    kept = [("Content-Type", problems.MEDIA_TYPE), ("X-Request-Id", request_id), *marks, *problem.headers]
    return Answer(problem.status, problem.code, kept, body)


@lru_cache(16_384)
def _who(*said: object) -> str:
    """The members of an answer up to `scopes`, as JSON that goes on."""
    return _encode(dict(zip(WHO, said, strict=True)))[:-1] + ","


def _said(verdict: Verdict, request_id: str) -> dict[str, object]:
    said: dict[str, object] = {
        "valid": verdict.valid,
        "code": verdict.code,
        "key_id": verdict.key_id,
        "account_id": verdict.account_id,
        "environment": verdict.environment,
        "external_id": verdict.external_id,
        "plan": verdict.plan,
        "plan_version": verdict.plan_version,
        "features": verdict.features,
        "scopes": verdict.scopes,
        "ratelimit": _rate(verdict.ratelimit),
        "quota": _quota(verdict.quota),
        "request_id": request_id,
    }
    if verdict.observed is not None:
        said["observed"] = verdict.observed
    if verdict.reservation_id is not None:
        said["reservation_id"] = verdict.reservation_id
    return said


def _json(said: dict[str, object], code: str, request_id: str) -> Answer:
    return Answer(
        200, code, [("Content-Type", JSON_TYPE), ("X-Request-Id", request_id)], _encode(said).encode()
    )


def _rate(rate: RateState | None) -> dict[str, int] | None:
    if rate is None:
        return None
    return {
        "limit": rate.limit,
        "burst": rate.burst,
        "remaining": rate.remaining,
        "reset_ms": rate.reset_ms,
    }


def _quota(quota: QuotaState | None) -> dict[str, object] | None:
    if quota is None:
        return None
    return {
        "limit": quota.limit,
        "included": quota.included,
        "used": quota.used,
        "remaining": quota.remaining,
        "overage": quota.overage,
        "resets_at": _moment(quota.resets_at),
    }


@lru_cache(1024)
def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _identity(verdict: Verdict, request_id: str) -> Headers:
    known = [
        ("X-Upkeep-Code", verdict.code),
        ("X-Upkeep-Observed", verdict.observed),
        ("X-Upkeep-Account", verdict.account_id),
        ("X-Upkeep-External-Id", verdict.external_id and quote(verdict.external_id, safe=PRINTABLE)),
        ("X-Upkeep-Key", verdict.key_id),
        ("X-Upkeep-Plan", verdict.plan),
        ("X-Upkeep-Environment", verdict.environment),
        ("X-Upkeep-Request-Id", request_id),
        ("X-Request-Id", request_id),
    ]
    return [(name, value) for name, value in known if value]


def _challenge(verdict: Verdict) -> str:
    if verdict is NO_KEY:
        return 'Bearer realm="api"'
    return f'Bearer realm="api", error="invalid_token", error_description="{TITLES[verdict.code]}"'


def _sentence(verdict: Verdict, public_url: str) -> str:
    sentence, quota = SENTENCES[verdict.code], verdict.quota
    if verdict.code not in headers.BY_QUOTA or quota is None:
        return sentence
    if quota.remaining:
        sentence = (
            f"This call needs more than the {quota.remaining:,} units that are left in this billing month."
        )
    return f"{sentence} It resets at {_moment(quota.resets_at)}; more is at {public_url}/plans."
