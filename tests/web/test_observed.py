"""Readiness to enforce: who would have been refused, and what enforcing would mean."""

from datetime import timedelta

import pytest

from portal import accounts, metering, plans
from portal.kit.db import unit
from portal.metering import UsageHour, UsageTotal
from tests.plans.people import OPERATOR

HOME = "/operator/readiness"


def note(desk, name, code, calls, used=0, ago=timedelta(hours=2)):
    """What the gate noted of an account, as settled."""
    with desk.database() as session, unit(session):
        held = plans.current(session, desk.ids[name], now=desk.now)
        month = metering.open_windows(session, held, now=desk.now).live
        hour = (desk.now - ago).replace(minute=0, second=0, microsecond=0)
        where = {"window_id": month.id, "account_id": desk.ids[name], "calls": calls}
        session.merge(
            UsageHour(meter=f"observed:{code}", hour=hour, key_id="key_1", endpoint="", units=calls, **where)
        )
        session.merge(UsageTotal(meter="calls", units=used, **where))


def test_where_nothing_is_observed_the_page_says_how_to(desk):
    words = desk.browser("oscar").words(HOME)
    assert "Nothing is observed: limits hold for every account." in words
    assert "Nothing would have been refused" in words and "GATE_MODE=observe" in words


def test_where_everyone_is_observed_and_keeps_to_the_limits_it_says_so(desk):
    words = desk.browser("oscar", gate_mode="observe").words(HOME)
    assert "Every account is observed" in words and "every call was within its limits" in words
    assert "GATE_MODE=enforce" in words


def test_one_observed_account_is_named(desk):
    with desk.database() as session, unit(session):
        accounts.observe(session, desk.ids["alice"], True, actor=OPERATOR, now=desk.now)
    words = desk.browser("oscar").words(HOME)
    assert "One account is observed" in words and "Example Ltd since" in words


def test_who_would_have_been_refused_is_listed_with_what_it_is_worth(desk):
    note(desk, "alice", "QUOTA_EXCEEDED", 1_250, used=2_250)
    note(desk, "charlie", "INSUFFICIENT_SCOPE", 7)
    words = desk.browser("oscar", gate_mode="observe").words(HOME)
    assert "Calls 1,257 Accounts 2 Worth a month $19.00" in words
    assert (
        "Example Ltd Used up now API Free The billing month was used up QUOTA_EXCEEDED 1,250 1 key" in words
    )
    assert "$19.00 for API Pro" in words
    assert "The key lacks a scope INSUFFICIENT_SCOPE 7" in words and "No plan: worth nothing" in words
    assert "One account has used up the billing month that runs now" in words


def test_what_is_older_than_asked_for_is_left_out(desk):
    note(desk, "alice", "QUOTA_EXCEEDED", 5, used=2_000, ago=timedelta(days=10))
    oscar = desk.browser("oscar")
    assert "Calls 5" in oscar.words(f"{HOME}?days=30") and "Calls 5" not in oscar.words(f"{HOME}?days=7")
    assert oscar.get(f"{HOME}?days=nonsense").status_code == 200


@pytest.mark.parametrize("name", ["alice", "charlie", "sue"])
def test_readiness_is_the_operators_alone(desk, name):
    assert desk.browser(name).get(HOME).status_code == 404
