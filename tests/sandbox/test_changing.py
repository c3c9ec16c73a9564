"""Changing a subscription: proration to the cent, previews that come true, changes that wait."""

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DAY = 24 * 3600


@pytest.fixture
def team(v1, pro):
    """A dearer plan for $49 a month."""
    product = v1.products.create({"name": "Team"})
    return v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 4900,
            "recurring": {"interval": "month"},
        }
    )


@pytest.fixture
def subscription(v1, alice, pro):
    return v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})


def to(subscription, price, **more):
    return {"items": [{"id": subscription["items"].data[0].id, "price": price.id}], **more}


def use(v1, customer, card):
    method = v1.payment_methods.attach(card, {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


def test_half_way_half_is_given_back_and_half_is_asked(stripe_sandbox, v1, subscription, team):
    item = subscription["items"].data[0]
    start, end = item.current_period_start, item.current_period_end
    half = start + (end - start) // 2
    stripe_sandbox.advance_to(half)
    changed = v1.subscriptions.update(
        subscription.id,
        to(
            subscription,
            team,
            proration_behavior="always_invoice",
            proration_date=half,
            expand=["latest_invoice"],
        ),
    )
    invoice = changed.latest_invoice
    credit, debit = invoice.lines.data
    assert (credit.amount, debit.amount) == (-950, 2450)
    assert (invoice.total, invoice.status, invoice.billing_reason) == (1500, "paid", "subscription_update")
    assert credit.description.startswith("Unused time on API Pro after ")
    assert debit.description.startswith("Remaining time on Team after ")
    details = credit.parent.subscription_item_details
    assert details.proration
    assert details.proration_details.credited_items.invoice == subscription.latest_invoice
    after = changed["items"].data[0]
    assert (after.current_period_start, after.current_period_end) == (start, end)


def test_a_credit_never_exceeds_what_was_paid(stripe_sandbox, v1, subscription, team, pro, alice):
    stripe_sandbox.advance("10d")
    up = v1.subscriptions.update(subscription.id, to(subscription, team, proration_behavior="always_invoice"))
    stripe_sandbox.advance("5d")
    down = v1.subscriptions.update(subscription.id, to(up, pro, proration_behavior="always_invoice"))
    invoice = v1.invoices.retrieve(down.latest_invoice)
    assert invoice.total < 0
    assert invoice.amount_due == 0
    assert v1.customers.retrieve(alice.id).balance == invoice.total
    assert down.status == "active"
    moved = v1.customers.balance_transactions.list(alice.id).data[0]
    assert (moved.amount, moved.type) == (invoice.total, "applied_to_invoice")


def test_prorations_wait_for_the_next_invoice_unless_asked(stripe_sandbox, v1, subscription, team):
    stripe_sandbox.advance("10d")
    changed = v1.subscriptions.update(subscription.id, to(subscription, team))
    assert changed.latest_invoice == subscription.latest_invoice
    assert len(v1.invoice_items.list({"customer": subscription.customer, "pending": True}).data) == 2
    stripe_sandbox.advance_to(changed["items"].data[0].current_period_end + 7200)
    invoice = v1.invoices.list({"subscription": subscription.id}).data[0]
    amounts = [line.amount for line in invoice.lines.data]
    assert amounts[2] == 4900
    assert invoice.amount_paid == sum(amounts)


def test_no_proration_means_none(stripe_sandbox, v1, subscription, team):
    stripe_sandbox.advance("10d")
    changed = v1.subscriptions.update(subscription.id, to(subscription, team, proration_behavior="none"))
    assert changed["items"].data[0].price.id == team.id
    stripe_sandbox.advance_to(changed["items"].data[0].current_period_end + 7200)
    assert v1.invoices.list({"subscription": subscription.id}).data[0].total == 4900


def test_a_yearly_price_is_charged_at_once(stripe_sandbox, v1, subscription, pro_yearly):
    changed = v1.subscriptions.update(
        subscription.id, to(subscription, pro_yearly, proration_behavior="always_invoice")
    )
    invoice = v1.invoices.retrieve(changed.latest_invoice)
    assert invoice.total == 19000 - 1900
    after = changed["items"].data[0]
    assert after.current_period_start == subscription.billing_cycle_anchor
    assert 365 * DAY <= after.current_period_end - after.current_period_start <= 366 * DAY


def test_an_anchor_can_be_moved_to_now(stripe_sandbox, v1, subscription, team):
    stripe_sandbox.advance("10d")
    changed = v1.subscriptions.update(
        subscription.id, to(subscription, team, billing_cycle_anchor="now", expand=["latest_invoice"])
    )
    assert changed.billing_cycle_anchor == changed["items"].data[0].current_period_start
    credit, full = changed.latest_invoice.lines.data
    assert credit.amount < 0
    assert (full.amount, full.parent.subscription_item_details.proration) == (4900, False)


def test_a_change_that_is_not_paid_can_wait(stripe_sandbox, v1, alice, subscription, team):
    use(v1, alice, "pm_card_chargeCustomerFail")
    stripe_sandbox.advance("10d")
    waits = v1.subscriptions.update(
        subscription.id,
        to(
            subscription,
            team,
            proration_behavior="always_invoice",
            payment_behavior="pending_if_incomplete",
        ),
    )
    assert waits.status == "active"
    assert waits["items"].data[0].price.id != team.id
    assert waits.pending_update.subscription_items[0].price.id == team.id
    use(v1, alice, "pm_card_visa")
    v1.invoices.pay(waits.latest_invoice)
    done = v1.subscriptions.retrieve(subscription.id)
    assert done.pending_update is None
    assert done["items"].data[0].price.id == team.id


def test_a_change_that_waits_is_forgotten_after_23_hours(stripe_sandbox, v1, alice, subscription, team):
    use(v1, alice, "pm_card_chargeCustomerFail")
    stripe_sandbox.advance("10d")
    waits = v1.subscriptions.update(
        subscription.id,
        to(
            subscription,
            team,
            proration_behavior="always_invoice",
            payment_behavior="pending_if_incomplete",
        ),
    )
    stripe_sandbox.advance("23h")
    after = v1.subscriptions.retrieve(subscription.id)
    assert (after.pending_update, after.status) == (None, "active")
    assert v1.invoices.retrieve(waits.latest_invoice).status == "void"
    with pytest.raises(stripe.InvalidRequestError, match="only pass supported params"):
        v1.subscriptions.update(
            subscription.id, {"metadata": {"a": "b"}, "payment_behavior": "pending_if_incomplete"}
        )


def test_error_if_incomplete_changes_nothing(stripe_sandbox, v1, alice, subscription, team):
    use(v1, alice, "pm_card_chargeCustomerFail")
    stripe_sandbox.advance("10d")
    with pytest.raises(stripe.CardError):
        v1.subscriptions.update(
            subscription.id,
            to(
                subscription,
                team,
                proration_behavior="always_invoice",
                payment_behavior="error_if_incomplete",
            ),
        )
    after = v1.subscriptions.retrieve(subscription.id)
    assert (after.status, after["items"].data[0].price.id) == (
        "active",
        subscription["items"].data[0].price.id,
    )
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_a_change_may_leave_it_past_due(stripe_sandbox, v1, alice, subscription, team):
    use(v1, alice, "pm_card_chargeCustomerFail")
    changed = v1.subscriptions.update(
        subscription.id, to(subscription, team, proration_behavior="always_invoice")
    )
    assert changed.status == "past_due"
    assert changed["items"].data[0].price.id == team.id


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.integers(0, 27 * DAY), quantity=st.integers(1, 40), dearer=st.booleans())
def test_what_is_previewed_is_what_is_charged(
    stripe_sandbox, v1, alice, pro, team, seconds, quantity, dearer
):
    first, then = (pro, team) if dearer else (team, pro)
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": first.id}]})
    at = made["items"].data[0].current_period_start + seconds
    stripe_sandbox.advance_to(max(at, stripe_sandbox.now))
    item = made["items"].data[0]
    wanted = {
        "items": [{"id": item.id, "price": then.id, "quantity": quantity}],
        "proration_behavior": "always_invoice",
        "proration_date": at,
    }
    previewed = v1.invoices.create_preview({"subscription": made.id, "subscription_details": wanted})
    before = v1.customers.retrieve(alice.id).balance
    changed = v1.subscriptions.update(made.id, {**wanted, "expand": ["latest_invoice"]})
    charged = changed.latest_invoice
    if previewed.lines.data[0].parent.subscription_item_details.proration:
        assert charged.amount_due == previewed.amount_due
        assert charged.total == previewed.total
        shown = [(line.description, line.amount) for line in previewed.lines.data]
        assert [(line.description, line.amount) for line in charged.lines.data] == shown
        after = v1.customers.retrieve(alice.id).balance
        assert after - before == charged.total - charged.amount_due
    v1.subscriptions.cancel(made.id)


def test_a_preview_leaves_no_trace(stripe_sandbox, v1, alice, subscription, team):
    events = len(v1.events.list({"limit": 100}).data)
    v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": to(subscription, team, proration_behavior="always_invoice"),
        }
    )
    assert len(v1.events.list({"limit": 100}).data) == events
    assert v1.subscriptions.retrieve(subscription.id) == subscription
    assert v1.invoice_items.list({"customer": alice.id}).data == []


