"""The calendar: months that are shorter than others, leap days, and years, ours and Stripe's."""

from datetime import UTC, date, datetime

import pytest

from portal.kit.period import anchored_month


def at(shop, *moment):
    shop.sandbox.advance_to(int(datetime(*moment, tzinfo=UTC).timestamp()))


def renew(shop):
    """The paid time ends, the next invoice is paid an hour later; when that time ends."""
    at(shop, *shop.bill().renews_at.timetuple()[:6])
    shop.sandbox.advance("2h")
    shop.refresh()
    return shop.bill().renews_at


def counted_as_at_stripe(shop):
    [row] = shop.rows()
    return anchored_month(shop.held().anchor_at, shop.now) == (row.period_starts_at, row.period_ends_at)


@pytest.mark.parametrize(
    ("bought", "ends"),
    [
        ((2027, 1, 31, 23, 30), [(2, 28), (3, 31), (4, 30), (5, 31)]),
        ((2028, 1, 30, 12), [(2, 29), (3, 30), (4, 30), (5, 30)]),
        ((2028, 2, 29, 0), [(3, 29), (4, 29), (5, 29), (6, 29)]),
    ],
)
def test_a_month_ends_on_its_last_day_when_it_is_too_short(shop, bought, ends):
    at(shop, *bought)
    shop.buy()
    seen = [shop.bill().renews_at]
    assert counted_as_at_stripe(shop)
    for _ in ends[1:]:
        seen.append(renew(shop))
        assert counted_as_at_stripe(shop)
    assert [(one.month, one.day) for one in seen] == ends
    assert [one.amount_paid for one in shop.invoices()] == [1900] * 4
    assert shop.held().plan == "api-pro"


def test_a_year_that_was_bought_on_a_leap_day_ends_on_28_february(shop):
    at(shop, 2028, 2, 29, 12)
    shop.buy(interval="year")
    assert shop.bill().renews_at.date() == date(2029, 2, 28)
    anchor = shop.held().anchor_at
    assert renew(shop).date() == date(2030, 2, 28)
    assert shop.held().anchor_at == anchor, "months of usage are counted from the leap day for ever"


def test_from_the_year_to_the_month_usage_is_counted_from_the_same_day(shop):
    at(shop, 2027, 1, 31, 12)
    shop.buy(interval="year")
    anchor = shop.held().anchor_at
    shop.change(interval="month")
    renew(shop)
    bill = shop.bill()
    assert (bill.interval, shop.held().anchor_at) == ("month", anchor)
    assert bill.renews_at.date() == date(2028, 2, 29)
    assert counted_as_at_stripe(shop)
