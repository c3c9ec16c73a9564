"""Money at once: double clicks in two processes, and two who sync while Stripe moves on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.process import wait_until
from portal import billing
from portal.kit.db import unit
from portal.kit.errors import Conflict, Refusal
from tests.waiting import somebody_waits


@pytest.fixture
def together():
    """Run some verbs at the same moment: what each returned, or the refusal that it met."""

    def run(*verbs):
        start = threading.Barrier(len(verbs))

        def one(verb):
            start.wait(10)
            try:
                return verb()
            except Refusal as refusal:
                return refusal

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))

    return run


def test_two_clicks_at_once_get_one_page(shop, together):
    found = together(*[shop.checkout] * 4)
    assert len({one.url for one in found}) == 1, found
    assert len(shop.v1.checkout.sessions.list().data) == 1
    assert len(shop.v1.customers.list().data) == 1


def test_two_choices_at_once_leave_one_page_open(shop, together):
    for _ in range(3):
        together(lambda: shop.checkout(interval="month"), lambda: shop.checkout(interval="year"))
    states = [one.status for one in shop.v1.checkout.sessions.list({"limit": 100}).data]
    assert states.count("open") <= 1


class Meanwhile:
    """A gateway at which something else is done right after a page was closed for the first time."""

    def __init__(self, stripe, other):
        self._stripe, self._other = stripe, other

    def __getattr__(self, name):
        return getattr(self._stripe, name)

    def close_checkout(self, session_id):
        self._stripe.close_checkout(session_id)
        other, self._other = self._other, lambda: None
        other()


def test_a_page_that_was_opened_meanwhile_is_closed_too(shop):
    shop.checkout(interval="year")
    shop.stripe = Meanwhile(shop.stripe, lambda: shop.checkout(interval="year"))
    chosen = shop.checkout(interval="month").stripe_session_id
    pages = shop.v1.checkout.sessions.list({"limit": 100}).data
    assert [one.id for one in pages if one.status == "open"] == [chosen] and len(pages) == 3


def test_a_change_that_is_asked_for_twice_at_once_is_charged_once(paying, together):
    shown = paying.preview(interval="year")
    asked = {"at": shown.at, "due_now": shown.due_now, "actor": paying.actor}

    def change():
        return paying.do(billing.change, None, "api-pro", "year", **asked)

    together(change, change, change)
    assert len(paying.invoices()) == 2
    assert [one.amount_paid for one in paying.invoices()] == [1900, shown.due_now.amount]
    assert paying.bill().interval == "year"


class Slow:
    """A gateway whose picture is looked at long before it is handed over."""

    def __init__(self, stripe):
        self._stripe = stripe
        self.looked, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._stripe, name)

    def picture(self, customer_id):
        found = self._stripe.picture(customer_id)
        if not self.looked.is_set():
            self.looked.set()
            assert self.go_on.wait(30)
        return found


def test_an_older_look_never_overwrites_a_newer_one(paying):
    """Who looks first holds the customer's lock: the second looks only when the first has written."""
    slow, customer = Slow(paying.stripe), paying.customer.id

    def sync(stripe):
        with paying.database() as session:
            billing.sync(session, stripe, customer, now=paying.now)

    with ThreadPoolExecutor(2) as pool:
        older = pool.submit(sync, slow)
        assert slow.looked.wait(30)
        paying.v1.subscriptions.cancel(paying.subscriptions()[0].id)
        newer = pool.submit(sync, paying.stripe)
        assert wait_until(lambda: newer.done() or somebody_waits(paying.database), 30) and not newer.done()
        slow.go_on.set()
        older.result(30)
        newer.result(30)
    assert paying.bill() is None and paying.held().plan == "api-free"


