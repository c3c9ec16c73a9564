"""The catalogue's file: what the shipped one offers, and how a broken one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import plans
from portal.kit.money import Money
from tests.plans.people import shipped

OFFERED = plans.read(shipped())


def refusal(*replace):
    with pytest.raises(plans.CatalogueError) as caught:
        plans.read(shipped(replace))
    return caught.value


def line_of(text, whole):
    return whole[: whole.index(text)].count("\n") + 1


def test_the_shipped_file_offers_three_lines_with_three_plans_each():
    assert [plan.slug for plan in OFFERED.plans] == [
        *("api-free", "api-pro", "api-enterprise"),
        *("hosting-community", "hosting-pro", "hosting-enterprise"),
        *("support-community", "support-priority", "support-enterprise"),
    ]


@pytest.mark.parametrize(
    ("slug", "calls", "rate", "burst", "keys"),
    [("api-free", 1_000, 5, 10, 2), ("api-pro", 100_000, 50, 100, 20)],
)
def test_the_shipped_limits(slug, calls, rate, burst, keys):
    plan = OFFERED.plan(slug)
    assert (plan.included["calls"], plan.rate, plan.burst, plan.keys) == (calls, rate, burst, keys)
    assert plan.test_included == {"calls": 1_000}


@pytest.mark.parametrize(
    ("slug", "cents"), [("api-pro", 1900), ("hosting-pro", 2900), ("support-priority", 9900)]
)
def test_a_year_costs_ten_months(slug, cents):
    plan = OFFERED.plan(slug)
    assert (plan.month, plan.year) == (Money(cents), Money(10 * cents))


def test_free_plans_have_no_price_and_enterprise_is_by_contract():
    assert {plan.slug for plan in OFFERED.plans if plan.tier == "free"} == {
        "api-free",
        "hosting-community",
        "support-community",
    }
    assert all(plan.tier == "custom" for plan in OFFERED.plans if plan.slug.endswith("-enterprise"))


def test_hosting_is_carried_out_on_request_and_the_rest_at_once():
    assert OFFERED.plan("hosting-pro").fulfilment == "request"
    assert OFFERED.plan("api-pro").fulfilment == "automatic"


def test_a_deployment_costs_between_500_and_2000_dollars():
    assert [(one.low, one.high) for one in OFFERED.one_offs] == [(Money(50_000), Money(200_000))]


BROKEN = [
    (("rate = 5 ", "rate = 'five' "), "rate = 5 ", "rate must be a whole number"),
    (("rate = 5 ", "rate = 0 "), "rate = 5 ", "rate must be a whole number from 1"),
    (("rate = 5 ", "rate = true "), "rate = 5 ", "rate must be a whole number"),
    (("keys = 2\n", "keys = 2\nkeyz = 3\n"), "included = { calls = 1000 }", "keyz means nothing here"),
    (("burst = 10 ", "# "), '[[plans]]\nslug = "api-free"', "burst is missing"),
    (('slug = "api-pro"', 'slug = "api-free"'), 'slug = "api-pro"', "slug that another one has"),
    (('slug = "api-pro"', 'slug = "API Pro"'), 'slug = "api-pro"', "small letters"),
    (("price_month = 2900", "price_month = -1"), "price_month = 2900", "price_month must be a whole number"),
    (
        ("price_month = 2900", "price_month = 29.00"),
        "price_month = 2900",
        "price_month must be a whole number",
    ),
    (("price_month = 2900\n", "\n"), "price_year = 29000", "yearly price but no price_month"),
    (("\ncustom = true", "\nprice_month = 5\ncustom = true"), None, "price and custom = true"),
    (
        ('\nfulfilment = "request"', '\nfulfilment = "later"'),
        'fulfilment = "request"\nf',
        "automatic or request",
    ),
    (('features = ["dedicated-instance"]', 'features = ["x"]'), 'features = ["ded', "not declared"),
    (("included = { calls = 1000 }", "included = { callz = 1 }"), "included = { calls", "meter callz"),
    (
        ("included = { calls = 1000 }", "included = { calls = -1 }"),
        "included = { calls",
        "whole number from 0",
    ),
    (("included = { calls = 1000 }", "included = 1000"), "included = { calls", "must be a table"),
    (('currency = "usd"', 'currency = "doubloon"'), 'currency = "usd"', "currency must be"),
    (('aggregation = "sum"', 'aggregation = "guess"'), 'aggregation = "sum"', "aggregation must be sum"),
    (("[meters.calls]", "[meters.other]"), None, "the meter calls is missing"),
    (("[lines.support]", "[lines.helpdesk]"), None, "the lines must be"),
    (("price_from = 50000", "price_from = 900000"), "price_from = 50000", "the second not below"),
    (("price_month = 9900\nprice_year = 99000\n", ""), None, "second free plan"),
    (("\n[meters.calls]", "\nplan = 3\n[meters.calls]"), None, "plan means nothing here"),
]


@pytest.mark.parametrize(("replace", "stands_at", "reason"), BROKEN, ids=[item[2] for item in BROKEN])
def test_a_broken_file_is_refused_with_its_line_and_reason(replace, stands_at, reason):
    caught = refusal(replace)
    assert reason in str(caught)
    assert str(caught).startswith(f"Line {caught.line}: ")
    if stands_at is not None:
        assert caught.line == line_of(stands_at, shipped())


def test_what_is_not_toml_is_refused_with_its_line():
    caught = refusal(("keys = 2\n", "keys = \n"))
    assert caught.line == line_of("keys = 2\n", shipped())
    assert "this is not TOML" in str(caught)


@given(st.text())
def test_no_text_whatever_breaks_the_reader(text):
    try:
        plans.read(text)
    except plans.CatalogueError as refused:
        assert 1 <= refused.line <= max(1, len(text.splitlines()) + 1)


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_file_with_lines_missing_is_read_or_refused_with_a_line_of_its_own(start, length):
    lines = shipped().splitlines()
    text = "\n".join(lines[:start] + lines[start + length :])
    try:
        plans.read(text)
    except plans.CatalogueError as refused:
        assert 1 <= refused.line <= len(text.splitlines()) + 1


def test_meters_features_and_prices_beyond_what_is_included_can_be_declared():
    offered = plans.read(
        shipped([("[meters.tokens]", '[meters.pages]\nname = "Pages"\nunit = "page"\n\n[meters.tokens]'),
                 ("included = { calls = 100000 }", "included = { calls = 100000, pages = 7 }\n"
                  "overage = { calls = { price = 100, per = 10000 } }")])
    )  # fmt: skip
    assert offered.meter("pages").unit == "page"
    pro = offered.plan("api-pro")
    assert pro.included == {"calls": 100_000, "pages": 7}
    assert pro.overage["calls"] == plans.Overage(Money(100), 10_000)
