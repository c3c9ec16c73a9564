"""The catalogue at Stripe: products, prices with lookup keys, and what Stripe's portal may do."""

from sqlalchemy.orm import Session

from portal.billing.gateway import Stripe
from portal.billing.values import Step


def sync_catalogue(session: Session, stripe: Stripe, *, apply: bool) -> list[Step]:
    """What Stripe lacks of the plans on offer; with `apply`, made. Doing it twice does nothing more."""
    raise NotImplementedError
