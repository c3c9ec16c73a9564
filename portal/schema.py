"""The whole schema: every table of the product, on the one metadata."""

from portal import accounts, keys, metering, plans
from portal.kit import mail, outbox
from portal.kit.db import Base

ROOMS = (outbox, mail, accounts, plans, keys, metering)  # importing a room makes its tables known
metadata = Base.metadata
