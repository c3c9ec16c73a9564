"""Keys, as decided."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network

from portal.kit.errors import Conflict, Exhausted, Forbidden, Invalid

ENVIRONMENTS = ("live", "test")
NAME_MOST, SCOPES_MOST, SCOPE_MOST, CIDRS_MOST = 80, 20, 64, 50
EXTERNAL_ID_MOST = 200
SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/*-]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Imported keys are as strong as the platform made them; the digests are theirs.
ALGORITHMS = {"sha256": 64, "sha512": 128, "sha384": 96, "sha224": 56, "sha1": 40, "md5": 32}

OVERLAPS = {
    "now": timedelta(0),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}


def digests_of(token: str) -> tuple[str, ...]:
    """The digests under which an imported key may be known: one for each algorithm, hex."""
    return tuple(hashlib.new(name, token.encode(), usedforsecurity=False).hexdigest() for name in ALGORITHMS)


def clean_name(name: str) -> str:
    """A name of 1 to 80 characters, or Invalid."""
    name = name.strip()
    if not name:
        raise Invalid("Give the key a name.", field="name")
    if len(name) > NAME_MOST or not name.isprintable():
        raise Invalid(f"A name has at most {NAME_MOST} characters, on one line.", field="name")
    return name


def clean_scopes(scopes: Sequence[str]) -> list[str]:
    """Up to 20 different scopes, in the order given, or Invalid."""
    found = list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
    for scope in found:
        if len(scope) > SCOPE_MOST or not SCOPE.fullmatch(scope):
            raise Invalid(
                f"“{scope[:SCOPE_MOST]}” is not a scope: use up to {SCOPE_MOST} letters, digits "
                "and . : / _ - *, such as memories:read.",
                field="scopes",
            )
    if len(found) > SCOPES_MOST:
        raise Invalid(f"A key has at most {SCOPES_MOST} scopes.", field="scopes")
    return found


def clean_cidrs(cidrs: Sequence[str]) -> list[str]:
    """Up to 50 networks in their canonical form, or Invalid. A single address is a network of its own."""
    found = []
    for cidr in cidrs:
        if not cidr.strip():
            continue
        try:
            found.append(str(ip_network(cidr.strip(), strict=False)))
        except ValueError:
            raise Invalid(
                f"“{cidr.strip()[:60]}” is not an address or network: write 203.0.113.7 or 203.0.113.0/24.",
                field="allowed_cidrs",
            ) from None
    found = list(dict.fromkeys(found))
    if len(found) > CIDRS_MOST:
        raise Invalid(f"A key has at most {CIDRS_MOST} allowed networks.", field="allowed_cidrs")
    return found


def check_environment(environment: str) -> None:
    """Refuse what is neither live nor test."""
    if environment not in ENVIRONMENTS:
        raise Invalid("Choose live or test.", field="environment")


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Refuse an expiry that has passed."""
    if expires_at is not None and expires_at <= now:
        raise Invalid("The expiry must lie in the future.", field="expires_at")


def check_limits(rate: int | None, burst: int | None) -> None:
    """Refuse limits of a key that are not positive."""
    for name, value in (("rate", rate), ("burst", burst)):
        if value is not None and not 1 <= value <= 1_000_000:
            raise Invalid(f"The {name} must be a whole number from 1 to 1,000,000.", field=name)


def check_room(live: int, most: int, plan: str) -> None:
    """Refuse a key beyond what the plan holds; live and test keys count alike."""
    if live >= most:
        keys = "1 key" if most == 1 else f"{most:,} keys"
        raise Exhausted(
            f"{plan} includes {keys}, live and test together, and all are in use. "
            "Revoke one that you no longer need, or move to a plan with more."
        )


def check_verified(verified: bool) -> None:
    """Refuse keys to an account of which no owner has shown that the address is theirs."""
    if not verified:
        raise Forbidden(
            "Verify your e-mail address before you create a key: the link is in the letter we sent you."
        )


def check_alive(state: str) -> None:
    """Refuse to change a key that no longer works."""
    if state == "revoked":
        raise Conflict("This key has been revoked. It never works again, so there is nothing to change.")
    if state in ("expired", "retired"):
        raise Conflict("This key has expired. Create a new one instead.")


def check_rotatable(state: str) -> None:
    """Refuse to rotate a key that no longer works or has been rotated already."""
    check_alive(state)
    if state == "retiring":
        raise Conflict("This key has been rotated already. Rotate the key that replaced it.")


def state(
    now: datetime,
    *,
    revoked_at: datetime | None,
    expires_at: datetime | None,
    retires_at: datetime | None,
) -> str:
    """One of live, retiring (rotated, still working), retired, expired, revoked."""
    if revoked_at is not None and revoked_at <= now:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    if retires_at is not None:
        return "retired" if retires_at <= now else "retiring"
    return "live"


def ends_at(expires_at: datetime | None, retires_at: datetime | None) -> datetime | None:
    """The moment from which a key is refused: the earlier of its expiry and its retirement."""
    return min((moment for moment in (expires_at, retires_at) if moment is not None), default=None)


def retirement(now: datetime, overlap: timedelta, expires_at: datetime | None) -> datetime:
    """When a rotated key stops: after the overlap, and never later than it would have anyway."""
    if not timedelta(0) <= overlap <= max(OVERLAPS.values()):
        raise Invalid("Choose an overlap of at most 7 days.", field="overlap")
    end = now + overlap
    return end if expires_at is None else min(end, expires_at)
