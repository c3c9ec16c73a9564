"""Keys: what a program shows, and what the gate is told of it."""

from portal.keys.actions import Minted, Stamp, amend, mint, revoke, rotate, state_of, touch_used
from portal.keys.events import KeyAmended, KeyMinted, KeyRevoked, KeyRotated, KeysImported
from portal.keys.importing import Imported, Row, import_keys, read_rows
from portal.keys.models import Key, ServiceKey
from portal.keys.queries import (
    KeyGrant,
    LiveServiceKey,
    account_of,
    count_live,
    ended,
    ever_used,
    get,
    grants,
    live_service_keys,
    names,
    of_account,
    service_keys,
    tag_of_digests,
    working,
)
from portal.keys.rules import ALGORITHMS, OVERLAPS, digests_of
from portal.keys.service import mint_service, revoke_service

__all__ = [
    "ALGORITHMS",
    "OVERLAPS",
    "Imported",
    "Key",
    "KeyAmended",
    "KeyGrant",
    "KeyMinted",
    "KeyRevoked",
    "KeyRotated",
    "KeysImported",
    "LiveServiceKey",
    "Minted",
    "Row",
    "ServiceKey",
    "Stamp",
    "account_of",
    "amend",
    "count_live",
    "digests_of",
    "ended",
    "ever_used",
    "get",
    "grants",
    "import_keys",
    "live_service_keys",
    "mint",
    "mint_service",
    "names",
    "of_account",
    "read_rows",
    "revoke",
    "revoke_service",
    "rotate",
    "service_keys",
    "state_of",
    "tag_of_digests",
    "touch_used",
    "working",
]
