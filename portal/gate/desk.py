"""The desk behind the door: admitting what the book says, sealing and clearing what was counted.

Like the door it does no I/O: commands out, values in.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portal.gate.door import Command
from portal.gate.grant import AccountRecord, Admission, Allowance, Environment, Grant, Settled, Span

GRANT_SECONDS: Final = 24 * 3600
UNKNOWN_SECONDS: Final = 30
_UNITS, _CALLS = 0, 1


@dataclass(frozen=True, order=True)
class Batch:
    """What a batch is known by, from its first call on: whose, in which generation, in which minute."""

    tag: str
    gen: str
    minute: int


@dataclass(frozen=True)
class Count:
    """Calls that were counted alike: their batch, where they count, and how many units and calls."""

    batch: Batch
    window_id: int
    key_id: str
    meter: str
    endpoint: str
    units: int
    calls: int


@dataclass(frozen=True)
class Level:
    """How far a meter is used in the present window of an environment."""

    environment: Environment
    window_id: int
    meter: str
    included: int
    used: int


@dataclass(frozen=True)
class Sealed:
    """What may be settled of a tag, and how far its meters are used.

    Not `warm`: Redis does not know the account, so nothing is said of its levels.
    """

    tag: str
    warm: bool
    counts: tuple[Count, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Peek:
    """All that Redis holds of a tag. `counters` and `held` are units by (window, meter)."""

    warm: bool
    gen: str
    now_ms: int
    spans: Mapping[Environment, Span]
    allowances: Mapping[tuple[Environment, str], Allowance]
    counters: Mapping[tuple[int, str], int]
    held: Mapping[tuple[int, str], int]
    counts: tuple[Count, ...]


def ask(tag: str, nonce: str) -> Command:
    """Ask for a ticket to ask the book with; an empty nonce begins no new generation."""
    return Command("ask", (_name(tag, "account"),), (nonce,))


def admit(tag: str, ticket: str, admission: Admission, digests: Sequence[str], *, offset_us: int) -> Command:
    """Let in the book's answer. `digests` are of the key in question: if it is unknown, that is kept."""
    account = admission.account
    known = {grant.digest for grant in admission.grants}
    grants = [(grant.digest, GRANT_SECONDS, _record(account, grant)) for grant in admission.grants]
    if known.isdisjoint(digests):
        grants += [(digest, UNKNOWN_SECONDS, []) for digest in digests]
    args = [str(offset_us), ticket, str(account.version), _json(_fields(account))]
    args += _settled(admission.settled)
    for _, seconds, record in grants:
        args += [str(seconds), _json(record)]
    return Command(
        "admit", (*_kept(tag), *(_name(tag, f"grant:{digest}") for digest, _, _ in grants)), tuple(args)
    )


def read_word(reply: Any) -> str:
    """The reply to `ask` (a ticket, or nothing) or to `admit` (OK, STALE or OLDER)."""
    return _text(reply)


def seal(tag: str, *, offset_us: int) -> Command:
    """Seal all past minutes of a tag."""
    return Command("seal", _kept(tag), (str(offset_us),))


def read_seal(tag: str, reply: Any) -> Sealed:
    """What was sealed. Batches and their counts stand in order."""
    return Sealed(tag, _text(reply[0]) == "WARM", _counts(tag, reply[1]), _levels(reply[2]))


def clear(tag: str, settled: Settled, *, offset_us: int) -> Command:
    """Delete what is settled and raise the counters to it: totals and fences of one snapshot."""
    return Command("clear", _kept(tag), (str(offset_us), *_settled(settled)))


def read_clear(reply: Any) -> tuple[Level, ...] | None:
    """How far each meter is used now; None when Redis does not know the account."""
    return None if _text(reply[0]) == "COLD" else _levels(reply[1])


def peek(tag: str, *, offset_us: int) -> Command:
    """Look at all that Redis holds of a tag."""
    return Command("peek", _kept(tag), (str(offset_us),))


def read_peek(tag: str, reply: Any) -> Peek:
    """What Redis holds of a tag."""
    account = _pairs(reply[3])
    counters: dict[tuple[int, str], int] = {}
    allowances: dict[tuple[Environment, str], Allowance] = {}
    held: dict[tuple[int, str], int] = {}
    for name, value in account.items():
        head, _, rest = name.partition(":")
        if head == "u":
            window, _, meter = rest.partition(":")
            counters[int(window), meter] = int(value)
        elif rest.startswith("m:"):
            ceiling, included, beyond = value.split("|")
            allowance = Allowance(int(ceiling) if ceiling else None, int(included), beyond)  # type: ignore[arg-type]
            allowances[_environment(head), rest[2:]] = allowance
    for text in _pairs(reply[5]).values():
        _, cost, window, _, meter, _, _ = text.split("|", 6)
        held[int(window), meter] = held.get((int(window), meter), 0) + int(cost)
    environments: tuple[Environment, ...] = ("live", "test")
    spans = {
        env: Span(int(account[f"{env}:w"]), int(account[f"{env}:s"]), int(account[f"{env}:e"]))
        for env in environments
        if account.get(f"{env}:w")
    }
    return Peek(
        warm=_text(reply[0]) == "WARM",
        gen=_text(reply[1]),
        now_ms=int(reply[2]),
        spans=spans,
        allowances=allowances,
        counters=counters,
        held=held,
        counts=_counts(tag, reply[4]),
    )


