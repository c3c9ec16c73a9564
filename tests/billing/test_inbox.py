"""The inbox: what is believed, stored once, ignored with a reason, and tried again."""

import json
import time

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal import billing
from portal.billing.gateway import read_webhook
from portal.billing.models import WebhookEvent
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.outbox import ToldFact
from portal.kit.settings import Payments

PAYMENTS = Payments("sk_test_1", ("whsec_new", "whsec_old"), "https://api.stripe.com", "test")
ABOUT = {"object": "invoice", "id": "in_1", "customer": "cus_1"}
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.paid",
    "livemode": False,
    "created": 1_700_000_000,
    "data": {"object": ABOUT},
}
THIN = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.customer.subscription.updated",
    "livemode": False,
    "created": "2026-11-22T12:00:00.000Z",
    "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
}


def sign(raw, secret="whsec_new", at=None):
    text = raw.decode() if isinstance(raw, bytes) else raw
    return stripe.WebhookSignature.generate_signature_header(text, secret, at or int(time.time()))


def store(database, event, *, secret="whsec_new", payments=PAYMENTS, raw=None):
    raw = raw if raw is not None else json.dumps(event).encode()
    with database() as session, unit(session):
        return billing.store_event(session, payments, raw, sign(raw, secret), now=clock.now())


def stored(database):
    with database() as session:
        return session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)).all()


def told(database):
    with database() as session:
        facts = session.scalars(select(ToldFact)).all()
        return [fact.data["event_id"] for fact in facts if fact.name == "billing.StripeEventStored"]


def test_an_event_is_stored_as_it_came_and_told_once(database):
    raw = json.dumps(EVENT, indent=3).encode()
    assert store(database, None, raw=raw) is True
    assert store(database, None, raw=raw) is False
    [row] = stored(database)
    assert (row.id, row.raw, row.customer, row.mode) == ("evt_1", raw, "cus_1", "test")
    assert row.processed_at is None and row.ignored is None
    assert told(database) == ["evt_1"]


def test_each_of_our_secrets_holds(database):
    assert store(database, EVENT, secret="whsec_old")


def test_a_thin_event_is_taken_too(database):
    assert store(database, THIN)
    [row] = stored(database)
    assert (row.customer, row.type) == (None, "v1.customer.subscription.updated")
    assert told(database) == ["evt_2"]


@pytest.mark.parametrize("header", [None, "", "nonsense", "t=1,v1=abc", "t=x", "v1=", "t=,v1=", "é"])
def test_without_its_signature_nothing_is_believed(header):
    with pytest.raises(billing.BadWebhook):
        read_webhook(PAYMENTS, json.dumps(EVENT).encode(), header, now=clock.now())


@pytest.mark.parametrize("secret", ["whsec_of_somebody_else", "whsec_newer"])
def test_another_secret_does_not_hold(database, secret):
    with pytest.raises(billing.BadWebhook, match="does not hold"):
        store(database, EVENT, secret=secret)
    assert stored(database) == []


def test_one_changed_byte_does_not_hold():
    raw = json.dumps(EVENT).encode()
    with pytest.raises(billing.BadWebhook, match="does not hold"):
        read_webhook(PAYMENTS, raw.replace(b"evt_1", b"evt_9"), sign(raw), now=clock.now())


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
def test_a_signature_of_another_time_is_refused_past_or_future(seconds):
    raw = json.dumps(EVENT).encode()
    with pytest.raises(billing.BadWebhook, match="not of now"):
        read_webhook(PAYMENTS, raw, sign(raw, at=int(time.time()) + seconds), now=clock.now())


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"{}",
        b"null",
        b"1",
        b'"evt_1"',
        b"{",
        b"",
        b'{"object": "event"}',
        b'{"object": "event", "id": "evt_1"}',
        b'{"object": "event", "id": 1, "type": "x"}',
        b'{"object": "event", "id": "", "type": "x"}',
        b'{"object": "event", "id": "evt\\u0000", "type": "x"}',
        b'{"object": "charge", "id": "ch_1", "type": "x"}',
        b'{"detail": {"object": "event", "id": "evt_1", "type": "x"}}',
    ],
)
def test_signed_nonsense_is_refused(raw):
    with pytest.raises(billing.BadWebhook):
        read_webhook(PAYMENTS, raw, sign(raw), now=clock.now())


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(billing.BadWebhook):
        read_webhook(PAYMENTS, b"\xff\xfe{}", "t=1,v1=2", now=clock.now())


