"""The whole schema: every table of the product, on the one metadata."""

from portal import accounts, billing, costs, keys, metering, plans, scaling, support, sustainability
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
    costs,
    scaling,
    sustainability,
    support,
)  # importing a room makes its tables known
metadata = Base.metadata
