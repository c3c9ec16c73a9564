"""Bodies, as read from a WSGI server: bounded, whole or refused."""

import json
from collections.abc import Mapping
from typing import Any

from portal.edge.problems import Problem, invalid

LIMIT = 16 * 1024


def read(environ: Mapping[str, Any], limit: int = LIMIT) -> bytes:
    """The whole body, at most `limit` bytes of it; Problem when it is longer, or shorter than announced."""
    announced = environ.get("CONTENT_LENGTH") or ""
    if not announced:
        # Without a length only a server that ends the input by itself (chunked bodies) may be read.
        return _take(environ, limit) if environ.get("wsgi.input_terminated") else b""
    if not (announced.isascii() and announced.isdecimal()):
        raise invalid("Content-Length must be a whole number.")
    if len(announced) > 15 or (length := int(announced)) > limit:
        raise too_large(limit)
    taken = _take(environ, length)
    if len(taken) < length:
        raise invalid("The body is shorter than its Content-Length.")
    return taken


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is; Problem when it is anything else."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise invalid("The body must be JSON.") from None
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.")
    return value


def _take(environ: Mapping[str, Any], length: int) -> bytes:
    """Read up to `length` bytes, and refuse a body that goes on after them when no length was announced."""
    bounded = bool(environ.get("CONTENT_LENGTH"))
    wanted, pieces = length if bounded else length + 1, []
    try:
        while wanted > 0 and (piece := environ["wsgi.input"].read(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
    except Exception:  # servers raise what they like for a broken chunk or a client that went away
        raise invalid("The body could not be read to its end.") from None
    taken = b"".join(pieces)
    if len(taken) > length:
        raise too_large(length)
    return taken


def too_large(limit: int) -> Problem:
    """A 413 that names the limit in bytes."""
    return Problem("TOO_LARGE", f"The body may have at most {limit} bytes.")
