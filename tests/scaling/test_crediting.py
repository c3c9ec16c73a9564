"""Credits: also when they pay the whole bill, what is used of them is what it would cost without."""

from portal import scaling
from portal.kit.money import Money
from tests.costs.bills import OSCAR, bill, take
from tests.scaling.test_suggestions import NOW, SURE, past


def test_credits_that_pay_the_whole_bill_are_spoken_of(session):
    paid = [one | {"ChargeCategory": "Credit"} for one in past(cost="-2.40")]
    take(session, bill(*past(), *paid), now=NOW)
    scaling.type_figures(session, scaling.Credits(100.0, "2027-11-01"), actor=OSCAR, now=NOW)
    scaling.suggest(session, "usd", SURE, now=NOW)
    [found] = (one for one in scaling.suggestions(session, "usd", now=NOW) if one.kind.slug == "credits")
    assert found.worst == Money(31 * 2_40) and found.case.title == "Credits until 12 December 2026"
