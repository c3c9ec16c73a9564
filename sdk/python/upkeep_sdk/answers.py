"""Answers: what your API says to a caller who may not pass, as RFC 9457 problems."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from upkeep_sdk.errors import Misconfigured, QuotaExceeded, RateLimited, Refused, UpkeepError
from upkeep_sdk.headers import Headers, limits

MEDIA_TYPE = "application/problem+json"
REASONS = {
    "NOT_FOUND": (
        "The key is not known",
        "There is no such key. Show one as `Authorization: Bearer <key>` or `X-API-Key: <key>`.",
    ),
    "REVOKED": ("The key was revoked", "This key was revoked. Use another, or make one."),
    "EXPIRED": ("The key has expired", "This key has expired. Use another, or make one."),
    "SUSPENDED": ("The account is suspended", "The account of this key is suspended."),
    "IP_DENIED": (
        "The key may not be used from this address",
        "This key has a list of allowed addresses, and the call did not come from one of them.",
    ),
    "INSUFFICIENT_SCOPE": ("The key lacks a scope", "This key does not have the scope that the call needs."),
    "RATE_LIMITED": (
        "Too many calls at once",
        "Wait as long as Retry-After says, then send the same call again.",
    ),
    "QUOTA_EXCEEDED": (
        "The quota is used up",
        "The quota of this billing month is used up, and no retry helps before it resets.",
    ),
    "SPEND_CAP": (
        "The spending limit is reached",
        "The spending limit of this billing month is reached, and no retry helps before it resets.",
    ),
}


@dataclass(frozen=True)
class Reply:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def line(self) -> str:
        """The status with its phrase, as WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def reply(problem: UpkeepError, url: str) -> Reply:
    """The response that a problem becomes. `url` is the portal's, for the links in it."""
    said: dict[str, object] = {}
    headers: Headers = []
    title, detail = problem.title, str(problem)
    if isinstance(problem, Refused):
        title, detail = REASONS.get(problem.code, ("The call is refused", problem.code))
        headers += limits(problem.verdict)
        said["retryable"] = problem.retryable
        if problem.verdict.request_id:
            said["request_id"] = problem.verdict.request_id
    if isinstance(problem, QuotaExceeded) and (quota := problem.verdict.quota) is not None:
        said["resets_at"] = quota.resets_at.isoformat()
        detail = f"{detail} It resets at {quota.resets_at:%Y-%m-%d %H:%M} UTC; more is at {url}/plans."
    if isinstance(problem, RateLimited | QuotaExceeded):
        headers.append(("Retry-After", str(problem.retry_after)))
    elif problem.status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="api"'))
    elif problem.status == 503:
        headers.append(("Retry-After", "1"))
    if isinstance(problem, Misconfigured):  # for the developer's log, not for the caller
        detail = "The fault is not yours and has been noted."
    said |= {
        "type": f"{url}/docs#{problem.code.lower().replace('_', '-')}",
        "title": title,
        "status": problem.status,
        "detail": detail,
        "code": problem.code,
    }
    body = json.dumps(said, separators=(",", ":")).encode()
    fixed = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return Reply(problem.status, [*fixed, ("X-Upkeep-Code", problem.code), *headers], body)
