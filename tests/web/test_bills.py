"""Bills brought in on the page."""

import io

import pytest

from tests.costs.bills import line, text
from tests.web.test_costs import add, oscar, session, this_month, words

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
    assert answer.status_code == 413 and "larger than this form takes" in answer.text


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
    assert "$139.00 in " in words(oscar, "/operator/costs")
