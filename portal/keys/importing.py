"""Keys that the platform gave out before, brought in as digests so that they go on working."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import accounts
from portal.keys import rules
from portal.keys.events import KeysImported
from portal.keys.models import Key
from portal.kit import ids
from portal.kit.errors import Invalid, Missing, Refusal
from portal.kit.outbox import tell

COLUMNS = (
    "digest",
    "algorithm",
    "external_id",
    "account_id",
    "name",
    "start",
    "environment",
    "scopes",  # separated by spaces
    "expires_at",
)
SYNONYMS = {"external_user_id": "external_id", "account": "account_id"}
NEEDED = ("digest", "algorithm", "account_id")
START_MOST = 40
HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Row:
    """One key of the file, checked. `line` is where it stood."""

    line: int
    digest: str
    algorithm: str
    account_id: str
    external_id: str | None
    name: str
    start: str
    environment: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True)
class Imported:
    """How many keys were brought in, how many stood already, and whose they are."""

    kept: int
    standing: int
    account_ids: tuple[str, ...]


def read_rows(text: str) -> list[Row]:
    """The keys of a CSV (with a heading) or JSON Lines file; Invalid names the first wrong line."""
    rows = []
    seen: dict[str, int] = {}
    for line, data in _json_lines(text) if text.lstrip().startswith("{") else _csv(text):
        try:
            row = _row(line, data)
        except Refusal as refusal:
            raise Invalid(f"Line {line}: {refusal.sentence}") from None
        if row.digest in seen:
            raise Invalid(f"Line {line}: this digest stood in line {seen[row.digest]} before.")
        seen[row.digest] = line
        rows.append(row)
    return rows


def import_keys(session: Session, rows: Sequence[Row], *, actor: accounts.Actor, now: datetime) -> Imported:
    """Bring in keys by their digests, all or none; those that their account has already are left alone.

    The plan's number of keys does not bind an import. Invalid names the line of an unknown account
    or of a digest that belongs to another one.
    """
    account_ids = sorted({row.account_id for row in rows})  # one order of locks for everyone
    for account_id in account_ids:
        try:
            accounts.touch(session, account_id)
        except Missing:
            line = next(row.line for row in rows if row.account_id == account_id)
            raise Invalid(f"Line {line}: there is no account {account_id}.") from None
    standing = _standing(session, rows)
    kept = 0
    for row in rows:
        if (owner := standing.get(row.digest)) is None:
            _bring_in(session, row, actor, now)
            kept += 1
        elif owner != row.account_id:
            raise Invalid(f"Line {row.line}: this digest belongs to another account already.")
    session.flush()
    for account_id in account_ids:
        count = sum(row.account_id == account_id and row.digest not in standing for row in rows)
        if count:
            tell(session, KeysImported(account_id, count))
            accounts.record(
                session, actor, "keys.imported", account_id=account_id, now=now, data={"keys": count}
            )
    return Imported(kept, len(rows) - kept, tuple(account_ids))


def _standing(session: Session, rows: Sequence[Row]) -> dict[str, str]:
    """The accounts of those digests that are known already."""
    found: dict[str, str] = {}
    digests = [row.digest for row in rows]
    for begin in range(0, len(digests), 1000):
        batch = select(Key.digest, Key.account_id).where(Key.digest.in_(digests[begin : begin + 1000]))
        found.update(dict(session.execute(batch).all()))
    return found


def _bring_in(session: Session, row: Row, actor: accounts.Actor, now: datetime) -> None:
    key_id = ids.new("key")
    session.add(
        Key(
            id=key_id,
            account_id=row.account_id,
            digest=row.digest,
            algorithm=row.algorithm,
            start=row.start,
            environment=row.environment,
            name=row.name,
            scopes=list(row.scopes),
            allowed_cidrs=[],
            expires_at=row.expires_at,
            external_id=row.external_id,
            lineage=key_id,
            minted_at=now,
            minted_by=actor.label,
        )
    )


def _row(line: int, data: Mapping[str, Any]) -> Row:
    values = {SYNONYMS.get(name, name): value for name, value in data.items()}
    for name, value in values.items():
        if name not in COLUMNS:
            raise Invalid(f"there is no column called {name}; the columns are {', '.join(COLUMNS)}.")
        if value is not None and not isinstance(value, str):
            raise Invalid(f"{name} must be a text.")
    text = {name: (values.get(name) or "").strip() for name in COLUMNS}
    for name in NEEDED:
        if not text[name]:
            raise Invalid(f"{name} is missing.")
    digest, algorithm = text["digest"].lower(), text["algorithm"].lower().replace("-", "")
    if algorithm not in rules.ALGORITHMS:
        raise Invalid(f"the algorithm must be one of {', '.join(rules.ALGORITHMS)}, not {algorithm[:40]}.")
    if len(digest) != rules.ALGORITHMS[algorithm] or not HEX.fullmatch(digest):
        raise Invalid(f"a {algorithm} digest has {rules.ALGORITHMS[algorithm]} hexadecimal digits.")
    if len(text["external_id"]) > rules.EXTERNAL_ID_MOST or rules.CONTROL.search(text["external_id"]):
        raise Invalid(f"external_id has at most {rules.EXTERNAL_ID_MOST} characters, on one line.")
    if len(text["start"]) > START_MOST or rules.CONTROL.search(text["start"]):
        raise Invalid(f"start has at most {START_MOST} characters, on one line.")
    environment = text["environment"] or "live"
    rules.check_environment(environment)
    return Row(
        line=line,
        digest=digest,
        algorithm=algorithm,
        account_id=text["account_id"],
        external_id=text["external_id"] or None,
        name=rules.clean_name(text["name"] or "Imported key"),
        start=text["start"] or f"{algorithm} {digest[:8]}",
        environment=environment,
        scopes=tuple(rules.clean_scopes(text["scopes"].split())),
        expires_at=_moment(text["expires_at"]),
    )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"expires_at must look like 2027-01-31T00:00:00Z, not {text[:40]}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    for data in reader:
        if None in data or None in data.values():
            raise Invalid(f"Line {reader.line_num}: it has not as many values as the heading has columns.")
        yield reader.line_num, {name.strip(): value for name, value in data.items()}


def _json_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            data = json.loads(content)
        except ValueError:
            raise Invalid(f"Line {line}: this is not JSON.") from None
        if not isinstance(data, dict):
            raise Invalid(f"Line {line}: each line must be one JSON object.")
        yield line, data
