"""Problems: how an error under /v1 is told to a program (RFC 9457, `application/problem+json`)."""

import json
from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"
_encode = json.JSONEncoder(separators=(",", ":")).encode


def document(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    request_id: str,
    docs_url: str,
    more: Mapping[str, object] | None = None,
) -> bytes:
    """The body of a problem, as JSON.

    `code` is a stable upper-case word, `title` the same for every problem of that code, `detail` a
    sentence about this one. `type` leads to the code's entry on the page at `docs_url`; `more` may
    add members of its own, and never replaces one of the six.
    """
    return _encode(
        {
            **(more or {}),
            "type": f"{docs_url}#{code.lower().replace('_', '-')}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": request_id,
        }
    ).encode()
