"""The whole schema: every table of the product, on the one metadata."""

from portal import accounts, billing, keys, metering, plans, support
from portal.kit import mail, outbox, received
from portal.kit.db import Base

ROOMS = (
    outbox,
    mail,
    received,
    accounts,
    plans,
    keys,
    metering,
    billing,
    support,
)  # importing a room makes its tables known
metadata = Base.metadata
