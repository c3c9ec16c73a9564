"""The whole product on one machine, until Ctrl-C: `python -m deploy.local`."""

import sys

from deploy.local.foreground import run
from deploy.local.supervisor import Supervisor

sys.exit(run(Supervisor))
