"""The door: a question becomes one command, a reply becomes a verdict. Nothing here does I/O."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from portal.gate.grant import (
    COST_MAX,
    ENDPOINT_MAX,
    LEASE_PART,
    OTHER,
    RESERVED_MS,
    Lease,
    Question,
    QuotaState,
    RateState,
    Settlement,
    Use,
    Verdict,
)
from portal.kit import tokens
from portal.kit.errors import Invalid, Missing
from portal.kit.tokens import Pepper

TOKEN_MAX: Final = 512
METER_MAX: Final = 64
RESERVATION: Final = "rsv"
LEASE: Final = "lse"
NOT_FOUND: Final = Verdict(valid=False, code="NOT_FOUND")
_MAPPED: Final = 0xFFFF << 32


@dataclass(frozen=True)
class Place:
    """Where the gate keeps what it knows of a key: its account's tag, and the digests it may have."""

    tag: str
    digests: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What Redis calls all that one verification touches."""
        grants = (f"{{{self.tag}}}:grant:{digest}" for digest in self.digests)
        return (*_names(self.tag, "account", "bucket", "endpoints", "holds"), *grants)


@dataclass(frozen=True)
class Command:
    """One call of a script: its name, the names it touches, and its arguments."""

    script: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    sent_as: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """Its bytes, kept by whoever sends the same command again and again."""


@dataclass(frozen=True)
class Cold:
    """Redis does not know: the book has to be asked about the `account`, this `grant` or this `meter`."""

    why: str


def place(token: str, prefixes: Sequence[str], peppers: Sequence[Pepper]) -> Place | None:
    """Where a key of our own form is kept; None when it has not our form or its checksum fails."""
    if len(token) > TOKEN_MAX or (parsed := tokens.parse(token, prefixes)) is None:
        return None
    if parsed.kind not in tokens.KINDS:
        return None
    return Place(parsed.tag, tuple(tokens.digest(token, pepper) for pepper in peppers))


def may_be_foreign(token: str, prefixes: Sequence[str]) -> bool:
    """Whether a string without our form may be a key that was given out by something else."""
    ours = token.partition("_")[0] in prefixes and token.count("_") >= 2
    return 8 <= len(token) <= TOKEN_MAX and not ours and token.isprintable() and not token.isspace()


@dataclass(frozen=True)
class Wish:
    """A share that is wished for with a question: under which id, how much, for how long at most.

    It is at most one `part`-th of what is left below the ceiling, so that the last calls are decided
    one by one. `only`: no call is counted with the question, the caller spends its own from the share.
    """

    lease_id: str
    units: int
    ttl_ms: int
    part: int = LEASE_PART
    only: bool = False


@dataclass(frozen=True)
class Asked:
    """A question on its way to Redis: the command that asks it, and how the reply is read."""

    at: Place
    question: Question
    reservation_id: str
    command: Command
    wish: Wish | None = None

    def read(self, reply: Any) -> Verdict | Cold:
        """What the reply says."""
        return read_verdict(reply, self.question.meter, self.reservation_id, self.wish)


def ask(
    at: Place,
    question: Question,
    *,
    offset_us: int,
    observe_all: bool,
    reservation_id: str,
    wish: Wish | None = None,
) -> Asked:
    """A question, ready to be asked: its answer counts the call. Invalid for what cannot be asked."""
    if not 0 <= question.cost <= COST_MAX:
        raise Invalid(f"A cost is a whole number from 0 to {COST_MAX:,}.", field="cost")
    if not question.meter or len(question.meter) > METER_MAX or "|" in question.meter:
        raise unknown_meter(question.meter)
    args: tuple[str, ...] = (
        str(offset_us),
        str(question.cost),
        _sent(question.meter),
        _sent("\n".join(question.scopes)),
        endpoint_name(question.endpoint),
        address(question.ip) if question.ip else "",
        reservation_id,
        str(RESERVED_MS),
        "1" if observe_all else "",
    )
    if wish is not None:
        only = "only" if wish.only else ""
        args += (wish.lease_id, str(wish.units), str(wish.ttl_ms), str(wish.part), only)
    return Asked(at, question, reservation_id, Command("verify", at.names, args), wish)


def read_verdict(reply: Any, meter: str, reservation_id: str, wish: Wish | None = None) -> Verdict | Cold:
    """What a reply to `verify` says."""
    kind = _text(reply[0])
    if kind == "COLD":
        return Cold(_text(reply[1]))
    if kind == "METER":
        return Cold("meter")
    if kind == "NOT_FOUND":
        return NOT_FOUND
    _, code, observed, about, rate, burst, left, reset_ms, retry_ms = reply[:9]
    ceiling, included, used, ends_ms = reply[9:13]
    code = _text(code)
    key_id, account_id, environment, external_id, plan, plan_version, features, scopes = _about(about)
    return Verdict(
        code == "VALID",
        code,
        key_id,
        account_id,
        environment,
        external_id,
        plan,
        plan_version,
        features,
        scopes,
        None if rate is None else RateState(rate, burst, left, reset_ms, retry_ms),
        QuotaState(
            ceiling,
            included,
            used,
            None if ceiling is None else max(0, ceiling - used),
            max(0, used - included),
            moment(ends_ms),
        ),
        meter,
        _text(observed) or None,
        reservation_id or None if code == "VALID" else None,
        Lease(wish.lease_id, reply[13], reply[14]) if wish is not None and len(reply) > 13 else None,
    )


def new_reservation(tag: str) -> str:
    """A fresh reservation id. It carries the tag, and so leads to where the reservation is kept."""
    return f"{RESERVATION}_{tag}{tokens.random_secret(24)}"


def new_lease(tag: str) -> str:
    """A fresh lease id, which leads to its account as a reservation's does."""
    return f"{LEASE}_{tag}{tokens.random_secret(24)}"


