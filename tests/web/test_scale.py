"""Scale, as a page: typed, seen, and followed by suggestions."""

from datetime import timedelta

from sqlalchemy import insert

from portal import accounts, metering, plans, scaling
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.period import calendar_month
from portal.metering import UsageHour
from tests.plans.people import someone
from tests.scaling.running import resource
from tests.web.test_costs import OSCAR, add, oscar, session, words

__all__ = ["oscar", "session"]
PAGE = "/operator/scale"
CAPACITY = {"tasks": "2", "calls_an_hour": "1000", "hourly": "0.04937", "balancer_monthly": "22.50"}
HOUR = timedelta(hours=1)


def customers(session, now, count=2):
    """Customers with an instance of their own, who called 600 times in each hour of five weeks."""
    for name in ("Acme", "Bolt", "Cask")[:count]:
        owner = someone(session, f"{name} Owner", now)
        account = accounts.open_account(session, name, owner, now=now - timedelta(days=70))
        plans.grant(session, account.id, "hosting-pro", OSCAR, now=now - timedelta(days=60))
        since = calendar_month(calendar_month(now)[0] - HOUR)[0]
        for at in (since, now):
            held = plans.current(session, account.id, now=at)
            window = metering.open_windows(session, held, now=at).live
            where = {"window_id": window.id, "account_id": account.id, "key_id": "k", "endpoint": ""}
            first, last = max(window.starts_at, since), min(window.ends_at, now)
            hours = (first + number * HOUR for number in range(-(-(last - first) // HOUR)))
            rows = [{"meter": "calls", "hour": hour, "units": 600, "calls": 600, **where} for hour in hours]
            session.execute(insert(UsageHour), rows)


def test_capacity_is_typed_and_the_page_shows_load_and_other_ways(oscar, session):
    now = clock.now()
    with unit(session):
        customers(session, now)
    assert "Not known" in words(oscar, PAGE)
    assert oscar.send(f"{PAGE}/capacity", on=PAGE, **CAPACITY).status_code == 303
    page = words(oscar, PAGE)
    assert "2,000 calls an hour 2 tasks, each carrying 1,000 calls an hour." in page
    assert "Load now 1,200 calls 60 % of capacity" in page
    assert "As it is now 2.0 2 0 $" in page and "By the load" in page
    assert 'value="0.04937"' in oscar.get(PAGE).text


def test_what_was_seen_to_run_is_shown_with_its_price(oscar, session):
    with unit(session):
        session.add(resource("ecs", "web", running=3))
    page = words(oscar, PAGE)
    assert "web 3 $0.0583" in page and "as AWS told of them last" in page


def test_what_cannot_be_is_refused_with_its_field_and_kept(oscar):
    refused = oscar.send(f"{PAGE}/capacity", on=PAGE, **CAPACITY | {"tasks": "0"})
    assert refused.status_code == 422 and "Give a number from 1 to 10,000." in refused.text
    for place, fields in (
        ("capacity", CAPACITY | {"hourly": "much"}),
        ("calls", {"milliseconds": "0", "memory_mb": "512"}),
        ("credits", {"balance": "10", "ends_on": "soon"}),
    ):
        assert oscar.send(f"{PAGE}/{place}", on=PAGE, **fields).status_code == 422


def test_calls_machines_and_credits_are_suggested_from_what_was_typed(oscar, session):
    now = clock.now()
    with unit(session):
        customers(session, now, count=3)
        add(session, 45_00)
    for place, fields in (
        ("capacity", CAPACITY | {"calls_an_hour": "10000"}),
        ("calls", {"milliseconds": "80", "memory_mb": "256"}),
        ("credits", {"balance": "30", "ends_on": f"{now + timedelta(days=40):%Y-%m-%d}"}),
    ):
        assert oscar.send(f"{PAGE}/{place}", on=PAGE, **fields).status_code == 303
    session.expire_all()
    with unit(session):
        scaling.suggest(session, "usd", (1.0,) * 12, now=now)
    found = {one.kind.slug: one for one in scaling.suggestions(session, "usd", now=now)}
    assert set(found) == {"serverless", "consolidation", "credits"}
    assert found["credits"].case.title.startswith("Credits until")
    assert found["consolidation"].saving.likely.amount == 36_04
    assert found["consolidation"].worst.amount == 3 * 29_00
    for one in found.values():
        assert one.case.title in words(oscar, f"/operator/suggestions/{one.row.id}")