def test_one_webhook_that_comes_twice_at_once_is_stored_once(paying, together):
    received = []
    paying.sandbox.deliver_to(lambda body, headers: received.append((body, headers)) or 200)
    paying.v1.customers.update(paying.customer.id, {"name": "Alice & Co"})
    paying.sandbox.deliver_now()
    body, headers = received[-1]

    def store():
        with paying.database() as session, unit(session):
            return billing.store_event(
                session, paying.payments, body, headers["Stripe-Signature"], now=paying.now
            )

    assert sorted(together(store, store, store)) == [False, False, True]


class Held:
    """A gateway that waits before it does something, until it is told to go on."""

    def __init__(self, stripe, verb):
        self._stripe, self._verb = stripe, verb
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        found = getattr(self._stripe, name)
        if name != self._verb:
            return found

        def ask(*arguments, **options):
            self.reached.set()
            assert self.go_on.wait(30)
            return found(*arguments, **options)

        return ask


def test_of_two_different_changes_at_once_one_is_made_and_charged_as_shown(wider):
    """Both were looked at and shown before either was made."""
    slow = Held(wider.stripe, "change_now")
    shown = {plan: wider.preview(*plan) for plan in (("api-pro", "year"), ("api-team", "month"))}

    def change(stripe, plan):
        asked = {"at": shown[plan].at, "due_now": shown[plan].due_now}
        with wider.database() as session:
            return billing.change(
                session, stripe, wider.alice, *plan, actor=wider.actor, now=wider.now, **asked
            )

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(change, slow, ("api-pro", "year"))
        assert slow.reached.wait(30)
        with pytest.raises(Conflict, match="another window"):
            change(wider.stripe, ("api-team", "month"))
        slow.go_on.set()
        first.result(30)
    due = shown["api-pro", "year"].due_now.amount
    assert [one.amount_paid for one in wider.invoices()] == [1900, due]
    assert (wider.bill().plan, wider.bill().interval) == ("api-pro", "year")


def test_a_change_that_was_looked_at_before_another_was_made_is_shown_again(wider):
    slow = Held(wider.stripe, "quote")
    shown = wider.preview("api-team", "month")

    def change():
        asked = {"at": shown.at, "due_now": shown.due_now}
        with wider.database() as session:
            return billing.change(
                session, slow, wider.alice, "api-team", "month", actor=wider.actor, now=wider.now, **asked
            )

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(change)
        assert slow.reached.wait(30)
        wider.change("api-pro", "year")
        slow.go_on.set()
        with pytest.raises(Conflict):
            late.result(30)
    assert len(wider.invoices()) == 2


def test_cancelling_and_resuming_at_once_ends_as_one_of_them_said(paying, together):
    for _ in range(3):
        together(paying.cancel, paying.resume, paying.cancel, paying.resume)
        [found] = paying.subscriptions()
        assert (paying.bill().ends_at is None) == (found.cancel_at is None)
    assert len(paying.invoices()) == 1


def test_two_workers_ask_a_new_card_for_what_is_open_once(paying, together):
    paying.new_card("pm_card_chargeCustomerFail")
    paying.sandbox.advance("1 month")
    paying.sandbox.advance("2h")
    paying.refresh()
    paying.new_card("pm_card_visa")
    together(*[paying.refresh] * 4)
    assert [one.status for one in paying.invoices()] == ["paid", "paid"]
    paid = [one for one in paying.v1.charges.list().data if one.status == "succeeded"]
    assert len(paid) == 2 and paying.bill().status == "active"
    assert len(paying.told(billing.InvoicePaid)) == 2


def test_two_workers_put_a_second_right_once(paying, together):
    paying.sandbox.advance("1m")
    [first] = paying.subscriptions()
    paying.v1.subscriptions.create(
        {
            "customer": paying.customer.id,
            "items": [{"price": first["items"].data[0].price.id}],
            "default_payment_method": first.default_payment_method,
        }
    )
    together(paying.sweep, paying.sweep, paying.refresh, paying.refresh)
    assert [one.amount for one in paying.v1.refunds.list().data] == [1900]
    [fact] = paying.told(billing.SecondSubscriptionEnded)
    assert fact.refunded == 1900
