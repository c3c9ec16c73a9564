"""Problems, as the edge tells them: every code with its status and title."""

from dataclasses import dataclass, field
from types import MappingProxyType

TITLES = MappingProxyType(
    {
        "NOT_FOUND": "The key is not known",
        "REVOKED": "The key was revoked",
        "EXPIRED": "The key has expired",
        "SUSPENDED": "The account is suspended",
        "IP_DENIED": "The key may not be used from this address",
        "INSUFFICIENT_SCOPE": "The key lacks a scope",
        "RATE_LIMITED": "Too many calls at once",
        "QUOTA_EXCEEDED": "The quota is used up",
        "SPEND_CAP": "The spending limit is reached",
        "UNAVAILABLE": "The key cannot be checked right now",
        "INVALID_REQUEST": "The request is not well formed",
        "TOO_LARGE": "The request is too large",
        "HEAD_TOO_LARGE": "The request line or the headers are too large",
        "TIMEOUT": "The request did not come to its end in time",
        "UNAUTHORIZED": "A valid service key is needed",
        "NO_SUCH_RESERVATION": "There is no such open reservation",
        "NO_SUCH_ROUTE": "There is nothing at this address",
        "METHOD_NOT_ALLOWED": "This address takes another method",
        "INTERNAL_ERROR": "Something broke",
    }
)

STATUSES = MappingProxyType(
    {
        "NOT_FOUND": 401,
        "REVOKED": 401,
        "EXPIRED": 401,
        "SUSPENDED": 403,
        "IP_DENIED": 403,
        "INSUFFICIENT_SCOPE": 403,
        "RATE_LIMITED": 429,
        "QUOTA_EXCEEDED": 429,
        "SPEND_CAP": 429,
        "UNAVAILABLE": 503,
        "INVALID_REQUEST": 400,
        "TOO_LARGE": 413,
        "HEAD_TOO_LARGE": 431,
        "TIMEOUT": 408,
        "UNAUTHORIZED": 401,
        "NO_SUCH_RESERVATION": 404,
        "NO_SUCH_ROUTE": 404,
        "METHOD_NOT_ALLOWED": 405,
        "INTERNAL_ERROR": 500,
    }
)


@dataclass
class Problem(Exception):
    """What went wrong with a question, to be answered as `application/problem+json`."""

    code: str
    detail: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    more: dict[str, object] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return STATUSES[self.code]

    @property
    def title(self) -> str:
        """The title that belongs to the code."""
        return TITLES[self.code]


def invalid(detail: str, field_name: str | None = None) -> Problem:
    """A 400 that names the field at fault, when there is one."""
    return Problem("INVALID_REQUEST", detail, more={"field": field_name} if field_name else {})
