"""Calendars and what support promises: read, refused, published, put into words."""

from datetime import timedelta

import pytest

from portal import plans
from portal.kit import hours
from portal.kit.errors import Invalid, Missing
from portal.plans.models import Edition, PlanVersion
from tests.plans.people import NOON, OPERATOR, account_of, publish, shipped

WORKDAYS = "\n".join(f'{day} = ["09:00-17:00"]' for day in ("mon", "tue", "wed", "thu", "fri"))
PRIORITY = "first_response_minutes = 240, next_response_minutes = 480, resolution_minutes = 1440"
ZONE, HOLIDAYS = 'name = "Business hours"\nzone = "UTC"', 'holidays = ""'


def days(*frames):
    return WORKDAYS, "\n".join(frames)


def read(*replace):
    return plans.read(shipped(replace))


def test_the_shipped_plans_promise_what_is_written_of_them():
    offered = read()
    assert offered.plan("support-community").sla is None
    assert offered.plan("support-priority").sla == plans.Sla("business", 240, 480, 1440)
    assert offered.plan("support-enterprise").sla == plans.Sla("always", 60, 240, 1440)
    assert plans.promises(offered, offered.plan("support-community")) == ()
    assert plans.promises(offered, offered.plan("support-priority")) == (
        "First answer within 4 business hours",
        "Next answer within 8 business hours",
        "Solved within 3 business days",
        "Mon to Fri, 09:00 to 17:00 UTC",
    )
    assert plans.promises(offered, offered.plan("support-enterprise")) == (
        "First answer within 1 hour",
        "Next answer within 4 hours",
        "Solved within 24 hours",
        "Around the clock, every day",
    )


def test_words_follow_the_numbers_and_the_calendar():
    offered = read(
        (PRIORITY, "first_response_minutes = 90, resolution_minutes = 60"),
        days(
            'mon = ["09:00-12:30", "13:30-17:30"]',
            "tue = []",
            'wed = ["09:00-12:30"]',
            'sun = ["22:00-24:00"]',
        ),
        (ZONE, 'name = "Business hours"\nzone = "America/New_York"'),
        (HOLIDAYS, 'holidays = "US-NY"'),
    )
    assert plans.promises(offered, offered.plan("support-priority")) == (
        "First answer within 90 business minutes",
        "Solved within 1 business hour",
        "Mon, 09:00 to 12:30 and 13:30 to 17:30; Wed, 09:00 to 12:30; Sun, 22:00 to 24:00"
        " America/New York, public holidays free",
    )


def test_a_calendar_is_read_as_it_is_written():
    offered = read(
        days('mon = ["13:00-17:00", "08:00-12:00"]'),
        (HOLIDAYS, 'holidays = "DE-BY"\noff = ["2026-12-31", "2026-12-24"]\nworking = ["2026-12-26"]'),
    )
    assert offered.calendar("business") == hours.Calendar(
        "business",
        "Business hours",
        "UTC",
        (((480, 720), (780, 1020)), (), (), (), (), (), ()),
        "DE-BY",
        ("2026-12-24", "2026-12-31"),
        ("2026-12-26",),
    )
    assert offered.calendar("always").is_always and not offered.calendar("business").is_always


