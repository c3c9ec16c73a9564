"""A platform in use, for whoever looks at all pages: people, keys, usage and letters."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from portal import accounts, costs, keys, metering, plans, scaling, sustainability
from portal.costs.models import FreeTier
from portal.kit import clock, ids, mail
from portal.kit.db import unit
from portal.kit.letterhead import Letterhead
from portal.kit.money import Money
from portal.kit.period import add_months, calendar_month
from portal.metering import UsageDay, UsageHour, UsageTotal
from tests.web import charges, money, quoting, talk

GERMAN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
BROWSER = accounts.Browser("192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0")
FREE = {
    "plan": {"kind": "PAID", "status": "ACTIVE", "credits": 87.25, "currency": "usd", "ends_at": None},
    "allowances": [
        {
            "service": service,
            "usage": usage,
            "region": "global",
            "kind": "Always Free",
            "unit": unit,
            "actual": actual,
            "forecast": forecast,
            "limit": limit,
        }
        for service, usage, unit, actual, forecast, limit in (
            ("AWS Lambda", "Global-Request", "Requests", 412_000, 512_000, 1_000_000),
            ("AmazonCloudWatch", "Global-CW:MetricMonitorUsage", "Metrics", 8.1, 9.4, 10),
        )
    ],
}
ENDPOINTS = ("GET /memories", "POST /memories", "GET /memories/{id}", "POST /search")


@dataclass
class Sample:
    """Who is there: cookies by first name, and the ids that addresses need."""

    cookies: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)


def fill(sessions, settings):
    """Alice is an old customer, Charlie a new one, Dora and Emil pay, Oscar runs the platform."""
    now, sample = clock.now(), Sample()
    with sessions() as session, unit(session):
        plans.sync(session, plans.read(plans.SHIPPED.read_text()), now)
        alice, bob, charlie, oscar, dora, emil = (
            _person(session, name, now)
            for name in ("Alice Archer", "Bob Baker", "Charlie Cook", "Oscar Otto", "Dora Dorn", "Emil Ernst")
        )
        sue = _person(session, "Sue Sanders", now)
        charlie.verified_at, oscar.staff_role, sue.staff_role = None, "operator", "support"
        acme = accounts.open_account(session, "Acme Research", alice, now=now - timedelta(days=40))
        accounts.open_account(session, GERMAN, alice, now=now)
        fresh = accounts.open_account(session, "Charlie Cook", charlie, now=now)
        paying = accounts.open_account(session, "Dorn & Töchter", dora, now=now - timedelta(days=200))
        actor = accounts.Actor(alice.id, alice.email, "192.0.2.7")
        _join(session, acme, bob, "developer", actor, now)
        invited = accounts.invite(session, acme.id, "dora@example.com", "viewer", actor=actor, now=now)
        minted = _mint_keys(session, acme, settings, actor, now)
        _use(session, acme, minted, now)
        _observe(session, fresh, minted[0], actor, now)
        sample.ids = {"account": acme.id, "key": minted[0], "person": bob.id, "invitation": invited.id}
        sample.ids |= {"fresh": fresh.id, "letter": _letters(session, settings, now)}
        calm = accounts.open_account(session, "Emil Ernst", emil, now=now - timedelta(days=90))
        money.calm(session, calm.id, now)
        money_matters = money.busy(session, paying.id, now)
        sample.ids |= {"event": money_matters.event, "purchase": money_matters.purchase}
        sample.ids["cost"] = _costs(session, accounts.actor(oscar), now)
        sample.ids |= charges.fill(session, accounts.actor(oscar), now)
        sample.ids["by_call"] = _scale(session, accounts.actor(oscar), now)
        people = {"alice": alice, "bob": bob, "oscar": oscar, "sue": sue}
        sample.ids |= talk.fill(session, acme, people, now)
        asked = talk.ask(session, calm, emil, GERMAN[:60], now - timedelta(days=1))
        sample.ids["unclocked"] = str(asked.number)
        sample.ids |= quoting.fill(session, calm, emil, sue, now)
        signed_in = {
            "sue": sue,
            "alice": alice,
            "charlie": charlie,
            "oscar": oscar,
            "dora": dora,
            "emil": emil,
        }
        for name, person in signed_in.items():
            sample.cookies[name] = accounts.begin(session, person, BROWSER, now=now)
            _choose(session, sample.cookies[name], acme if name == "alice" else None, now)
    return sample


def _scale(session, actor, now):
    """What is typed of how the platform runs; the id of what follows for its calls."""
    for typed in (
        scaling.Capacity(2, 400, 0.0247, 22.5),
        scaling.Calls(120, 512),
        scaling.Credits(140.0, f"{now + timedelta(days=80):%Y-%m-%d}"),
    ):
        scaling.type_figures(session, typed, actor=actor, now=now)
    session.add(FreeTier(account="123456789012", told_at=now - timedelta(hours=3), said=FREE))
    scaling.suggest(session, "usd", (1.0,) * 12, now=now)
    found = scaling.suggestions(session, "usd", now=now)
    return next(one.row.id for one in found if one.kind.slug == "serverless")


def _person(session, name, now):
    email = f"{name.split()[0].lower()}@example.com"
    person = accounts.Person(
        id=ids.new("per"), email=email, name=name, created_at=now, verified_at=now, letters_off=[]
    )
    session.add(person)
    session.flush()
    return person


def _join(session, account, person, role, actor, now):
    session.add(accounts.Member(account_id=account.id, person_id=person.id, role=role, joined_at=now))
    accounts.record(session, actor, "member.joined", account_id=account.id, subject=person.id, now=now)


def _mint_keys(session, account, settings, actor, now):
    stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    plans.grant(session, account.id, "api-pro", actor, now=now - timedelta(days=20))
    then = now - timedelta(days=19)
    production = keys.mint(session, account.id, "Production", stamp=stamp, actor=actor, now=then).key_id
    trial = keys.mint(
        session, account.id, f"Trial of {GERMAN}"[:80], environment="test", stamp=stamp, actor=actor, now=then
    ).key_id
    worker = keys.mint(
        session,
        account.id,
        "Nightly import",
        scopes=["memories:read", "memories:write"],
        allowed_cidrs=["192.0.2.0/24"],
        expires_at=now + timedelta(days=9),
        stamp=stamp,
        actor=actor,
        now=then,
    ).key_id
    old = keys.mint(session, account.id, "Laptop", stamp=stamp, actor=actor, now=then).key_id
    keys.revoke(session, account.id, old, actor=actor, now=now)
    for key_id in (production, worker):
        keys.touch_used(session, {key_id: now - timedelta(minutes=3)})
    return [production, worker, trial]


def _use(session, account, key_ids, now):
    held = plans.current(session, account.id, now=now)
    month = metering.open_windows(session, held, now=now).live
    total, calls = 0, 0
    for n in range((now.date() - month.starts_at.date()).days + 1):
        day = month.starts_at.date() + timedelta(days=n)
        busy = 180 if day.weekday() < 5 else 60
        for at, endpoint in enumerate(ENDPOINTS):
            units = busy * (at + 2) + (n * 197) % 241
            session.add(
                UsageDay(
                    window_id=month.id,
                    meter="calls",
                    day=day,
                    key_id=key_ids[at % 2],
                    endpoint=endpoint,
                    account_id=account.id,
                    units=units,
                    calls=units,
                )
            )
            hour = datetime.combine(day, time(9 + at), UTC)
            session.add(
                UsageHour(
                    window_id=month.id,
                    meter="calls",
                    hour=hour,
                    key_id=key_ids[at % 2],
                    endpoint=endpoint,
                    account_id=account.id,
                    units=units,
                    calls=units,
                )
            )
            total, calls = total + units, calls + units
    session.add(
        UsageTotal(window_id=month.id, meter="calls", account_id=account.id, units=total, calls=calls)
    )


def _observe(session, account, key_id, actor, now):
    """An account that merely is observed, and would have been refused."""
    accounts.observe(session, account.id, True, actor=actor, now=now - timedelta(days=5))
    month = metering.open_windows(session, plans.current(session, account.id, now=now), now=now).live
    where = {"window_id": month.id, "account_id": account.id}
    for code, calls in (("QUOTA_EXCEEDED", 2_345), ("RATE_LIMITED", 61), ("INSUFFICIENT_SCOPE", 4)):
        for hours in (1, 50):
            hour = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
            meter = f"observed:{code}"
            row = UsageHour(meter=meter, hour=hour, key_id=key_id, endpoint="", **where)
            row.units = row.calls = calls
            session.add(row)
    session.add(UsageTotal(meter="calls", units=5_690, calls=5_690, **where))


def _costs(session, actor, now):
    """What the platform costs since nine months ago, one of it dearer for three, and cash counted twice."""
    month = calendar_month(now)[0]
    for name, service, cents in (
        ("Four tasks, one core each", "Servers", 15000),
        ("db.t3.small, 20 GB", "Database", 2650),
        ("Load balancer", "Servers", 1620),
        (GERMAN, "E-Mail-Zustellungsdienstleistungen", 1500),
    ):
        began = add_months(month, -9)
        row = costs.add(
            session, name, service, Money(cents), begins_at=began, actor=actor, now=now - timedelta(days=270)
        )
    dearer = costs.change(
        session,
        row.id,
        Money(2400),
        begins_at=add_months(month, -2),
        actor=actor,
        now=now - timedelta(days=60),
    )
    for days, cents in ((90, 262_000), (3, 191_250)):
        sustainability.count_cash(session, Money(cents), actor=actor, now=now - timedelta(days=days))
    return dearer.id


def _letters(session, settings, now):
    head = Letterhead(settings.brand, settings.public_url, settings.secret_key)
    said = {"sender": "Charlie", "email": "charlie@example.com", "about": "API Enterprise", "account": None}
    words = head.render("home/message", {**said, "message": "We need two million calls a month."})
    first = mail.write(session, "message/1", words, to="oscar@example.com", now=now)
    mail.write(session, "message/2", words, to="oscar@example.com", now=now)
    letter = mail.get(session, first)
    letter.claimed_at = letter.doubted_at = now
    letter.failure = "The mail server hung up after the text."
    return first


def _choose(session, token, account, now):
    person, sign_in = accounts.signed_in_with(session, token, now=now)
    if account is not None:
        accounts.switch(session, sign_in.id, person.id, account.id)
