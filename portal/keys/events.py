"""Keys, as told."""

from dataclasses import dataclass

from portal.kit.outbox import Fact


@dataclass(frozen=True)
class KeyMinted(Fact):
    """An account has a new key. `by` is who made it, as people read it."""

    account_id: str
    key_id: str
    by: str


@dataclass(frozen=True)
class KeyRotated(Fact):
    """A key has a successor, and stops working at the `retires_at` of its row."""

    account_id: str
    key_id: str
    successor_id: str
    by: str


@dataclass(frozen=True)
class KeyRevoked(Fact):
    """A key never works again."""

    account_id: str
    key_id: str
    by: str


@dataclass(frozen=True)
class KeyAmended(Fact):
    """The name, scopes or addresses of a key were changed."""

    account_id: str
    key_id: str
    by: str


@dataclass(frozen=True)
class KeysImported(Fact):
    """Keys that were given out elsewhere were brought into an account."""

    account_id: str
    count: int


@dataclass(frozen=True)
class KeyLeaked(Fact):
    """A key was found in public, at `url` when that is known, and never works again. `by` is who told."""

    account_id: str
    key_id: str
    url: str
    by: str


@dataclass(frozen=True)
class ServiceKeyLeaked(Fact):
    """A service key was found in public. It goes on working until somebody revokes it."""

    service_key_id: str
    url: str
