"""What a task works with: the database, Redis and the letterhead of this installation."""

from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from portal.kit import db
from portal.kit.letterhead import Letterhead
from portal.kit.settings import Settings


@dataclass(frozen=True)
class House:
    """One per process; handed to every verb of the worker, so that tests may hand in their own."""

    settings: Settings
    sessions: sessionmaker[Session]
    redis: Redis
    letterhead: Letterhead
    push: Callable[[str], None]


def open_house(settings: Settings) -> House:
    """Open what the settings name. Nothing is connected to before it is needed."""
    return House(
        settings=settings,
        sessions=db.sessions(db.engine(settings.database_url, pool_size=2)),
        redis=Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5),
        letterhead=Letterhead(settings.brand, settings.public_url, settings.secret_key),
        push=lambda tag: None,
    )
