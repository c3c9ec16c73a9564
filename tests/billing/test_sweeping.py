"""Sweeping: nobody is overlooked because of somebody else."""

from datetime import timedelta

import pytest
from sqlalchemy import event, insert, select, text

from portal import billing, plans
from portal.billing.models import BillingCustomer, Drift, WebhookEvent
from portal.kit.db import unit


class Odd:
    """A gateway that makes no sense of one customer, or does not answer at all."""

    def __init__(self, stripe, customer, problem):
        self._stripe, self._customer, self._problem = stripe, customer, problem

    def __getattr__(self, name):
        return getattr(self._stripe, name)

    def picture(self, customer):
        if self._customer in (None, customer):
            raise self._problem
        return self._stripe.picture(customer)


@pytest.fixture
def two(paying):
    """Alice and Bob pay; then both are cancelled, and no webhook tells of it."""
    bob = paying.open_account("Bob")
    paying.buy(account=bob)
    for one in paying.v1.subscriptions.list().data:
        paying.v1.subscriptions.cancel(one.id)
    return paying, bob


def test_one_of_whom_no_sense_can_be_made_does_not_stand_in_the_way(two):
    shop, bob = two
    shop.stripe = Odd(shop.stripe, shop.customer.id, KeyError("items"))
    found = billing.sweep_all(
        shop.database, shop.stripe, now=shop.now, before=shop.now + timedelta(days=1), limit=1
    )
    assert found == [bob] and shop.held(account=bob).plan == "api-free"
    assert shop.held().plan == "api-pro"


def test_a_stripe_that_is_away_is_left_alone_until_the_next_time(two):
    shop, bob = two
    real, shop.stripe = shop.stripe, Odd(shop.stripe, None, billing.StripeAway("The line is dead."))
    assert shop.sweep() == []
    shop.stripe = real
    assert shop.sweep() == sorted([shop.alice, bob])


def test_what_is_held_by_payment_is_compared_in_one_question(paying, _bind):
    """Whoever is swept, all who hold a plan are compared: with ten thousand of them, too."""
    with paying.database() as session, unit(session):
        plan = plans.catalogue(session).plan("api-pro")
        [mirrored] = paying.rows()
        for number in range(20):
            account = paying.open_account(f"Erin{number}")
            plans.hold(session, account, plan, paying.now, anchor_at=paying.now)
            session.execute(
                text(
                    "INSERT INTO billing_customer (id, account_id, mode, stripe_account, created_at) "
                    "SELECT :id, :account, mode, stripe_account, created_at FROM billing_customer LIMIT 1"
                ),
                {"id": f"bil_{number}", "account": account},
            )
            values = {column.name: getattr(mirrored, column.name) for column in mirrored.__table__.columns}
            copy = {**values, "id": f"sub_{number}", "customer_id": f"bil_{number}"}
            session.execute(insert(type(mirrored)).values(copy))
    said, long_ago = [], paying.now - timedelta(days=1)

    def listen(connection, cursor, statement, *others):
        said.append(statement)

    event.listen(_bind, "before_cursor_execute", listen)
    assert billing.sweep_all(paying.database, paying.stripe, now=paying.now, before=long_ago) == []
    event.remove(_bind, "before_cursor_execute", listen)
    assert sum("mirrored_subscription" in one for one in said) == 1, said


def test_events_of_another_mode_do_not_keep_those_of_this_one_waiting(paying):
    long_ago = paying.now - timedelta(days=1)
    shared = {"type": "x", "raw": b"{}", "received_at": long_ago, "due_at": long_ago, "attempts": 1}
    with paying.database() as session, unit(session):
        others = [
            {**shared, "id": f"evt_{number}", "mode": "test", "customer": "cus_x"} for number in range(300)
        ]
        mine = {**shared, "id": "evt_mine", "mode": "sandbox", "customer": paying.customer.id}
        session.execute(insert(WebhookEvent), [*others, {**mine, "due_at": paying.now}])
    billing.retry_events(paying.database, paying.stripe, now=paying.now)
    with paying.database() as session:
        assert session.get(WebhookEvent, "evt_mine").processed_at is not None


def test_a_customer_who_is_deleted_at_stripe_loses_the_plan_and_can_buy_again(paying):
    paying.v1.customers.delete(paying.customer.id)
    assert paying.sweep() == [paying.alice]
    assert paying.held().plan == "api-free" and paying.bill() is None
    assert len(paying.told(billing.SubscriptionEnded)) == 1
    paying.buy()
    assert paying.held().plan == "api-pro"
    paying.sweep()
    assert len(paying.told(billing.SubscriptionEnded)) == 1


def test_only_cards_that_end_this_month_or_the_next_are_looked_at(paying):
    """Who is looked at is locked meanwhile: ten thousand others are let alone."""
    with paying.database() as session, unit(session):
        session.scalars(select(BillingCustomer).with_for_update()).one()
        card = paying.overview().card
        assert (card.exp_year, card.exp_month) > (paying.now.year, paying.now.month + 1)
        assert paying.remind() == 0


def test_on_an_empty_database_every_duty_finds_nothing(stripe_sandbox, database):
    stripe, payments = stripe_sandbox.gateway(), stripe_sandbox.payments
    now = stripe_now(stripe_sandbox)
    assert billing.sweep_all(database, stripe, now=now) == []
    assert billing.sweep_events(database, stripe, now=now) == []
    assert billing.retry_events(database, stripe, now=now) == []
    with database() as session, unit(session):
        assert billing.remind(session, payments, now=now) == 0
        billing.forget_old(session, now=now)
        assert plans.lapse(session, now) == []
        assert billing.earned(session, payments, since=now - timedelta(days=365)) == []
        assert billing.recurring(session, payments) == [] == list(billing.requests(session))
        pages = billing.drifts(session), billing.events(session), billing.troubles(session, payments)
        assert [page.total for page in pages] == [0, 0, 0]
        assert session.scalars(select(Drift)).all() == []


def stripe_now(sandbox):
    return billing.gateway.reading.moment(sandbox.now)
