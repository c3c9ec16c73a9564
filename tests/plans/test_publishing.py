"""Publishing: versions never change, and those who hold one keep it."""

from datetime import timedelta

from portal import plans
from portal.plans.models import PlanVersion
from tests.plans.people import NOON, OPERATOR, account_of, publish

LATER = NOON + timedelta(days=10)
PRO_GROWS = [("included = { calls = 100000 }", "included = { calls = 200000 }")]
FREE_SHRINKS = [("included = { calls = 1000 }", "included = { calls = 500 }")]


def held(session, account_id, now=LATER):
    plan = plans.current(session, account_id, now=now)
    return plan.plan, plan.version, plan.included["calls"]


def test_the_first_publication_makes_version_one_of_every_plan(session):
    assert {plan.version for plan in publish(session)} == {1}
    assert len(plans.catalogue(session).plans) == 9


def test_publishing_the_same_again_changes_nothing(session):
    publish(session)
    before = plans.catalogue(session)
    assert publish(session, LATER) == []
    assert plans.catalogue(session) == before


def test_what_is_published_reads_back_as_it_was_written(session):
    publish(session)
    read, stored = plans.read(plans.SHIPPED.read_text()), plans.catalogue(session)
    assert stored.meters == read.meters and stored.one_offs == read.one_offs
    assert all(one.same_as(other) for one, other in zip(read.plans, stored.plans, strict=True))


def test_a_changed_plan_is_a_new_version_and_the_others_stay(session):
    publish(session)
    assert [(plan.slug, plan.version) for plan in publish(session, LATER, replace=PRO_GROWS)] == [
        ("api-pro", 2)
    ]
    assert plans.version(session, "api-pro", 1).included["calls"] == 100_000
    assert plans.version(session, "api-pro", 2).included["calls"] == 200_000
    assert plans.catalogue(session).plan("api-free").version == 1


def test_a_plan_that_goes_back_to_what_it_was_gets_a_new_number(session):
    for replace in ([], PRO_GROWS, []):
        publish(session, LATER, replace=replace)
    assert plans.catalogue(session).plan("api-pro").version == 3
    assert session.query(PlanVersion).filter_by(slug="api-pro").count() == 3


def test_holders_keep_their_version_until_they_move(session):
    publish(session)
    alice = account_of(session, "Alice")
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    publish(session, LATER, replace=PRO_GROWS)
    assert held(session, alice) == ("api-pro", 1, 100_000)
    plans.grant(session, alice, "api-pro", OPERATOR, LATER)
    assert held(session, alice) == ("api-pro", 2, 200_000)


def test_a_new_free_plan_is_for_those_who_come_after_it(session):
    publish(session)
    alice = account_of(session, "Alice")
    publish(session, LATER, replace=FREE_SHRINKS)
    charlie = account_of(session, "Charlie", now=LATER)
    assert held(session, alice) == ("api-free", 1, 1_000)
    assert held(session, charlie) == ("api-free", 2, 500)


def test_coming_back_to_free_is_coming_to_the_free_plan_of_that_day(session):
    publish(session)
    alice = account_of(session, "Alice")
    plans.grant(session, alice, "api-pro", OPERATOR, NOON)
    publish(session, LATER, replace=FREE_SHRINKS)
    plans.end(session, alice, "api", OPERATOR, LATER)
    assert held(session, alice) == ("api-free", 2, 500)


def test_an_account_older_than_the_first_catalogue_is_on_the_first_free_plan(session):
    alice = account_of(session, "Alice", now=NOON - timedelta(days=30))
    publish(session)
    publish(session, LATER, replace=FREE_SHRINKS)
    assert held(session, alice) == ("api-free", 1, 1_000)


def test_a_plan_taken_off_the_file_is_no_longer_offered_but_still_held(session):
    publish(session)
    alice = account_of(session, "Alice")
    plans.grant(session, alice, "support-enterprise", OPERATOR, NOON)
    text = plans.SHIPPED.read_text()
    start = text.index('[[plans]]\nslug = "support-enterprise"')
    plans.sync(session, plans.read(text[:start] + text[text.index("# ---- Work") :]), LATER)
    assert "support-enterprise" not in {plan.slug for plan in plans.catalogue(session).plans}
    assert plans.current(session, alice, line="support", now=LATER).plan == "support-enterprise"
