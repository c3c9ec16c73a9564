"""Bills brought in on the page."""

import io

import pytest

from portal.kit import clock
from portal.kit.db import unit
from tests.costs.bills import line, text
from tests.web import charges
from tests.web.test_costs import OSCAR, add, oscar, session, this_month, words

__all__ = ["oscar", "session"]


def send(visit, *files):
    return visit.send(
        "/operator/costs/bills",
        files=[(io.BytesIO(content.encode()), name) for name, content in files],
    )


def today(**more):
    return line(day=f"{this_month()}-01", **more)


def test_a_bill_is_brought_in_and_counts_at_once(oscar):
    answer = send(oscar, ("a.csv", text(today(cost="12.34"), today(cost="much"))))
    assert answer.status_code == 303 and "/operator/costs/bills/imp_" in answer.location
    page = words(oscar, answer.location)
    assert "Imported: 1 of 2 rows. 1 could not be counted" in page
    assert "BilledCost is no number: much." in page
    assert "$12.34" in words(oscar, "/operator/costs")
    assert "a.csv" in words(oscar, "/operator/costs/bills")


def test_the_same_bill_again_says_so(oscar):
    send(oscar, ("a.csv", text(today())))
    assert "imported before" in words(oscar, send(oscar, ("b.csv", text(today()))).location)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([], "Choose at least one file."),
        ([("a.csv", "name,price\nx,1\n")], "a.csv is no bill in FOCUS columns"),
    ],
)
def test_what_cannot_be_taken_says_why(oscar, files, sentence):
    answer = send(oscar, *files)
    assert answer.status_code == 422 and sentence in answer.text


def test_an_upload_beyond_the_limit_says_so(oscar):
    answer = send(oscar, ("a.csv", "x" * 20_000_001))
    assert answer.status_code == 413 and "larger than the 20 MB that are taken" in answer.text


def test_an_import_that_is_not_there_is_not_found(oscar):
    assert oscar.get("/operator/costs/bills/imp_nothing").status_code == 404


def test_a_typed_cost_on_an_imported_bill_gives_way(oscar, session):
    add(session)
    fields = {
        "name": "Database",
        "service": "Database",
        "amount": "26.50",
        "currency": "usd",
        "last_month": "",
    }
    oscar.send("/operator/costs", **fields, first_month=this_month(), billed_by="AWS")
    assert "$145.50 in " in words(oscar, "/operator/costs")
    send(oscar, ("a.csv", text(today(cost="20"))))
    assert "$139.00 so far in " in words(oscar, "/operator/costs")


def test_the_month_is_shown_by_day_and_by_tag(oscar):
    tagged = [today(cost="3", Tags='{"team": "a", "env": "x"}'), today(cost="1.50", Tags='{"team": "b"}')]
    send(oscar, ("a.csv", text(*tagged)))
    page = words(oscar, "/operator/costs?tag=team#by-tag")
    assert "This month, by day" in page and "Expected by its end" in page
    assert "team Amount a $3.00 b $1.50 Not tagged $0.00" in page
    assert "env Amount x $3.00 Not tagged $1.50" in words(oscar, "/operator/costs?tag=env")
    assert "team Amount" in words(oscar, "/operator/costs?tag=nonsense")


def test_the_home_says_what_is_expected_and_what_is_so_far(oscar):
    send(oscar, ("a.csv", text(today(cost="3"))))
    assert "$3.00 so far" in words(oscar, "/operator")


def test_alerts_are_added_and_removed(oscar):
    page = "/operator/costs/alerts"
    assert oscar.send(page, amount="250").status_code == 303
    assert oscar.send(f"{page}/removal", on=page, minor="1000").status_code == 303
    shown = words(oscar, page)
    assert "$250.00 Remove" in shown and "Remove $10 " not in shown
    assert "when a month costs $50, $100, $250" in words(oscar, "/operator/costs")


def test_alerts_in_the_currency_of_the_costs_are_changed_too(oscar):
    page = "/operator/costs/alerts"
    assert oscar.send(page, amount="250", currency="eur").status_code == 422
    send(oscar, ("a.csv", text(today(cost="3", BillingCurrency="EUR"))))
    assert oscar.send(page, amount="250", currency="eur").status_code == 303
    assert oscar.send(f"{page}/removal", on=page, minor="1000", currency="eur").status_code == 303
    shown = words(oscar, page)
    assert "€250.00 Remove" in shown and "Remove €10 " not in shown and "Remove $10 " in shown


def test_a_refused_alert_says_why(oscar):
    page = "/operator/costs/alerts"
    assert "A letter goes out at $50 already." in oscar.send(page, amount="50").text
    assert oscar.send(page, amount="much").status_code == 422
    assert oscar.send(f"{page}/removal", on=page, minor="much").status_code == 404


def test_an_unusual_day_is_shown_and_stands_on_the_home(oscar, session):
    with unit(session):
        charges.fill(session, OSCAR, clock.now())
    page = words(oscar, "/operator/costs")
    assert "Unusual" in page and "Amazon Elastic Container Service" in page
    assert "One service began to cost more than is usual for it." in words(oscar, "/operator")
