"""Closing a month: ours, and row by row, on 100,000 accounts with 6 million rows of usage.

Row by row is what is written first: for each account its rows are read and added up, and its final count
is written. It is timed on some accounts and multiplied.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from bench import table
from bench.town import Town
from portal import metering
from portal.kit import clock, db
from portal.kit.period import calendar_month
from portal.metering.models import UsageFinal, UsageHour, Window, WindowClose

ACCOUNTS = int(os.environ.get("ACCOUNTS", "100000"))
HOURS, SOME, ROUNDS = 60, 2_000, 5
BEGIN, END = "<!-- written by bench/month.py: begin -->", "<!-- written by bench/month.py: end -->"
FILL = (
    "INSERT INTO account (id, name, tag, version, created_at) SELECT 'acc_' || lpad(n::text, 26, '0'), "
    "'Account ' || n, 't' || lpad(n::text, 7, '0'), 1, :start FROM generate_series(1, :accounts) AS n",
    "INSERT INTO usage_window (account_id, kind, starts_at, ends_at, opened_at) "
    "SELECT id, 'free', :start, :end, :start FROM account",
    "INSERT INTO usage_hour (window_id, meter, hour, key_id, endpoint, account_id, units, calls) "
    "SELECT w.id, 'calls', :start + h * interval '12 hours', 'key_' || w.account_id, '(other)', "
    "w.account_id, h % 7 + 1, 1 FROM usage_window AS w, generate_series(0, :hours - 1) AS h",
    "INSERT INTO usage_total (window_id, meter, account_id, units, calls) "
    "SELECT window_id, meter, account_id, sum(units), sum(calls) FROM usage_hour "
    "GROUP BY window_id, meter, account_id",
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Town(Path(name) / "town", 1) as town:
        bind = db.engine(town.environ["OWNER_DATABASE_URL"])
        start, end = calendar_month(clock.now())
        told = {"start": start, "end": end, "accounts": ACCOUNTS, "hours": HOURS}
        with bind.begin() as connection:
            for statement in FILL:
                connection.execute(text(statement), told)
        with bind.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        ours, others = [], []
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", flush=True)
            with Session(bind) as session:
                ours.append(timed(lambda: close(session, end), session))
                others.append(timed(lambda: row_by_row(session), session) * ACCOUNTS / SOME)
        bind.dispose()
    write(ours, others)


def close(session, end):
    assert metering.close_windows(session, now=end + metering.rules.LATE) == ACCOUNTS
    session.flush()


def row_by_row(session):
    """Some accounts closed one after the other, in one transaction: waiting for the disk proves nothing."""
    wanted = session.execute(select(Window.id, Window.account_id).order_by(Window.id).limit(SOME)).all()
    for window_id, account_id in wanted:
        rows = session.scalars(select(UsageHour).where(UsageHour.window_id == window_id)).all()
        units, calls = sum(row.units for row in rows), sum(row.calls for row in rows)
        session.execute(insert(WindowClose).values(window_id=window_id, closed_at=clock.now()))
        final = {"window_id": window_id, "meter": "calls", "account_id": account_id}
        session.execute(insert(UsageFinal).values(**final, units=units, calls=calls))
        session.expunge_all()


def timed(act, session):
    """Seconds of one act on a month that is not closed; it is opened again afterwards."""
    begun = time.perf_counter()
    act()
    session.commit()
    taken = time.perf_counter() - begun
    assert session.scalar(select(func.count()).select_from(UsageFinal))
    session.execute(text("TRUNCATE window_close, usage_final"))
    session.commit()
    return taken


def write(ours, others):
    ratios = [other / one for one, other in zip(ours, others, strict=True)]
    lines = [
        *(BEGIN, ""),
        f"Closing a month of {ACCOUNTS:,} accounts with {ACCOUNTS * HOURS:,} rows of usage, {ROUNDS} rounds: "
        f"ours {statistics.median(ours):.2f} s, row by row {statistics.median(others):.0f} s "
        f"(timed on {SOME:,} accounts).",
        *("", "| goal | must | stretch | measured (rounds) | |", "|---|---:|---:|---|---|"),
        table.row("closing a month over row by row (times)", 50, 110, ratios),
        *("", END),
    ]
    table.replace(BEGIN, END, lines)


if __name__ == "__main__":
    main()
