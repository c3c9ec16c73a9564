"""Memory: what an idempotency key was answered, for a day."""

import hashlib
import json

from sandbox.stripe.errors import StripeError
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

KEPT_SECONDS = 24 * 3600


def recall(world: World, key: str, method: str, path: str, params: Obj) -> tuple[int, str, str] | None:
    """Status, body and first request of a key seen before; StripeError when it was for something else."""
    if len(key) > 255:
        raise StripeError(
            "The idempotency key is too long: it may have at most 255 characters.",
            kind="idempotency_error",
            started=False,
        )
    rows = world.store.rows(
        "select path, fingerprint, status, body, request from remembered where key = ? and at > ?",
        key,
        world.now - KEPT_SECONDS,
    )
    if not rows:
        return None
    known_path, fingerprint, status, body, request = rows[0]
    if known_path != f"{method} {path}":
        raise StripeError(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{known_path.partition(' ')[2]}' vs '{path}'). Try using a key other than '{key}' if you "
            "meant to "
            "execute a different request.",
            kind="idempotency_error",
            started=False,
        )
    if fingerprint != _fingerprint(params):
        raise StripeError(
            "Keys for idempotent requests can only be used with the same parameters they were first used "
            "with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
            started=False,
        )
    return status, body, request


def remember(
    world: World, key: str, method: str, path: str, params: Obj, status: int, body: str, request_id: str
) -> None:
    """Keep the answer to a key."""
    world.store.rows(
        "insert or replace into remembered (key, path, fingerprint, request, status, body, at) "
        "values (?, ?, ?, ?, ?, ?, ?)",
        key,
        f"{method} {path}",
        _fingerprint(params),
        request_id,
        status,
        body,
        world.now,
    )


def _fingerprint(params: Obj) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
