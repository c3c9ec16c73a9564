"""Bills of four months for the town, with a row that cannot be counted, and what follows from them."""

from datetime import timedelta

from portal import costs, scaling
from portal.kit.period import add_months, calendar_month
from tests.costs.bills import bill, line

SERVICES = (
    ("Amazon Elastic Container Service", "2.31"),
    ("Amazon Relational Database Service", "0.61"),
    ("Amazon ElastiCache", "0.42"),
    ("Elektronische Nachrichtenzustellungsdienstleistungen", "0.0137"),
)
CACHE_DAYS = 50
"""For so long the cache is in use, but for one day long before: too short a time to promise a year."""


def fill(session, actor, now):
    """Three months whole and the running one until yesterday; the ids of an import and of suggestions."""
    month = calendar_month(now)[0]
    until, first = month + timedelta(days=now.day - 1), add_months(month, -3)
    day, lines = first, []
    while day < until:
        for number, (service, cost) in enumerate(SERVICES):
            if number == 2 and first < day < until - timedelta(days=CACHE_DAYS):
                continue
            weekend = 0.7 if day.weekday() > 4 else 1
            spike = 3 if number == 0 and day == until - timedelta(days=3) else 1
            more = {"ChargePeriodEnd": f"{day + timedelta(days=1):%Y-%m-%d}T00:00:00Z"}
            more["Tags"] = '{"team": "memory", "environment": "production"}' if number < 2 else ""
            lines.append(line(f"{float(cost) * weekend * spike:.6f}", service, f"{day:%Y-%m-%d}", **more))
        day += timedelta(days=1)
    lines.append(line("a lot", "Support", f"{now:%Y-%m-%d}"))
    done = costs.take_bills(
        session, [bill(*lines, name="focus-export-00001.csv")], currency="usd", actor=actor, now=now
    )
    scaling.suggest(session, "usd", (1.0,) * 12, now=now)
    found = {one.row.subject: one for one in scaling.suggestions(session, "usd", now=now)}
    scaling.apply(session, found["database"].row.id, actor=actor, now=now)
    return {
        "bill_import": done.id,
        "suggestion": found["compute"].row.id,
        "against": found["cache"].row.id,
        "applied": found["database"].row.id,
    }
