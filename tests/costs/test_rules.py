"""Costs, as decided: what counts in a month, what adds up, what may be typed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.costs import rules
from portal.costs.rules import Charge
from portal.kit import money
from portal.kit.errors import Conflict, Invalid
from portal.kit.money import Money


def month(text):
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)


NOVEMBER = month("2026-11")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CHARGES = st.lists(
    st.builds(
        Charge,
        name=st.sampled_from(["one", "two", "three"]),
        service=st.sampled_from(["Servers", "Database", "Mail"]),
        amount=st.builds(Money, st.integers(1, 10**9), st.sampled_from(["usd", "eur", "jpy"])),
        source=st.just("typed"),
    )
)


@given(CHARGES)
def test_every_cent_is_in_one_service_and_in_one_total(charges):
    found = rules.month(NOVEMBER, charges)
    for currency in ("usd", "eur", "jpy"):
        cents = sum(one.amount.amount for one in charges if one.amount.currency == currency)
        assert found.total(currency) == Money(cents, currency)
        services = [one.amount.amount for one in found.services if one.amount.currency == currency]
        assert sum(services) == cents
    assert sum(len(one.charges) for one in found.services) == len(charges)


@given(CHARGES)
def test_two_currencies_never_stand_in_one_amount(charges):
    for service in rules.month(NOVEMBER, charges).services:
        assert {one.amount.currency for one in service.charges} == {service.amount.currency}


@given(CHARGES, st.randoms())
def test_the_order_of_charges_changes_nothing(charges, random):
    shuffled = random.sample(charges, len(charges))
    assert rules.month(NOVEMBER, shuffled).totals == rules.month(NOVEMBER, charges).totals


@pytest.mark.parametrize(
    ("begins", "ends", "counted"),
    [
        ("2026-11", None, True),
        ("2026-11", "2026-12", True),
        ("2026-12", None, False),
        ("2026-10", "2026-11", False),
        ("2020-01", "2026-12", True),
        ("2026-11", "2026-11", False),
    ],
)
def test_a_cost_counts_from_its_first_month_through_its_last(begins, ends, counted):
    assert rules.counts(month(begins), month(ends) if ends else None, NOVEMBER) is counted


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [
        ("2026-11", None, "running"),
        ("2026-10", "2026-12", "running"),
        ("2026-12", None, "coming"),
        ("2026-01", "2026-11", "ended"),
        ("2026-11", "2026-11", "withdrawn"),
    ],
)
def test_a_cost_says_how_it_stands(begins, ends, state):
    assert rules.state_of(month(begins), month(ends) if ends else None, NOW) == state


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (0, "Within what development"),
        (50_00, "Within what development"),
        (50_01, "Between"),
        (99_99, "Between"),
        (100_00, "Within what production"),
        (400_00, "Within what production"),
        (400_01, "Above"),
    ],
)
def test_a_total_is_compared_with_what_is_usual(cents, words):
    assert rules.band(Money(cents)).startswith(words)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"service": "x" * 81}, "service"),
        ({"amount": Money(0)}, "amount"),
        ({"amount": Money(100, "xxx")}, "currency"),
        ({"begins_at": month("1999-01")}, "first_month"),
        ({"ends_at": month("2026-10")}, "last_month"),
    ],
)
def test_what_cannot_be_a_cost_is_refused_at_its_field(changed, field):
    given_ = {"name": "Database", "service": "Database", "amount": Money(100), "begins_at": NOVEMBER}
    with pytest.raises(Invalid) as refusal:
        rules.check(**given_ | {"ends_at": None, "now": NOW} | changed)
    assert refusal.value.field == field


def test_a_cost_is_ended_once_and_not_before_it_began():
    rules.check_end(NOVEMBER, False, NOVEMBER)
    with pytest.raises(Conflict):
        rules.check_end(NOVEMBER, True, month("2026-12"))
    with pytest.raises(Invalid, match="cannot lie before October 2026"):
        rules.check_end(NOVEMBER, False, month("2026-10"))


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("25", "usd", 25_00),
        ("25.5", "usd", 25_50),
        ("25,50", "eur", 25_50),
        ("1,250", "usd", 1250_00),
        ("1'250.05", "eur", 1250_05),
        (" $19.00 ", "USD", 19_00),
        ("500", "jpy", 500),
    ],
)
def test_an_amount_is_read_as_people_write_it(text, currency, amount):
    assert money.read(text, currency) == Money(amount, currency.lower())


@pytest.mark.parametrize("text", ["", "x", "-5", "1.234", "1e3", "12 34", "5 EUR"])
def test_what_is_no_amount_is_refused_with_an_example(text):
    with pytest.raises(Invalid, match=r"such as \$25"):
        money.read(text, "usd")


@given(st.integers(0, 10**12 - 1), st.sampled_from(["usd", "eur", "jpy"]))
def test_what_is_written_is_read_again(amount, currency):
    written = Money(amount, currency).exact
    assert money.read(written, currency) == Money(amount, currency)