def test_the_next_invoice_can_be_seen(stripe_sandbox, v1, alice, subscription, pro):
    coming = v1.invoices.create_preview({"subscription": subscription.id})
    assert coming.total == 1900
    assert coming.id.startswith("upcoming_in_")
    assert coming.period_end == subscription["items"].data[0].current_period_end
    fresh = v1.invoices.create_preview(
        {"customer": alice.id, "subscription_details": {"items": [{"price": pro.id, "quantity": 3}]}}
    )
    assert fresh.total == 5700
    v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.create_preview({"subscription": subscription.id})
    assert (refused.value.code, refused.value.http_status) == ("invoice_upcoming_none", 404)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"items": [{"id": "si_nobody", "price": "x"}]}, "No such subscription_item"),
        ({"items": [{"price": "PRO"}]}, "multiple subscription items"),
        ({"items": [{"id": "ITEM", "deleted": True}]}, "at least one active item"),
        ({"items": [{"id": "ITEM", "quantity": 2}], "proration_date": 5}, "inside the current period"),
        ({"proration_behavior": "always"}, "must be one of"),
        ({"default_payment_method": "pm_card_visa"}, "must be attached"),
        ({"cancel_at": 5}, "in the future"),
        ({"cancel_at_period_end": True, "cancel_at": 4_000_000_000}, "only specify one"),
        ({"pause_collection": {"behavior": "void"}}, "unknown parameter"),
    ],
)
def test_a_crooked_change_is_refused(v1, subscription, pro, change, words):
    def named(value):
        if isinstance(value, dict):
            return {key: named(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [named(inner) for inner in value]
        return {"PRO": pro.id, "ITEM": subscription["items"].data[0].id}.get(value, value)

    with pytest.raises(stripe.InvalidRequestError, match=words):
        v1.subscriptions.update(subscription.id, named(change))


def test_items_can_be_added_and_taken_away(v1, subscription, team):
    more = v1.subscriptions.update(
        subscription.id, {"items": [{"price": team.id}], "proration_behavior": "always_invoice"}
    )
    assert len(more["items"].data) == 2
    added = next(one for one in more["items"].data if one.price.id == team.id)
    v1.subscription_items.update(added.id, {"quantity": 3, "proration_behavior": "none"})
    v1.subscription_items.delete(added.id, {"proration_behavior": "none"})
    assert len(v1.subscriptions.retrieve(subscription.id)["items"].data) == 1


def test_a_schedule_changes_the_price_when_the_period_ends(stripe_sandbox, v1, alice, pro, pro_yearly):
    v1.payment_methods.update(
        alice.invoice_settings.default_payment_method, {"card": {"exp_month": 12, "exp_year": 2099}}
    )
    yearly = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro_yearly.id}]})
    item = yearly["items"].data[0]
    schedule = v1.subscription_schedules.create({"from_subscription": yearly.id})
    first = {"price": pro_yearly.id, "quantity": 1}
    v1.subscription_schedules.update(
        schedule.id,
        {
            "end_behavior": "release",
            "phases": [
                {
                    "items": [first],
                    "start_date": item.current_period_start,
                    "end_date": item.current_period_end,
                },
                {
                    "items": [{"price": pro.id}],
                    "duration": {"interval": "month"},
                    "proration_behavior": "none",
                },
            ],
        },
    )
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        v1.subscriptions.update(yearly.id, {"cancel_at_period_end": True})
    stripe_sandbox.advance_to(item.current_period_end + 7200)
    after = v1.subscriptions.retrieve(yearly.id, {"expand": ["latest_invoice", "schedule"]})
    assert after["items"].data[0].price.id == pro.id
    assert after["items"].data[0].current_period_start == item.current_period_end
    assert (after.latest_invoice.total, after.latest_invoice.status) == (1900, "paid")
    assert after.schedule.current_phase.start_date == item.current_period_end
    stripe_sandbox.advance("2 months")
    assert v1.subscriptions.retrieve(yearly.id).schedule is None
    released = v1.subscription_schedules.retrieve(schedule.id)
    assert (released.status, released.released_subscription) == ("released", yearly.id)
    assert v1.subscriptions.retrieve(yearly.id).status == "active"


def test_a_schedule_can_be_let_go(v1, subscription):
    schedule = v1.subscription_schedules.create({"from_subscription": subscription.id})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        v1.subscription_schedules.create({"from_subscription": subscription.id})
    v1.subscription_schedules.release(schedule.id)
    assert v1.subscriptions.retrieve(subscription.id).schedule is None
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        v1.subscription_schedules.release(schedule.id)
