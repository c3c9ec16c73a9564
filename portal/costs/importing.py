"""Bills, as brought in: files become charge rows in one step, and what they tell anew replaces the old."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Session

from portal import accounts
from portal.costs import files
from portal.costs.files import Aside, BillFile
from portal.costs.focus import COLUMNS, Row
from portal.costs.models import Bill, BillImport, ChargeRow, DailyCharge, LineAside, TagCharge
from portal.kit import ids
from portal.kit.errors import Invalid

BATCH = 2_000
STORED = [name for name in COLUMNS if name not in ("provider", "billing_account_id", "month")]
COPY = f"COPY charge_row (bill_id, {', '.join(STORED)}) FROM STDIN"
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('costs.bills'))")
DAILY = text("""
    INSERT INTO daily_charge (bill_id, day, service, currency, category, billed, effective)
    SELECT bill_id, date_trunc('day', begins_at, 'UTC'), service, currency, coalesce(category, 'Usage'),
           sum(billed_cost), sum(effective_cost)
    FROM charge_row WHERE bill_id = ANY(:bills) GROUP BY 1, 2, 3, 4, 5
""")
TAGGED = text("""
    INSERT INTO tag_charge (bill_id, currency, name, value, billed, effective)
    SELECT bill_id, currency, tag.key, tag.value, sum(billed_cost), sum(effective_cost)
    FROM charge_row, jsonb_each_text(tags) AS tag WHERE bill_id = ANY(:bills) GROUP BY 1, 2, 3, 4