def _fields(account: AccountRecord) -> dict[str, str]:
    fields = {
        "until": _number(account.until_ms),
    }
    for env, terms in account.terms.items():
        after = terms.next
        fields |= {
            f"{env}:w": str(terms.window.id),
            f"{env}:s": str(terms.window.start_ms),
            f"{env}:e": str(terms.window.end_ms),
            f"{env}:nw": str(after.id) if after else "",
            f"{env}:ns": str(after.start_ms) if after else "",
            f"{env}:ne": str(after.end_ms) if after else "",
        }
        for meter, allowance in terms.allowances.items():
            fields[f"{env}:m:{meter}"] = (
                f"{_number(allowance.ceiling)}|{allowance.included}|{allowance.beyond}"
            )
    return fields


def _record(account: AccountRecord, grant: Grant) -> list[object]:
    """What one verification needs to know, in the places that verify.lua reads; admit.lua fills in three."""
    terms = account.terms[grant.environment]
    after = terms.next
    about = {
        "key": grant.key_id,
        "env": grant.environment,
        "scopes": grant.scopes,
        "external_id": grant.external_id,
        "id": account.id,
        "plan": account.plan,
        "plan_version": account.plan_version,
        "features": account.features,
    }
    record: list[object] = [
        *("", "", 0, grant.environment, grant.key_id, grant.lineage),
        *(grant.revoked_ms is not None, grant.expires_ms or 0),
        *(account.suspended_ms is not None, account.observed_ms is not None),
        *_rate(account.rate, account.burst),
        *_rate(grant.rate, grant.burst or grant.rate),
        *(str(terms.window.id), terms.window.end_ms),
        *((str(after.id), after.start_ms, after.end_ms) if after else ("", 0, 0)),
        _json(grant.networks) if grant.networks else "",
        _json(grant.scopes),
        _json(about),
    ]
    for meter, allowance in terms.allowances.items():
        ceiling = -1 if allowance.ceiling is None else allowance.ceiling
        record += [meter, ceiling, allowance.included, allowance.beyond]
    return record


def _rate(rate: int | None, burst: int | None) -> tuple[int, int]:
    return (0, 0) if rate is None else (rate, burst or 0)


def _settled(settled: Settled) -> tuple[str, str]:
    totals = {f"{window}|{meter}": units for (window, meter), units in settled.totals.items()}
    return _json(totals), _json(dict(settled.fences))


def _counts(tag: str, flat: Sequence[Any]) -> tuple[Count, ...]:
    """Counts from the bucket's fields: gen|minute|window|key|meter|kind|endpoint."""
    found: dict[tuple[Batch, int, str, str, str], list[int]] = {}
    for field, value in _pairs(flat).items():
        gen, minute, window, key_id, meter, kind, endpoint = field.split("|", 6)
        at = (Batch(tag, gen, int(minute)), int(window), key_id, meter, endpoint)
        units_and_calls = found.setdefault(at, [0, 0])
        if kind in "1u":
            units_and_calls[_UNITS] += int(value)
        if kind in "1n":
            units_and_calls[_CALLS] += int(value)
    return tuple(Count(*at, *numbers) for at, numbers in sorted(found.items()))


def _levels(flat: Sequence[Any]) -> tuple[Level, ...]:
    texts = [_text(part) for part in flat]
    rows = (texts[at : at + 5] for at in range(0, len(texts), 5))
    return tuple(
        Level(_environment(env), int(window), meter, int(included), int(used))
        for env, window, meter, included, used in rows
    )


def _pairs(flat: Sequence[Any]) -> dict[str, str]:
    texts = [_text(part) for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _environment(name: str) -> Environment:
    return "test" if name == "test" else "live"


def _kept(tag: str) -> tuple[str, ...]:
    return _name(tag, "account"), _name(tag, "bucket"), _name(tag, "holds")


def _name(tag: str, name: str) -> str:
    return f"{{{tag}}}:{name}"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _text(part: Any) -> str:
    return part.decode() if isinstance(part, bytes) else str(part)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
