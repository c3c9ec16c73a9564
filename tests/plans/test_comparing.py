"""What publishing would change is told before it is done, plan by plan."""

from datetime import timedelta

import pytest

from portal import accounts, plans
from tests.plans.people import NOON, OPERATOR, account_of, publish, shipped

LATER = NOON + timedelta(days=10)
DEARER = ("price_month = 1900", "price_month = 2400")
MORE_KEYS = ("keys = 2", "keys = 3")
CHANGES = {
    "a price": ([DEARER], "api-pro", {("Price a month", "$19", "$24")}),
    "a limit": ([MORE_KEYS], "api-free", {("Keys", "2", "3")}),
    "what is included": (
        [("included = { calls = 100000 }", "included = { calls = 200000 }")],
        "api-pro",
        {("Included, calls", "100,000", "200,000")},
    ),
    "a promise": (
        [("first_response_minutes = 240", "first_response_minutes = 120")],
        "support-priority",
        {("Answer times, first response minutes", "240", "120")},
    ),
    "a name": ([('name = "API Pro"', 'name = "API Plus"')], "api-pro", {("Name", "API Pro", "API Plus")}),
}


def preview(session, replace):
    return plans.preview(session, plans.read(shipped(replace)))


@pytest.mark.parametrize(("replace", "slug", "differences"), CHANGES.values(), ids=CHANGES)
def test_a_changed_plan_is_told_with_what_changes_and_its_next_version(session, replace, slug, differences):
    publish(session)
    found = preview(session, replace)
    [change] = [one for one in found.changes if one.verb != "kept"]
    assert (change.verb, change.plan.slug, change.plan.version) == ("changed", slug, 2)
    assert {(one.name, one.before, one.after) for one in change.differences} == differences
    assert not found.nothing


def test_the_file_as_published_changes_nothing(session):
    publish(session)
    assert preview(session, []).nothing


def test_before_the_first_publication_every_plan_is_new(session):
    assert {change.verb for change in preview(session, []).changes} == {"new"}


def test_a_plan_that_left_the_file_is_withdrawn(session):
    publish(session, replace=[('slug = "api-pro"', 'slug = "api-plus"')])
    verbs = {change.plan.slug: change.verb for change in preview(session, []).changes}
    assert (verbs["api-plus"], verbs["api-pro"], verbs["api-free"]) == ("withdrawn", "new", "kept")


def test_what_stands_beside_the_plans_is_told_too(session):
    publish(session)
    found = preview(session, [('unit = "call"', 'unit = "request"')])
    assert [(one.name, one.before) for one in found.beside] and not found.nothing


def test_a_changed_calendar_is_told_in_words(session):
    publish(session)
    [one] = preview(session, [('mon = ["09:00-17:00"]', 'mon = ["09:00-13:00"]')]).beside
    assert one.name == "Calendars, business, hours" and "Mon, 09:00 to 13:00" in one.after


def test_the_preview_says_what_publishing_then_does(session):
    publish(session)
    told = [(one.plan.slug, one.plan.version) for one in preview(session, [DEARER, MORE_KEYS]).changes
            if one.verb == "changed"]  # fmt: skip
    done = [(plan.slug, plan.version) for plan in publish(session, LATER, replace=[DEARER, MORE_KEYS])]
    assert sorted(told) == sorted(done)


def test_holders_are_counted_as_each_account_holds(session):
    """The count of each version is what `current` says of every account, one by one."""
    publish(session)
    held = [account_of(session, name) for name in ("Alice", "Bob", "Charlie", "Dora", "Emil")]
    plans.grant(session, held[0], "api-pro", OPERATOR, NOON)
    plans.grant(session, held[1], "api-pro", OPERATOR, NOON, ends_at=LATER - timedelta(days=1))
    publish(session, NOON + timedelta(days=1), replace=[MORE_KEYS, DEARER])
    plans.grant(session, held[2], "api-pro", OPERATOR, NOON + timedelta(days=2))
    plans.end(session, held[2], "api", OPERATOR, NOON + timedelta(days=3))
    held.append(account_of(session, "Frida", NOON + timedelta(days=4)))
    accounts.get(session, held[4]).closed_at = NOON + timedelta(days=5)
    expected = {}
    for account_id in [one for one in held if one != held[4]]:
        for line in ("api", "hosting", "support"):
            found = plans.current(session, account_id, line=line, now=LATER)
            expected[found.plan, found.version] = expected.get((found.plan, found.version), 0) + 1
    assert plans.holders(session, now=LATER) == expected
    assert expected["api-free", 2] == 3  # came back, or came, after it was published
