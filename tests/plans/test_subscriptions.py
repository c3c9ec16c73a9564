"""Subscriptions: what a grant gives, what it refuses, what ends it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import accounts, plans
from portal.accounts.models import AuditEntry
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.outbox import ToldFact
from portal.plans import rules
from portal.plans.models import Subscription
from tests.plans.people import NOON, OPERATOR, account_of, publish

LATER = NOON + timedelta(days=3)


@pytest.fixture
def alice(session):
    publish(session)
    return account_of(session, "Alice")


def told(session):
    facts = session.scalars(
        select(ToldFact).where(ToldFact.name == "plans.PlanChanged").order_by(ToldFact.id)
    )
    return [(fact.data["line"], fact.data["before"], fact.data["after"]) for fact in facts]


def test_no_subscription_is_the_free_plan(session, alice):
    held = plans.current(session, alice, now=NOON)
    assert (held.plan, held.paid, held.source, held.since, held.anchor_at) == (
        "api-free",
        False,
        None,
        None,
        None,
    )
    assert held.ceilings("calls") == (1_000, 1_000)
    assert held.ceilings("tokens") == (0, 0)


def test_a_grant_holds_at_once_and_is_told_audited_and_learnt_by_the_gate(session, alice):
    version = accounts.get(session, alice).version
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    held = plans.current(session, alice, now=NOON)
    assert (held.plan, held.paid, held.source, held.anchor_at) == ("api-pro", True, "grant", NOON)
    assert held.ceilings("calls") == (100_000, 1_000)
    assert told(session) == [("api", "api-free", "api-pro")]
    session.expire_all()
    assert accounts.get(session, alice).version > version
    audited = session.scalars(select(AuditEntry).where(AuditEntry.account_id == alice)).all()
    assert [(entry.actor, entry.data["plan"]) for entry in audited if entry.action == "plan.granted"] == [
        (OPERATOR.label, "api-pro")
    ]


def test_lines_are_held_apart(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    plans.grant(session, alice, "support-priority", OPERATOR, NOON)
    held = plans.held_lines(session, alice, now=NOON)
    assert {line: plan.plan for line, plan in held.items()} == {
        "api": "api-pro",
        "hosting": "hosting-community",
        "support": "support-priority",
    }


def test_granting_what_is_held_is_refused(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    with pytest.raises(Conflict, match="already holds API Pro"):
        plans.grant(session, alice, "api-pro", OPERATOR, LATER)


def test_the_free_plan_needs_no_grant(session, alice):
    with pytest.raises(Invalid, match="needs no grant"):
        plans.grant(session, alice, "api-free", OPERATOR, NOON)


def test_an_unknown_plan_or_account_is_missing(session, alice):
    with pytest.raises(Missing, match="no plan called api-gold"):
        plans.grant(session, alice, "api-gold", OPERATOR, NOON)
    with pytest.raises(Missing):
        plans.grant(session, "acc_nobody", "api-pro", OPERATOR, NOON)
    with pytest.raises(Missing):
        plans.current(session, "acc_nobody", now=NOON)


def test_nothing_is_granted_over_a_plan_that_is_paid_by_card(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON, source="stripe")
    with pytest.raises(Conflict, match="by card"):
        plans.grant(session, alice, "api-enterprise", OPERATOR, LATER)
    with pytest.raises(Conflict, match="by card"):
        plans.end(session, alice, "api", OPERATOR, LATER)


def test_from_paid_to_paid_the_anchor_of_the_months_stays(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    plans.grant(session, alice, "api-enterprise", OPERATOR, LATER)
    held = plans.current(session, alice, now=LATER)
    assert (held.plan, held.since, held.anchor_at) == ("api-enterprise", LATER, NOON)


def test_from_free_to_paid_the_months_are_counted_anew(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    plans.end(session, alice, "api", OPERATOR, LATER)
    plans.grant(session, alice, "api-pro", OPERATOR, LATER)
    assert plans.current(session, alice, now=LATER).anchor_at == LATER


def test_an_end_is_the_free_plan_at_once(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    assert plans.end(session, alice, "api", OPERATOR, LATER) == LATER
    assert plans.current(session, alice, now=LATER).plan == "api-free"
    assert told(session)[-1] == ("api", "api-pro", "api-free")
    with pytest.raises(Conflict, match="nothing to end"):
        plans.end(session, alice, "api", OPERATOR, LATER)


def test_an_end_with_the_paid_month_lets_it_run_out(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    ends_at = plans.end(session, alice, "api", OPERATOR, LATER, with_month=True)
    assert ends_at == NOON.replace(month=12)
    assert plans.current(session, alice, now=ends_at - timedelta(microseconds=1)).plan == "api-pro"
    assert plans.current(session, alice, now=ends_at).plan == "api-free"
    assert told(session) == [("api", "api-free", "api-pro")]


def test_what_has_run_out_is_closed_and_told_once(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON, ends_at=LATER)
    assert plans.lapse(session, LATER - timedelta(seconds=1)) == []
    assert plans.lapse(session, LATER) == [alice]
    assert plans.lapse(session, LATER) == []
    assert told(session) == [("api", "api-free", "api-pro"), ("api", "api-pro", "api-free")]


def test_a_grant_after_the_end_starts_from_free(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON, ends_at=LATER)
    plans.grant(session, alice, "api-pro", OPERATOR, LATER)
    assert plans.current(session, alice, now=LATER).anchor_at == LATER
    assert [after for _, _, after in told(session)] == ["api-pro", "api-free", "api-pro"]


def test_an_end_in_the_past_is_refused(session, alice):
    with pytest.raises(Invalid, match="future"):
        plans.grant(session, alice, "api-pro", OPERATOR, NOON, ends_at=NOON)


def test_a_contract_sets_its_own_limits(session, alice):
    terms = {"rate": 500, "keys": 300, "included": {"calls": 5_000_000}}
    plans.grant(session, alice, "api-enterprise", OPERATOR, NOON, source="contract", overrides=terms)
    held = plans.current(session, alice, now=NOON)
    assert (held.rate, held.burst, held.keys, held.source) == (500, 100, 300, "contract")
    assert held.ceilings("calls") == (5_000_000, 1_000)


@pytest.mark.parametrize(
    "terms",
    [
        {"colour": 1},
        {"rate": 0},
        {"rate": True},
        {"rate": 1.5},
        {"included": 5},
        {"included": {"calls": -1}},
        {"included": {"sheep": 1}},
    ],
)
def test_terms_that_make_no_sense_are_refused(session, alice, terms):
    with pytest.raises(Invalid):
        plans.grant(session, alice, "api-enterprise", OPERATOR, NOON, overrides=terms)


def test_the_database_itself_allows_one_open_subscription_per_line(session, alice):
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    row = session.scalars(select(Subscription)).one()
    kept = {column.key: getattr(row, column.key) for column in Subscription.__table__.columns}
    session.add(Subscription(**{**kept, "id": "sub_second"}))
    with pytest.raises(IntegrityError):
        session.flush()


NUMBERS = st.integers(1, 1_000_000)
TERMS = st.fixed_dictionaries(
    {},
    optional={
        "rate": NUMBERS,
        "burst": NUMBERS,
        "keys": st.integers(1, 100_000),
        "included": st.dictionaries(st.sampled_from(["calls", "tokens"]), st.integers(0, 10**15)),
    },
)
PRO = plans.read(plans.SHIPPED.read_text()).plan("api-pro")


@given(TERMS)
def test_a_contract_changes_what_it_names_and_nothing_else(terms):
    rules.check_overrides(terms, ["calls", "tokens"])
    changed = rules.overridden(PRO, terms)
    assert set(changed) == set(terms)
    for name in {"rate", "burst", "keys"} & set(terms):
        assert changed[name] == terms[name]
    for meter, units in terms.get("included", {}).items():
        assert changed["included"][meter] == units
    if "included" in terms and "calls" not in terms["included"]:
        assert changed["included"]["calls"] == PRO.included["calls"]
