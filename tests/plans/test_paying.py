"""Plans held by payment: opened, replaced, given an end and taken back, with usage never reset."""

from datetime import timedelta

import pytest

from portal import accounts, plans
from portal.kit.errors import Conflict
from tests.plans.people import NOON, OPERATOR, account_of, publish
from tests.plans.test_subscriptions import told

LATER, LATEST = NOON + timedelta(days=3), NOON + timedelta(days=9)


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


@pytest.fixture
def pro(session, alice):
    return plans.catalogue(session).plan("api-pro")


def current(session, account, now):
    return plans.current(session, account, now=now)


def test_what_is_paid_is_held_from_the_anchor_of_the_payment(session, alice, pro):
    anchor = NOON - timedelta(hours=1)
    assert plans.hold(session, alice, pro, NOON, anchor_at=anchor) is True
    held = current(session, alice, NOON)
    assert (held.plan, held.source, held.anchor_at, held.ends_at) == ("api-pro", "stripe", anchor, None)
    assert plans.held_by_payment(session) == [(alice, "api")]


def test_to_hold_what_is_held_is_nothing_new_and_does_not_bother_the_gate(session, alice, pro):
    plans.hold(session, alice, pro, NOON, anchor_at=NOON)
    version = accounts.get(session, alice).version
    assert plans.hold(session, alice, pro, LATER, anchor_at=LATER) is False
    session.expire_all()
    assert accounts.get(session, alice).version == version
    assert len(told(session)) == 1


def test_an_end_can_be_given_moved_and_taken_away_again(session, alice, pro):
    plans.hold(session, alice, pro, NOON, anchor_at=NOON)
    for ends_at in (LATER, LATEST, None):
        assert plans.hold(session, alice, pro, NOON, anchor_at=NOON, ends_at=ends_at) is True
        assert current(session, alice, NOON).ends_at == ends_at
    assert len(told(session)) == 1


def test_from_one_paid_plan_to_another_the_anchor_stays(session, alice, pro):
    plans.hold(session, alice, pro, NOON, anchor_at=NOON)
    larger = plans.catalogue(session).plan("api-enterprise")
    plans.hold(session, alice, larger, LATER, anchor_at=LATER)
    held = current(session, alice, LATER)
    assert (held.plan, held.anchor_at) == ("api-enterprise", NOON)


def test_after_the_end_it_is_the_free_plan_and_a_payment_brings_it_back(session, alice, pro):
    plans.hold(session, alice, pro, NOON, anchor_at=NOON, ends_at=LATER)
    assert current(session, alice, LATER).plan == "api-free"
    assert plans.hold(session, alice, pro, LATEST, anchor_at=NOON) is True
    assert current(session, alice, LATEST).anchor_at == NOON
    assert [after for _, _, after in told(session)] == ["api-pro", "api-free", "api-pro"]


def test_what_is_no_longer_paid_is_taken_back_once(session, alice, pro):
    plans.hold(session, alice, pro, NOON, anchor_at=NOON)
    assert plans.release(session, alice, "api", LATER) is True
    assert current(session, alice, LATER).plan == "api-free"
    assert plans.release(session, alice, "api", LATER) is False


def test_a_payment_neither_replaces_nor_ends_what_is_held_by_agreement(session, alice, pro):
    plans.grant(session, alice, "api-enterprise", OPERATOR, NOON, source="contract")
    with pytest.raises(Conflict, match="by agreement"):
        plans.hold(session, alice, pro, LATER, anchor_at=LATER)
    assert plans.release(session, alice, "api", LATER) is False
    assert current(session, alice, LATER).plan == "api-enterprise"


def test_a_plan_may_say_for_how_many_days_it_holds_unpaid():
    text = plans.SHIPPED.read_text().replace("price_month = 1900", "price_month = 1900\ngrace_days = 14")
    assert plans.read(text).plan("api-pro").grace_days == 14
    assert plans.read(plans.SHIPPED.read_text()).plan("api-pro").grace_days is None
