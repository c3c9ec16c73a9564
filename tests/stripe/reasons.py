"""Why the sandbox answers otherwise than the recordings: each difference with its reason."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """Explains findings of one kind whose request and path match."""

    kind: str
    path: str
    reason: str
    request: str = ""

    def explains(self, finding):
        return (
            finding.kind == self.kind
            and re.search(self.request, finding.request) is not None
            and re.search(self.path, finding.path) is not None
        )

    @property
    def shown(self):
        """Where, for people to read."""
        return " ".join(filter(None, (self.request, self.path))).replace("\\", "").replace("|", " or ")


REASONS = ()