@given(st.binary(max_size=60), st.text(max_size=60))
def test_nothing_that_anybody_sends_is_more_than_refused(raw, header):
    with pytest.raises(billing.BadWebhook):
        read_webhook(PAYMENTS, raw, header, now=clock.now())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"livemode": True}, "the other mode"),
        ({"account": "acct_of_another"}, "another Stripe account"),
        ({"data": {"object": {"object": "product", "id": "prod_1"}}}, "no customer"),
    ],
)
def test_what_is_not_ours_is_kept_and_ignored_with_its_reason(database, change, why):
    assert store(database, {**EVENT, **change})
    [row] = stored(database)
    assert why in row.ignored and row.processed_at is not None
    assert told(database) == []


def test_a_live_installation_ignores_tests(database):
    live = Payments("sk_live_1", ("whsec_new",), "https://api.stripe.com", "live")
    store(database, EVENT, payments=live)
    assert "other mode" in stored(database)[0].ignored


class Away:
    """A gateway whose Stripe does not answer for so many questions."""

    def __init__(self, stripe, times):
        self._stripe, self.times = stripe, times

    def __getattr__(self, name):
        if name == "payments":
            return self._stripe.payments
        if self.times:
            self.times -= 1
            raise billing.StripeAway("The line is dead.")
        return getattr(self._stripe, name)


def pay_unseen(shop):
    """Alice pays, and a webhook of it is in the inbox; nobody has thought about it."""
    purchase = shop.checkout()
    raws = []
    shop.sandbox.deliver_to(lambda body, headers: raws.append((body, headers)) or 200)
    shop.sandbox.pay(purchase.stripe_session_id)
    shop.sandbox.deliver_now()
    with shop.database() as session, unit(session):
        for body, headers in raws:
            billing.store_event(session, shop.payments, body, headers["Stripe-Signature"], now=shop.now)
    return [row.id for row in stored(shop.database) if row.processed_at is None]


def test_one_thought_covers_all_that_was_stored_before_it(shop):
    waiting = pay_unseen(shop)
    assert len(waiting) > 3
    assert billing.think(shop.database, shop.stripe, waiting[-1], now=shop.now) == shop.alice
    assert shop.held().plan == "api-pro"
    left = [row for row in stored(shop.database) if row.processed_at is None]
    assert all(row.customer is None for row in left), [row.type for row in left]
    covered = set(waiting[:-1]) - {row.id for row in left}
    assert covered and {
        billing.think(shop.database, shop.stripe, event_id, now=shop.now) for event_id in covered
    } == {None}


def test_what_fails_is_noted_and_tried_again_until_it_is_done(shop):
    event, *_ = pay_unseen(shop)
    away = Away(shop.stripe, 2)
    assert billing.think(shop.database, away, event, now=shop.now) is None
    [row] = [row for row in stored(shop.database) if row.id == event]
    assert (row.attempts, row.failure, row.processed_at) == (1, "The line is dead.", None)
    with shop.database() as session:
        assert billing.events_failing(session) == 1
        assert [one.id for one in billing.events(session, state="failing").rows] == [event]
    assert billing.retry_events(shop.database, away, now=shop.now) == []
    shop.sandbox.advance("10m")
    away.times = 0
    assert billing.retry_events(shop.database, away, now=shop.now) == [shop.alice]
    assert shop.held().plan == "api-pro"
    assert all(row.failure is None and row.processed_at for row in stored(shop.database))


