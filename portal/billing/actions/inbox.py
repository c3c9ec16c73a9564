"""The inbox: webhooks stored as they came, thought about later, and swept for."""

from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from portal.billing.gateway import Stripe
from portal.kit.settings import Payments


def store_event(
    session: Session, payments: Payments, raw: bytes, signature: str | None, *, now: datetime
) -> bool:
    """Store a webhook whose signature holds; whether it is new. BadWebhook (answer 400) when it is none.

    In the caller's unit; speaks to nobody. Answer 200 whether new or not.
    """
    raise NotImplementedError


def think(sessions: sessionmaker[Session], stripe: Stripe, event_id: str, *, now: datetime) -> str | None:
    """Bring the mirror of the customer that an event is about up to date; the account to push, if any.

    What fails is noted at the event and tried again by `retry_events`; nothing is raised.
    """
    raise NotImplementedError


def retry_events(sessions: sessionmaker[Session], stripe: Stripe, *, now: datetime) -> list[str]:
    """Think again about events whose time has come; the accounts to push."""
    raise NotImplementedError


def sweep_events(sessions: sessionmaker[Session], stripe: Stripe, *, now: datetime) -> list[str]:
    """Fetch the events that Stripe could not deliver, and think about them; the accounts to push."""
    raise NotImplementedError
