"""The passwords of the data tier."""

import secrets
from dataclasses import dataclass, field


def _password() -> str:
    return secrets.token_hex(24)


@dataclass(frozen=True)
class Passwords:
    """The passwords of the data tier: PostgreSQL's superuser and two roles, and Redis."""

    superuser: str = field(default_factory=_password)
    owner: str = field(default_factory=_password)
    app: str = field(default_factory=_password)
    redis: str = field(default_factory=_password)
