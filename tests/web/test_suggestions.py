"""Suggestions, as pages: looked at, decided, undone."""

import pytest

from portal import scaling
from portal.kit import clock
from portal.kit.db import unit
from tests.web import charges
from tests.web.test_costs import OSCAR, oscar, session, words

__all__ = ["oscar", "session"]
PAGE = "/operator/suggestions"


@pytest.fixture
def ids(session):
    with unit(session):
        return charges.fill(session, OSCAR, clock.now())


def test_a_suggestion_shows_all_that_a_decision_needs(oscar, ids):
    page = words(oscar, f"{PAGE}/{ids['suggestion']}")
    for said in (
        "Compute Savings Plan",
        "At worst",
        "is still owed if all use stops tomorrow, until",
        "Hours at or above the level",
        "Asked for:",
        "aws savingsplans create-savings-plan",
        "delete-queued-savings-plan",
        "Cash against the worst case",
    ):
        assert said in page, said
    against = words(oscar, f"{PAGE}/{ids['against']}")
    assert "Not suggested" in against and "is still owed" in against and "Decide" not in against
    index = words(oscar, PAGE)
    assert "One waits for your decision." in index and "Looked at, and not suggested" in index
    assert "One suggestion would lower your costs." in words(oscar, "/operator")


def test_it_is_accepted_carried_out_and_undone(oscar, ids):
    page = f"{PAGE}/{ids['suggestion']}"
    for deed, state in (("acceptance", "Accepted."), ("application", "Applied."), ("reversal", "Undone.")):
        assert oscar.send(f"{page}/{deed}", on=page).status_code == 303
        assert state in words(oscar, page)
    assert oscar.send(f"{page}/acceptance", on=PAGE).status_code == 409


def test_it_is_dismissed_with_a_reason(oscar, ids):
    page = f"{PAGE}/{ids['suggestion']}"
    refused = oscar.send(f"{page}/dismissal", on=page, reason="")
    assert refused.status_code == 422 and "Say why." in refused.text
    assert oscar.send(f"{page}/dismissal", on=page, reason="We move away.").status_code == 303
    assert "We move away." in words(oscar, page)


def test_it_is_put_aside(oscar, ids):
    page = f"{PAGE}/{ids['suggestion']}"
    assert oscar.send(f"{page}/pause", on=page).status_code == 303
    assert "Nothing waits for your decision." in words(oscar, PAGE)


def test_a_chance_of_closing_is_typed_and_everything_worked_out_anew(oscar, ids, session):
    assert oscar.send(f"{PAGE}/hazard", on=PAGE, percent="much").status_code == 422
    assert oscar.send(f"{PAGE}/hazard", on=PAGE, percent="100").status_code == 303
    assert "Nothing waits for your decision." in words(oscar, PAGE)
    session.expire_all()
    states = {one.row.subject: one.state for one in scaling.suggestions(session, "usd", now=clock.now())}
    assert states["compute"] == "rejected"


def test_what_is_not_there_is_not_found(oscar):
    assert oscar.get(f"{PAGE}/sug_nothing").status_code == 404
    assert "No suggestions yet" in words(oscar, PAGE)
