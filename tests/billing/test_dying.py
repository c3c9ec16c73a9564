"""Dying: a process that ends at any question to Stripe, asked or answered, costs nobody anything."""

from collections import Counter
from itertools import count

import pytest

from portal import billing
from portal.kit.errors import Conflict

BEFORE, AFTER = "before", "after"


class Died(Exception):
    """The process is no more."""


class Dying:
    """A gateway whose process dies at a question: before it was asked, or after it was answered."""

    def __init__(self, stripe, number, when):
        self._stripe, self._left, self._when, self.died = stripe, number, when, False

    def __getattr__(self, name):
        found = getattr(self._stripe, name)
        if name in ("payments", "account", "shelf"):
            return found

        def ask(*arguments, **options):
            if self._left == 0:
                self.died = True
                if self._when == AFTER:
                    found(*arguments, **options)
                raise Died
            self._left -= 1
            return found(*arguments, **options)

        return ask


def deaths(shop, when, prepare, verb):
    """For each question that `verb` asks: a fresh account whose process died at it."""
    real = shop.stripe
    for number in count():
        account = shop.open_account(f"Erin{number}")
        prepare(account)
        shop.stripe = Dying(real, number, when)
        try:
            verb(account)
            survived = True
        except Died:
            survived = False
        finally:
            dying, shop.stripe = shop.stripe, real
        if survived:
            assert not dying.died and number > 0
            return
        yield account


def paid(shop, account):
    """What the account paid and was not given back, and how many of its subscriptions are open."""
    rows = [row for row in shop.rows(billing.models.BillingCustomer) if row.account_id == account]
    charges, standing = [], 0
    for row in rows:
        listed = shop.v1.charges.list({"customer": row.stripe_id}).data
        charges += [one.amount - one.amount_refunded for one in listed if one.status == "succeeded"]
        standing += len(shop.v1.subscriptions.list({"customer": row.stripe_id}).data)
    return sorted(amount for amount in charges if amount), standing


def told_of(shop, account, *kinds):
    return Counter(type(fact) for fact in shop.told(*kinds) if fact.account_id == account)


def nothing(account):
    pass


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_buying(shop, when):
    for account in deaths(shop, when, nothing, lambda one: shop.checkout(account=one)):
        purchase = shop.checkout(account=account)
        assert shop.checkout(account=account).url == purchase.url
        shop.sandbox.pay(purchase.stripe_session_id)
        shop.refresh(account)
        assert paid(shop, account) == ([1900], 1)
        assert shop.held(account=account).plan == "api-pro"


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_coming_back_from_paying(shop, when):
    def pay(account):
        shop.sandbox.pay(shop.checkout(account=account).stripe_session_id)

    for account in deaths(shop, when, pay, shop.refresh):
        shop.refresh(account)
        assert paid(shop, account) == ([1900], 1)
        told = told_of(shop, account, billing.SubscriptionBegan, billing.InvoicePaid)
        assert told == {billing.SubscriptionBegan: 1, billing.InvoicePaid: 1}


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_changing(shop, when):
    def change(account):
        shop.change(interval="year", account=account)

    for account in deaths(shop, when, lambda one: shop.buy(account=one), change):
        try:
            change(account)
        except Conflict:  # it was made
            shop.refresh(account)
        charges, standing = paid(shop, account)
        assert (len(charges), standing) == (2, 1)
        assert shop.bill(account=account).interval == "year"
        assert told_of(shop, account, billing.SubscriptionChanged) == {billing.SubscriptionChanged: 1}


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_putting_a_second_right(shop, when):
    def buy_twice(account):
        shop.buy(account=account)
        [row] = [row for row in shop.rows(billing.models.BillingCustomer) if row.account_id == account]
        [first] = shop.v1.subscriptions.list({"customer": row.stripe_id}).data
        card, items = first.default_payment_method, [{"price": first["items"].data[0].price.id}]
        shop.v1.subscriptions.create(
            {"customer": row.stripe_id, "items": items, "default_payment_method": card}
        )

    for account in deaths(shop, when, buy_twice, shop.refresh):
        shop.refresh(account)
        assert paid(shop, account) == ([1900], 1)
        [told] = [one for one in shop.told(billing.SecondSubscriptionEnded) if one.account_id == account]
        assert told.refunded == 1900