BROKEN = [
    (days('mon = ["9-17"]'), "mon = ", '"9-17" is no span of a day'),
    (days('mon = ["17:00-09:00"]'), "mon = ", "must end after it begins"),
    (days('mon = ["09:00-09:00"]'), "mon = ", "must end after it begins"),
    (days('mon = ["09:00-24:01"]'), "mon = ", "at 24:00 at the latest"),
    (days('mon = ["09:00-17:60"]'), "mon = ", "is no span of a day"),
    (days('mon = ["09:00-12:00", "11:00-17:00"]'), "mon = ", "spans that overlap"),
    (days('mon = ["09:00-09:59"]'), "[calendars.business.days]", "at least 60 minutes a week"),
    (days('monday = ["09:00-17:00"]'), "monday = ", "monday means nothing here"),
    (days('mon = ["09:00-17:00"]', "holiday = []"), "holiday = []", "holiday means nothing here"),
    (days('mon = "09:00-17:00"'), "mon = ", "a list of texts"),
    ((ZONE, 'name = "B"\nzone = "Europe/Atlantis"'), "zone", 'no time zone "Europe/Atlantis"'),
    ((ZONE, 'name = "B"\nzone = "../etc/passwd"'), "zone", "no time zone"),
    ((ZONE, 'name = "B"\nzone = "Europe"'), "zone", "no time zone"),
    ((HOLIDAYS, 'holidays = "XX"'), "holidays", 'no public holidays are known of "XX"'),
    ((HOLIDAYS, 'holidays = "DE-XX"'), "holidays", "no public holidays are known"),
    ((HOLIDAYS, 'holidays = "DE-"'), "holidays", "no public holidays are known"),
    ((HOLIDAYS, 'off = ["24.12.2026"]'), "off = ", "is no day"),
    ((HOLIDAYS, 'off = ["2026-02-29"]'), "off = ", "is no day"),
    ((HOLIDAYS, 'working = ["20261224"]'), "working = ", "is no day"),
    (('calendar = "business"', 'calendar = "busy"'), "sla", "names the calendar busy"),
    ((PRIORITY, "first_response_minutes = 0"), "sla", "whole number from 1"),
    ((PRIORITY, "resolution_minutes = 86401"), "sla", "to 86400"),
    ((f", {PRIORITY}", ""), "sla", "promises nothing"),
    ((PRIORITY, "first_answer_minutes = 5, resolution_minutes = 1"), "sla", "means nothing here"),
    (
        ("keys = 20\nincluded", 'keys = 20\nsla = { calendar = "always" }\nincluded'),
        "sla = ",
        "sla means nothing",
    ),
]


@pytest.mark.parametrize(("replace", "key", "reason"), BROKEN)
def test_a_broken_promise_is_refused_with_its_line_and_reason(replace, key, reason):
    with pytest.raises(plans.CatalogueError, match=r"^Line \d+: ") as caught:
        read(replace)
    assert reason in str(caught.value)
    lines = shipped([replace]).splitlines()
    assert key in lines[caught.value.line - 1]


def test_a_changed_promise_is_a_new_version_and_a_changed_calendar_is_none(session):
    publish(session)
    [fresh] = publish(session, NOON, replace=[(PRIORITY, "first_response_minutes = 60")])
    assert (fresh.slug, fresh.version) == ("support-priority", 2)
    publish(session)
    assert publish(session, NOON, replace=[(HOLIDAYS, 'holidays = "DE"')]) == []
    assert plans.calendar(session, "business").holidays == "DE"


def test_a_calendar_that_is_on_offer_no_more_is_known_as_it_was_last(session):
    publish(session)
    plans.sync(session, read((HOLIDAYS, 'holidays = "FR"')), NOON)
    gone = shipped(
        [
            ('calendar = "business"', 'calendar = "always"'),
            ("[calendars.business]", "[calendars.b]"),
            ("[calendars.business.days]", "[calendars.b.days]"),
        ]
    )
    plans.sync(session, plans.read(gone), NOON)
    assert plans.calendar(session, "business").holidays == "FR"
    with pytest.raises(Missing):
        plans.calendar(session, "never")


def test_an_edition_from_before_there_were_promises_is_read_back(session):
    publish(session)
    edition = session.query(Edition).one()
    edition.data = {
        **{key: value for key, value in edition.data.items() if key != "calendars"},
        "plans": [{k: v for k, v in plan.items() if k != "sla"} for plan in edition.data["plans"]],
    }
    row = session.get(PlanVersion, ("support-priority", 1))
    row.data = {key: value for key, value in row.data.items() if key != "sla"}
    session.flush()
    before = plans.catalogue(session)
    assert before.calendars == () and before.plan("support-priority").sla is None
    assert plans.version(session, "support-priority", 1).sla is None
    assert {plan.slug for plan in publish(session)} == {"support-priority", "support-enterprise"}


def test_what_is_published_is_read_back_as_it_was(session):
    publish(session)
    found = plans.catalogue(session)
    assert found.calendars == read().calendars
    assert found.plan("support-priority").sla == read().plan("support-priority").sla
    assert publish(session) == []


def test_a_contract_may_promise_other_minutes(session):
    publish(session)
    account = account_of(session, "Alice")
    terms = {"first_response_minutes": 15, "resolution_minutes": 480}
    plans.grant(session, account, "support-enterprise", OPERATOR, NOON, source="contract", overrides=terms)
    held = plans.current(session, account, line="support", now=NOON + timedelta(hours=1))
    assert held.sla == plans.Sla("always", 15, 240, 480)
    with pytest.raises(Invalid):
        plans.grant(
            session, account, "support-enterprise", OPERATOR, NOON, overrides={"resolution_minutes": 0}
        )
