"""Rules of money: what gives access and until when, which is one too many, when a change holds."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing import rules
from portal.billing.values import Invoice, Offer, Subscription
from portal.kit.errors import Conflict
from portal.kit.money import Money

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATUSES = (
    *("active", "trialing", "past_due", "unpaid", "paused"),
    *("canceled", "incomplete", "incomplete_expired", "of a later version"),
)
MANY, FEWER = (settings(max_examples=examples, deadline=None) for examples in (2000, 300))
PRO = Offer("api", "api-pro", 1, "month")
TEAM = Offer("api", "api-team", 3, "month")

moments = st.integers(-60 * 24, 60 * 24).map(lambda hours: NOON + timedelta(hours=hours))
OFFERS = (PRO, TEAM, Offer("api", "api-pro", 1, "year"), None)


def subscription(name="sub_1", status="active", offer=PRO, created_at=NOON, **other):
    period = {"period_starts_at": created_at, "period_ends_at": created_at + timedelta(days=30)}
    fixed = {"item_id": "si_1", "price_id": "price_1", "price": Money(1900), "anchor_at": created_at}
    return Subscription(
        id=name, status=status, offer=offer, created_at=created_at, **period, **fixed, **other
    )


# Few draws make two thousand examples cheap: a moment that is too late stands for none.
maybe = st.integers(-60 * 24, 120 * 24).map(
    lambda hours: NOON + timedelta(hours=hours) if hours <= 60 * 24 else None
)
sold = st.sampled_from([(status, offer) for status in STATUSES for offer in OFFERS])


@st.composite
def of_one_line(draw):
    """Any subscriptions of one line, and since when each is not paid."""
    found, since = [], {}
    for number in range(draw(st.integers(0, 4))):
        status, offer = draw(sold)
        name, created_at = f"sub_{number}", draw(moments)
        found.append(subscription(name, status, offer, created_at, ends_at=draw(maybe)))
        if (unpaid := draw(maybe)) is not None:
            since[name] = unpaid
    return found, since


def ends_at(one, since, days, now):
    """The rule again, in other words: until when one subscription gives access; None: for ever."""
    never = datetime.min.replace(tzinfo=UTC)
    if one.offer is None or one.status not in ("active", "trialing", "past_due"):
        return never
    ends = [one.ends_at] if one.ends_at else []
    if one.status == "past_due":
        ends.append(since.get(one.id, now) + timedelta(days=days))
    return min(ends) if ends else None


@MANY
@given(of_one_line(), st.integers(0, 40), moments)
def test_access_is_the_union_of_what_is_paid_trialed_or_within_grace(drawn, days, now):
    found, since = drawn
    given_ = rules.access(found, since, lambda offer: days, now=now)
    ends = {one.id: ends_at(one, since, days, now) for one in found}
    entitled = {name for name, end in ends.items() if end is None or end > now}
    assert (given_ is not None) == bool(entitled)
    if given_ is not None:
        assert given_.subscription_id in entitled
        assert given_.ends_at == ends[given_.subscription_id]
        [chosen] = [one for one in found if one.id == given_.subscription_id]
        assert (given_.offer, given_.anchor_at, given_.why) == (chosen.offer, chosen.anchor_at, chosen.status)


@FEWER
@given(of_one_line(), st.integers(0, 40), moments, st.randoms())
def test_the_order_in_which_stripe_lists_them_does_not_matter(drawn, days, now, random):
    found, since = drawn
    shuffled = list(found)
    random.shuffle(shuffled)
    first, second = (rules.access(each, since, lambda offer: days, now=now) for each in (found, shuffled))
    assert first == second
    assert rules.second(found) == rules.second(shuffled)


@FEWER
@given(of_one_line(), st.integers(0, 40), st.integers(0, 40), moments, moments)
def test_more_grace_never_takes_access_and_time_never_gives_it(drawn, less, more, now, later):
    found, since = drawn
    since = {**{one.id: now for one in found}, **since}
    less, more = sorted((less, more))
    now, later = sorted((now, later))
    if rules.access(found, since, lambda offer: less, now=now) is not None:
        assert rules.access(found, since, lambda offer: more, now=now) is not None
    if rules.access(found, since, lambda offer: less, now=later) is not None:
        assert rules.access(found, since, lambda offer: less, now=now) is not None


@MANY
@given(of_one_line())
def test_of_those_that_can_be_charged_for_exactly_one_is_kept(drawn):
    found, _ = drawn
    extra = rules.second(found)
    chargeable = {one.id for one in found if one.status in rules.OPEN}
    assert len(chargeable - set(extra)) == min(1, len(chargeable))
    assert set(extra) <= chargeable
    assert set(extra.values()) <= chargeable - set(extra)
    paid = {one.id for one in found if one.status in ("active", "trialing")}
    if paid & chargeable:
        assert (chargeable - set(extra)) <= paid


def test_the_older_of_two_paid_subscriptions_is_kept():
    older, newer = subscription("sub_b"), subscription("sub_a", created_at=NOON + timedelta(seconds=1))
    assert rules.second([newer, older]) == {"sub_a": "sub_b"}


@pytest.mark.parametrize(
    ("of_customer", "of_plan", "days"), [(None, None, 3), (None, 10, 10), (0, 10, 0), (14, None, 14)]
)
def test_grace_is_as_agreed_with_the_customer_then_as_the_plan_says_then_three_days(
    of_customer, of_plan, days
):
    assert rules.grace_days(of_customer, of_plan) == days


def invoice(status, days, subscription_id="sub_1"):
    at = NOON - timedelta(days=days)
    nothing = Money(0)
    return Invoice(
        f"in_{days}",
        status,
        subscription_id,
        None,
        "subscription_cycle",
        nothing,
        nothing,
        nothing,
        1,
        at,
        at,
    )


def test_it_is_unpaid_since_its_oldest_open_invoice():
    found = [invoice("paid", 9), invoice("open", 2), invoice("open", 4), invoice("open", 8, "sub_2")]
    since = rules.past_due_since(subscription(status="past_due"), found, None, now=NOON)
    assert since == NOON - timedelta(days=4)
    assert rules.past_due_since(subscription(status="active"), found, NOON, now=NOON) is None
    assert rules.past_due_since(subscription(status="past_due"), [], None, now=NOON) == NOON


@pytest.mark.parametrize(
    ("before", "after", "when"),
    [
        (("month", 1900), ("month", 4900), "now"),
        (("month", 4900), ("month", 1900), "later"),
        (("month", 1900), ("year", 1900), "now"),
        (("year", 1900), ("month", 1900), "later"),
        (("year", 1900), ("month", 4900), "now"),
        (("month", 4900), ("year", 1900), "later"),
    ],
)
def test_upgrades_hold_now_and_downgrades_later(before, after, when):
    first, second = (Offer("api", f"api-{price}", 1, interval) for interval, price in (before, after))
    assert rules.when(first, before[1], second, after[1]) == when


def test_what_was_not_shown_is_not_charged():
    standing = subscription(created_at=NOON - timedelta(days=2))
    at = NOON - timedelta(minutes=5)
    rules.check_as_shown(standing, Money(500), Money(500), at, now=NOON)
    for shown, moment in (
        (Money(499), at),
        (Money(500, "eur"), at),
        (Money(500), NOON - timedelta(hours=2)),
        (Money(500), NOON + timedelta(hours=1)),
    ):
        with pytest.raises(Conflict, match="look at it again"):
            rules.check_as_shown(standing, shown, Money(500), moment, now=NOON)


@pytest.mark.parametrize(
    ("days", "reminded", "due"),
    [(0, None, 0), (1, 0, None), (3, 0, 3), (4, 3, None), (5, 3, 5), (7, 5, 7), (30, 7, None), (30, 0, 7)],
)
def test_reminders_come_on_day_0_3_5_and_7_and_only_the_latest_of_those_missed(days, reminded, due):
    assert rules.reminder_day(NOON - timedelta(days=days), reminded, now=NOON) == due


@given(st.lists(st.integers(0, 14), max_size=20).map(sorted))
def test_no_reminder_is_ever_told_twice(looks):
    reminded, told = None, []
    for days in looks:
        day = rules.reminder_day(NOON, reminded, now=NOON + timedelta(days=days))
        if day is not None:
            reminded = day
            told.append(day)
    assert told == sorted(set(told)) and set(told) <= {0, 3, 5, 7}


@pytest.mark.parametrize(
    ("month", "year", "soon"),
    [(11, 2026, True), (12, 2026, False), (1, 2027, False), (10, 2026, False), (11, 2025, False)],
)
def test_a_card_is_warned_of_in_the_month_in_which_it_ends(month, year, soon):
    assert rules.card_ends_soon(month, year, now=NOON) is soon


keys = st.builds(
    Offer,
    st.sampled_from(["api", "hosting", "support"]),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    st.integers(1, 10_000),
    st.sampled_from(["month", "year"]),
)


@given(keys)
def test_a_lookup_key_says_what_it_sells(offer):
    assert rules.read_lookup_key(rules.lookup_key(offer)) == offer


@given(st.text())
def test_any_other_lookup_key_sells_nothing_of_ours(text):
    found = rules.read_lookup_key(text)
    assert found is None or rules.read_lookup_key(rules.lookup_key(found)) == found


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "object", "customer", "id", "charge", "related_object", "type", "invoice"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@FEWER
@given(anything)
def test_whatever_an_event_looks_like_it_only_says_where_to_look(event):
    found = rules.subject(event)
    assert found is None or (found[0] in rules.LEADING and found[1])


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ({"data": {"object": {"object": "customer", "id": "cus_1"}}}, ("customer", "cus_1")),
        (
            {"data": {"object": {"object": "invoice", "id": "in_1", "customer": "cus_1"}}},
            ("customer", "cus_1"),
        ),
        ({"data": {"object": {"object": "invoice", "customer": {"id": "cus_1"}}}}, ("customer", "cus_1")),
        ({"data": {"object": {"object": "dispute", "id": "dp_1", "charge": "ch_1"}}}, ("charge", "ch_1")),
        ({"data": {"object": {"object": "product", "id": "prod_1"}}}, None),
        ({"related_object": {"type": "subscription", "id": "sub_1"}}, ("subscription", "sub_1")),
        ({"related_object": {"type": "product", "id": "prod_1"}}, None),
        ({}, None),
        ([], None),
    ],
)
def test_what_an_event_is_about(event, subject):
    assert rules.subject(json.loads(json.dumps(event))) == subject


@given(st.integers(1, 10_000))
def test_what_fails_is_tried_again_later_and_later_and_for_ever(attempts):
    assert timedelta(minutes=1) <= rules.retry_after(attempts) <= timedelta(hours=6)
    assert rules.retry_after(attempts) <= rules.retry_after(attempts + 1)
