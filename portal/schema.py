"""The whole schema: every table of the product, on the one metadata."""

import portal.kit.mail
import portal.kit.outbox
from portal.kit.db import Base

metadata = Base.metadata