def test_while_stripe_is_away_it_is_asked_once_a_run(shop):
    """Each question may wait for half a minute, and the worker has other things to do."""
    waiting = pay_unseen(shop)
    shop.sandbox.advance("3m")
    away = Away(shop.stripe, 99)
    for asked in range(1, 4):
        assert billing.retry_events(shop.database, away, now=shop.now) == []
        failed = [row.id for row in stored(shop.database) if row.failure]
        assert (99 - away.times, len(failed)) == (asked, asked)  # another one each time
    assert len(waiting) > 3
    shop.sandbox.advance("10m")
    assert billing.retry_events(shop.database, shop.stripe, now=shop.now) == [shop.alice]
    assert all(row.processed_at for row in stored(shop.database))


def test_an_event_that_was_lost_on_the_way_to_the_worker_is_found(shop):
    pay_unseen(shop)
    assert billing.retry_events(shop.database, shop.stripe, now=shop.now) == []
    shop.sandbox.advance("3m")
    assert billing.retry_events(shop.database, shop.stripe, now=shop.now) == [shop.alice]


def test_a_customer_of_somebody_else_is_let_go_after_some_tries(shop):
    stranger = shop.v1.customers.create({"email": "mallory@example.com"})
    about = {"object": "invoice", "id": "in_1", "customer": stranger.id}
    store(
        shop.database,
        {**EVENT, "data": {"object": about}},
        secret=shop.sandbox.secret,
        payments=shop.payments,
    )
    for attempts in range(1, 7):
        billing.think(shop.database, shop.stripe, "evt_1", now=shop.now)
        [row] = stored(shop.database)
        assert (row.processed_at is not None) == (attempts == 6)
    assert "somebody else" in row.ignored


def test_a_thin_event_leads_to_its_customer(shop):
    purchase = shop.checkout()
    shop.sandbox.pay(purchase.stripe_session_id)
    [subscription] = shop.subscriptions()
    about = {"id": subscription.id, "type": "subscription", "url": "/v1/x"}
    thin = {**THIN, "related_object": about}
    store(shop.database, thin, secret=shop.sandbox.secret, payments=shop.payments)
    assert billing.think(shop.database, shop.stripe, "evt_2", now=shop.now) == shop.alice
    assert shop.held().plan == "api-pro"


def test_the_payload_gives_nothing(shop):
    """An event that says `active`, signed and all, of a subscription that is none."""
    shop.checkout()
    about = {"object": "subscription", "id": "sub_1", "customer": shop.customer.id, "status": "active"}
    store(
        shop.database,
        {**EVENT, "data": {"object": about}},
        secret=shop.sandbox.secret,
        payments=shop.payments,
    )
    assert billing.think(shop.database, shop.stripe, "evt_1", now=shop.now) == shop.alice
    assert shop.held().plan == "api-free"


def test_the_sweep_finds_what_was_never_delivered_and_says_so(shop):
    shop.sandbox.deliver_to(lambda body, headers: 200)
    shop.sandbox.faults(drop=None)
    purchase = shop.checkout()
    shop.sandbox.pay(purchase.stripe_session_id)
    shop.sandbox.deliver_now()
    assert shop.held().plan == "api-free"
    assert billing.sweep_events(shop.database, shop.stripe, now=shop.now) == [shop.alice]
    assert shop.held().plan == "api-pro"
    with shop.database() as session:
        found = billing.drifts(session).rows
        assert found and all("was never delivered" in one.what and one.healed_at for one in found)
        assert billing.events(session, state="swept").total == len(found)
    assert billing.sweep_events(shop.database, shop.stripe, now=shop.now) == []


def test_a_sweep_without_an_answer_does_no_harm(shop):
    assert billing.sweep_events(shop.database, Away(shop.stripe, 99), now=shop.now) == []
    assert billing.sweep_all(shop.database, Away(shop.stripe, 99), now=shop.now) == []