""")

Key = tuple[str, str, datetime]
"""A provider, a billing account, and a billing month by its first moment."""


@dataclass
class Imported:
    """What an import did. `repeated`: the same files were in already, and nothing was done."""

    id: str
    lines_kept: int = 0
    lines_aside: int = 0
    bills: dict[Key, str] = field(default_factory=dict)
    replaced: int = 0
    repeated: bool = False

    @property
    def lines_read(self) -> int:
        """Lines that are not empty, after the first of each file."""
        return self.lines_kept + self.lines_aside


def take(
    session: Session,
    brought: Sequence[BillFile],
    *,
    currency: str,
    most: int | None = None,
    asked_of: str | None = None,
    actor: accounts.Actor,
    now: datetime,
) -> Imported:
    """Take in files as one delivery: each month of an account that they tell of is told anew.

    Rows that cannot be counted are kept aside with their line and the reason. The same files again change
    nothing. `currency` is that of rows which name none. Invalid, with the field `files`, when one of them
    is no bill, is damaged, or unpacks to more than `most` characters: then nothing was taken in. With
    `asked_of` they are what that source answered: what a bill tells replaces it later, never the other way.
    """
    if not brought:
        raise Invalid("Choose at least one file.", field="files")
    session.execute(ONE_AT_A_TIME)
    by_digest = {files.digest(file): file for file in brought}
    if (known := _known(session, sorted(by_digest))) is not None:
        return known
    done = Imported(ids.new("imp"))
    row = BillImport(
        id=done.id,
        names=[file.name for file in by_digest.values()],
        digests=sorted(by_digest),
        lines_read=0,
        lines_kept=0,
        lines_aside=0,
        imported_at=now,
        imported_by=actor.label,
        asked_of=asked_of,
    )
    session.add(row)
    session.flush()
    lines: dict[str, int] = {}
    for file in by_digest.values():
        read = files.rows(file, currency=currency, most=most)
        while batch := list(islice(read, BATCH)):
            _keep(session, done, lines, (one for one in batch if not isinstance(one, Aside)))
            _set_aside(session, done, file.name, (one for one in batch if isinstance(one, Aside)))
    _replace(session, done, lines, now)
    if asked_of is None:
        _outdo(session, done, now)
    session.execute(DAILY, {"bills": list(done.bills.values())})
    session.execute(TAGGED, {"bills": list(done.bills.values())})
    row.lines_read, row.lines_kept, row.lines_aside = done.lines_read, done.lines_kept, done.lines_aside
    session.flush()
    told = {"files": ", ".join(row.names)[:500], "lines": done.lines_kept, "aside": done.lines_aside}
    accounts.record(session, actor, "bills.imported", subject=row.id, now=now, data=told)
    return done


def _known(session: Session, digests: list[str]) -> Imported | None:
    """The import of just these files, while what it told still stands."""
    newest = select(BillImport).where(BillImport.digests == digests).order_by(BillImport.imported_at.desc())
    if (row := session.scalar(newest.limit(1))) is None:
        return None
    bills = session.scalars(select(Bill).where(Bill.import_id == row.id)).all()
    if any(bill.replaced_at is not None for bill in bills):
        return None
    found = {(bill.provider, bill.billing_account_id, bill.month): bill.id for bill in bills}
    return Imported(row.id, row.lines_kept, row.lines_aside, found, repeated=True)


def _keep(session: Session, done: Imported, lines: dict[str, int], rows: Iterable[Row]) -> None:
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        for bill_id, row in _of_bills(done, rows):
            copy.write_row((bill_id, *row))
            lines[bill_id] = lines.get(bill_id, 0) + 1
            done.lines_kept += 1


def _of_bills(done: Imported, rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    for row in rows:
        key: Any = row[:3]
        if key not in done.bills:
            done.bills[key] = ids.new("bill")
        yield done.bills[key], row[3:]


def _set_aside(session: Session, done: Imported, name: str, lines: Iterable[Aside]) -> None:
    found = [
        {"import_id": done.id, "file": name, "line": one.line, "reason": one.reason, "text": one.text}
        for one in lines
    ]
    if found:
        session.execute(insert(LineAside), found)
    done.lines_aside += len(found)


def _replace(session: Session, done: Imported, lines: dict[str, int], now: datetime) -> None:
    """What these bills tell stands from now on; the rows of those before them go."""
    for (provider, account, month), bill_id in done.bills.items():
        same = (Bill.provider == provider, Bill.billing_account_id == account, Bill.month == month)
        _take_down(session, done, same, now)
        session.add(
            Bill(
                id=bill_id,
                import_id=done.id,
                provider=provider,
                billing_account_id=account,
                month=month,
                lines=lines[bill_id],
            )
        )
    session.flush()


def _outdo(session: Session, done: Imported, now: datetime) -> None:
    """A bill says more than what was asked: of the account itself, or of one that it bills."""
    for (provider, account, month), bill_id in done.bills.items():
        if is_aws(provider):
            asked = select(BillImport.id).where(BillImport.asked_of.is_not(None))
            billed = select(ChargeRow.sub_account_id).where(ChargeRow.bill_id == bill_id)
            ours = or_(Bill.billing_account_id == account, Bill.billing_account_id.in_(billed))
            _take_down(session, done, (Bill.month == month, Bill.import_id.in_(asked), ours), now)


def _take_down(session: Session, done: Imported, which: Iterable[ColumnElement[bool]], now: datetime) -> None:
    before = session.scalars(
        update(Bill)
        .where(Bill.replaced_at.is_(None), *which)
        .values(replaced_at=now, replaced_by=done.id)
        .returning(Bill.id)
    ).all()
    for table in (ChargeRow, DailyCharge, TagCharge):
        session.execute(delete(table).where(table.bill_id.in_(before)))
    done.replaced += len(before)


def is_billed(session: Session, account: str, month: datetime) -> bool:
    """Whether a standing bill, not an answer, tells what AWS charged an account for a month."""
    theirs = select(ChargeRow.id).where(ChargeRow.bill_id == Bill.id, ChargeRow.sub_account_id == account)
    statement = (
        select(Bill.provider)
        .join(BillImport, BillImport.id == Bill.import_id)
        .where(Bill.month == month, Bill.replaced_at.is_(None), BillImport.asked_of.is_(None))
        .where(or_(Bill.billing_account_id == account, theirs.exists()))
    )
    return any(is_aws(provider) for provider in session.scalars(statement))


def is_aws(provider: str) -> bool:
    """Whether a bill's provider is Amazon, by any of its names."""
    return provider.lower().startswith(("aws", "amazon"))


def imports(session: Session, *, size: int = 12) -> Sequence[BillImport]:
    """Files that were brought in, the newest first."""
    return session.scalars(
        select(BillImport)
        .where(BillImport.asked_of.is_(None))
        .order_by(BillImport.imported_at.desc(), BillImport.id.desc())
        .limit(size)
    ).all()


def brought(session: Session, import_id: str) -> BillImport | None:
    """An import by its id."""
    return session.get(BillImport, import_id)


def bills_of(session: Session, import_id: str) -> Sequence[Bill]:
    """The bills that an import told, by month."""
    return session.scalars(
        select(Bill).where(Bill.import_id == import_id).order_by(Bill.month, Bill.id)
    ).all()


def set_aside(session: Session, import_id: str, *, size: int = 200) -> Sequence[LineAside]:
    """The lines that an import kept aside, in the order of the files; at most `size`."""
    return session.scalars(
        select(LineAside).where(LineAside.import_id == import_id).order_by(LineAside.id).limit(size)
    ).all()


def billed_until(session: Session) -> datetime | None:
    """The day of the newest charge that any standing bill tells of."""
    return session.scalar(select(func.max(DailyCharge.day)))
