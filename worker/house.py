"""What a task works with: the database, the gate and the letterhead of this installation."""

from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from portal import billing, metering
from portal.gate import Gate, connect
from portal.kit import clock, db
from portal.kit.letterhead import Letterhead
from portal.kit.settings import Settings


@dataclass(frozen=True)
class House:
    """One per process; handed to every verb of the worker, so that tests may hand in their own."""

    settings: Settings
    sessions: sessionmaker[Session]
    gate: Gate
    letterhead: Letterhead
    stripe: billing.Stripe | None = None


def open_house(settings: Settings) -> House:
    """Open what the settings name. Nothing is connected to before it is needed."""
    clock.configure(settings.clock_file)
    # A task may hold a session, the guard of its kind, and one for the gate's book.
    sessions = db.sessions(db.engine(settings.database_url, pool_size=3))
    redis = connect(settings.redis_url, timeout_seconds=5)
    return House(
        settings=settings,
        sessions=sessions,
        gate=metering.open_gate(settings, redis, sessions),
        letterhead=Letterhead(settings.brand, settings.public_url, settings.secret_key),
        stripe=billing.open_stripe(settings),
    )
