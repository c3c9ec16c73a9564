"""The gate, opened: with its book, on settings and a Redis."""

from collections.abc import Callable, Sequence
from datetime import datetime

from redis import Redis
from sqlalchemy.orm import Session

from portal import keys
from portal.gate import Admission, Gate, Masters
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.settings import Settings
from portal.metering.book import book


def open_gate(
    settings: Settings,
    redis: Redis,
    sessions: Callable[[], Session],
    *,
    now: Callable[[], datetime] = clock.now,
) -> Gate:
    """The gate of a process: `redis` is a client of its own, `sessions` makes sessions for the book."""

    def read(tag: str, digests: Sequence[str]) -> Admission | None:
        with sessions() as session, unit(session):
            return book(session, tag, digests, now())

    def tag_of(token: str) -> str | None:
        with sessions() as session, unit(session):
            return keys.tag_of_digests(session, keys.digests_of(token))

    return Gate(
        Masters(redis) if settings.gate_cluster else redis,
        read,
        peppers=settings.key_peppers,
        prefixes=settings.key_prefixes,
        tag_of=tag_of,
        digests_of=keys.digests_of,
        observe_all=settings.gate_mode == "observe",
        leases=settings.gate_leases,
        offset_us=clock.offset_us,
    )
