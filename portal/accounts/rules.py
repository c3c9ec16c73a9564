"""Accounts, as decided: who may do what, what a name, an address and a password must be."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from unicodedata import normalize

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from portal.kit.errors import Conflict, Forbidden, Invalid

ROLES = ("owner", "admin", "developer", "billing", "viewer")
STAFF_ROLES = ("support", "operator")
DEEDS = {
    "see": frozenset(ROLES),
    "make_keys": frozenset({"owner", "admin", "developer"}),
    "manage_billing": frozenset({"owner", "admin", "billing"}),
    "manage_team": frozenset({"owner", "admin"}),
    "see_audit": frozenset({"owner", "admin"}),
    "manage_account": frozenset({"owner"}),
    "ask_for_help": frozenset(ROLES),
}
LETTER_KINDS = {
    "keys": "Keys created, rotated and revoked",
    "quota": "80 % and 100 % of the plan used",
    "tickets": "Tickets opened, closed and opened again; answers always come",
}

NAME_LENGTH, EMAIL_LENGTH, PASSWORD_SHORTEST, PASSWORD_LONGEST = 80, 254, 8, 128
PROOF_MINUTES = 30
TOKEN_LIFE = {
    "verify": timedelta(hours=24),
    "reset": timedelta(minutes=30),
    "address": timedelta(minutes=60),
    "invitation": timedelta(days=7),
    "sign_in": timedelta(hours=24),
    "sign_up": timedelta(hours=24),
}
TOKEN_PATHS = {
    "verify": "/verify/",
    "reset": "/reset/",
    "address": "/settings/address/",
    "invitation": "/invitations/",
    "sign_in": "/signin/",
}
SIGNED_IN_IDLE, SIGNED_IN_AT_MOST = timedelta(hours=12), timedelta(days=7)
REMEMBERED_IDLE, REMEMBERED_AT_MOST = timedelta(days=30), timedelta(days=90)
RECOVERY_CODES = 8

_BREACHED = frozenset(FREQUENCY_LISTS["passwords"])
_FAMILIES = (
    ("Edge", "Edg"),
    ("Opera", "OPR/"),
    ("Firefox", "Firefox/"),
    ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
    ("curl", "curl/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Actor:
    """Who acts, as the audit will name them: a person, or the command line or the clock by label alone."""

    person_id: str | None
    label: str
    address: str | None = None

    @property
    def of_person(self) -> str:
        """The id of the person who acts, for what only people can do."""
        assert self.person_id is not None
        return self.person_id


def may(role: str | None, deed: str) -> bool:
    """Whether a member with this role (None: no member) may do this. The one table of permissions."""
    return role in DEEDS[deed]


def check_may(role: str | None, deed: str) -> None:
    """Forbidden unless `may`."""
    if not may(role, deed):
        raise Forbidden("Your role in this account does not allow that. Ask an owner.")


def check_role_given(giver: str | None, before: str | None, after: str | None) -> None:
    """Forbidden when somebody with role `giver` may not move a member from one role to another.

    None as `before` is a newcomer, as `after` somebody removed. Only owners make or unmake owners.
    """
    check_may(giver, "manage_team")
    if after is not None and after not in ROLES:
        raise Invalid("Choose one of the roles.", field="role")
    if "owner" in (before, after) and giver != "owner":
        raise Forbidden("Only an owner can make somebody an owner, or change or remove one.")


def check_owner_left(owners: int) -> None:
    """Conflict when an account that loses one of `owners` owners would have none."""
    if owners <= 1:
        raise Conflict("An account needs an owner. Make somebody else an owner first.")


def needs_codes(person_staff_role: str | None, confirmed_at: datetime | None, is_loopback: bool) -> bool:
    """Whether a staff member must set up an authenticator before any staff page opens."""
    return person_staff_role is not None and confirmed_at is None and not is_loopback


def clean_name(name: str, field: str = "name") -> str:
    """A name without outer and doubled spaces; Invalid when empty, too long or with control characters."""
    name = " ".join(name.split())
    if not name:
        raise Invalid("Give a name.", field=field)
    if len(name) > NAME_LENGTH:
        raise Invalid(f"Keep the name within {NAME_LENGTH} characters.", field=field)
    if not name.isprintable():
        raise Invalid("The name has characters that cannot be shown.", field=field)
    return name


def normal_email(email: str) -> str:
    """An address as it is compared and kept: lower-case, no outer spaces."""
    return normalize("NFC", email.strip()).lower()


def clean_email(email: str) -> str:
    """A normal address; Invalid when no letter could reach it. Nothing is looked up."""
    try:
        found = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Invalid("Enter an e-mail address, such as ada@example.com.", field="email") from None
    if len(found.normalized) > EMAIL_LENGTH:
        raise Invalid("That e-mail address is too long.", field="email")
    return normal_email(found.normalized)


def check_lasting(email: str) -> None:
    """Invalid when the address is of a kind that is thrown away after use."""
    labels = email.rpartition("@")[2].split(".")
    if any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1)):
        raise Invalid("Addresses of that provider do not last. Use one that you keep.", field="email")


def check_password(password: str, *known: str) -> None:
    """Invalid when too short, too long, on the list of leaked passwords, or one of the `known` words."""
    if len(password) < PASSWORD_SHORTEST:
        raise Invalid(
            f"Use at least {PASSWORD_SHORTEST} characters; 15 or more are better.", field="password"
        )
    if len(password) > PASSWORD_LONGEST:
        raise Invalid(f"Use at most {PASSWORD_LONGEST} characters.", field="password")
    if password.lower() in _BREACHED:
        raise Invalid("That password is on lists of leaked passwords. Choose another.", field="password")
    if password.lower() in {word.lower() for word in known if word}:
        raise Invalid("Choose a password that is not your name or your address.", field="password")


def sign_in_ends_at(began_at: datetime, seen_at: datetime, remembered: bool) -> datetime:
    """When a sign-in is over, however often it is used and if it is not used again."""
    if remembered:
        return min(began_at + REMEMBERED_AT_MOST, seen_at + REMEMBERED_IDLE)
    return min(began_at + SIGNED_IN_AT_MOST, seen_at + SIGNED_IN_IDLE)


def is_proven(proven_at: datetime | None, now: datetime) -> bool:
    """Whether somebody showed recently enough that it is still them."""
    return proven_at is not None and now < proven_at + timedelta(minutes=PROOF_MINUTES)


def browser(user_agent: str | None) -> str:
    """A browser in two words, such as "Firefox on Linux"."""
    text = user_agent or ""
    family = next((name for name, mark in _FAMILIES if mark in text), "A browser")
    system = next((name for name, mark in _SYSTEMS if mark in text), None)
    return f"{family} on {system}" if system else family


def place(user_agent: str | None, address: str | None) -> str:
    """What tells one place from another: the browser's family and the network, as a digest."""
    return sha256(f"{browser(user_agent)}|{network(address)}".encode()).hexdigest()


def network(address: str | None) -> str:
    """The network that an address is in: /24 of IPv4, /48 of IPv6, "" when it is none."""
    try:
        width = 24 if ip_address(address or "").version == 4 else 48
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{width}", strict=False))


def normal_recovery_code(code: str) -> str:
    """A recovery code as it is compared: letters and digits alone, lower-case."""
    return re.sub(r"[^a-z0-9]", "", code.lower())
