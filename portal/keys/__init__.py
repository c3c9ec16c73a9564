"""Keys: what a program shows, and what the gate is told of it."""

from portal.keys.actions import Minted, Stamp, amend, mint, revoke, rotate, state_of, touch_used
from portal.keys.events import (
    KeyAmended,
    KeyLeaked,
    KeyMinted,
    KeyRevoked,
    KeyRotated,
    KeysImported,
    ServiceKeyLeaked,
)
from portal.keys.gateway import Scanners, ScannersAway
from portal.keys.importing import Imported, Row, import_keys, read_rows
from portal.keys.leaks import Leak, take_leaks
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
    service_key,
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
    "KeyLeaked",
    "KeyMinted",
    "KeyRevoked",
    "KeyRotated",
    "KeysImported",
    "Leak",
    "LiveServiceKey",
    "Minted",
    "Row",
    "Scanners",
    "ScannersAway",
    "ServiceKey",
    "ServiceKeyLeaked",
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
    "service_key",
    "service_keys",
    "state_of",
    "tag_of_digests",
    "take_leaks",
    "touch_used",
    "working",
]