def report(use: Use, *, offset_us: int) -> Command:
    """The command that ends a lease. Missing for an id that can be none."""
    keys = _names(_tag_of(use.lease_id, LEASE), "account", "bucket", "endpoints", "holds")
    calls = "" if use.calls is None else str(use.calls)
    args = [str(offset_us), use.lease_id, str(use.used), calls]
    for endpoint, units in use.endpoints.items():
        args += [endpoint_name(endpoint), str(units)]
    return Command("report", keys, tuple(args))


def read_report(reply: Any) -> int | None:
    """How many units a report counted; None when the lease had ended before, or never was."""
    return int(reply[1]) if _text(reply[0]) == "COUNTED" else None


def finish(reservation_id: str, cost: int | None, *, offset_us: int) -> Command:
    """The command that ends a reservation: with its final cost, or released when that is None."""
    tag = _tag_of(reservation_id, RESERVATION)
    if cost is not None and not 0 <= cost <= COST_MAX:
        raise Invalid(f"A cost is a whole number from 0 to {COST_MAX:,}.", field="cost")
    keys = _names(tag, "account", "bucket", "holds")
    return Command("finish", keys, (str(offset_us), reservation_id, "" if cost is None else str(cost)))


def read_finish(reply: Any, reservation_id: str, cost: int | None) -> Settlement:
    """How a reservation ended; Missing when it had ended before, Invalid when it held less."""
    kind, *numbers = (_text(part) for part in reply)
    if kind == "MISSING":
        raise _ended()
    if kind == "BEYOND":
        raise Invalid(f"The final cost is more than the {int(numbers[0]):,} reserved.", field="cost")
    code = "RELEASED" if cost is None else "CONFIRMED"
    return Settlement(reservation_id, code, int(numbers[0]), int(numbers[1]))


def endpoint_name(endpoint: str) -> str:
    """An endpoint as it is counted: what is too long or cannot be stored is `(other)`."""
    if len(endpoint) > ENDPOINT_MAX or not endpoint.isprintable():
        return OTHER
    return endpoint


def address(text: str) -> str:
    """An address as 32 hexadecimal digits, IPv4 mapped into IPv6; Invalid when it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        raise Invalid("This is not an IP address.", field="ip") from None
    if isinstance(found, IPv6Address):
        return f"{int(found):032x}"
    return f"{_MAPPED | int(found):032x}"


def network(cidr: str) -> tuple[str, str]:
    """A network in CIDR notation as its lowest and highest address, 32 hexadecimal digits each."""
    found = ip_network(cidr, strict=False)
    return address(str(found[0])), address(str(found[-1]))


@lru_cache(maxsize=1024)
def moment(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as a moment."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def unknown_meter(meter: str) -> Invalid:
    """The refusal of a meter that the catalogue does not declare."""
    return Invalid(f"There is no meter called {meter[:METER_MAX]!r}.", field="meter")


def _tag_of(name: str, kind: str) -> str:
    head, _, body = name.partition("_")
    if head != kind or len(body) != tokens.TAG_LENGTH + 24 or not (body.isascii() and body.isalnum()):
        raise _ended()
    return body[: tokens.TAG_LENGTH]


def _ended() -> Missing:
    return Missing("There is no such reservation: it has ended, or never was.")


def _names(tag: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{{{tag}}}:{name}" for name in names)


def _sent(text: str) -> str:
    # A lone surrogate, which JSON can spell, has no UTF-8; such a name matches nothing.
    return text.encode("utf-8", "replace").decode()


def _text(part: Any) -> str:
    return part.decode() if isinstance(part, bytes) else str(part)


@lru_cache(maxsize=16_384)
def _about(text: Any) -> tuple[Any, ...]:
    """Who a key is, as a verdict tells it: its fields from `key_id` to `scopes`."""
    said = json.loads(text)
    return (
        *(said["key"], said["id"], said["env"], said["external_id"], said["plan"], said["plan_version"]),
        *(tuple(said["features"]), tuple(said["scopes"])),
    )
