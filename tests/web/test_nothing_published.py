"""Before anything was published the operator's pages stand, and the first catalogue can be published."""

from dataclasses import replace

import pytest

from portal import accounts, plans
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import shipped, someone
from tests.web.sites import site_of
from tests.web.till import Browser


@pytest.fixture
def oscar(settings, database, redis, tmp_path):
    file = tmp_path / "plans.toml"
    file.write_text(shipped())
    app = site_of(replace(settings, plans_file=file))
    with database() as session, unit(session):
        person = someone(session, "Oscar", clock.now())
        person.staff_role = "operator"
        token = accounts.begin(session, person, accounts.Browser("192.0.2.7", "tests"), now=clock.now())
    return Browser(app, lambda: token, None)


def test_every_page_of_the_operators_and_the_staffs_stands(oscar):
    rules = [rule for rule in oscar.client.application.url_map.iter_rules() if "GET" in rule.methods]
    pages = [one.rule for one in rules if one.rule.startswith(("/operator", "/staff")) and not one.arguments]
    assert len(pages) > 10
    found = {page: code for page in pages if (code := oscar.get(page).status_code) >= 400}
    assert found == {"/operator/plans/stripe": 409}, "there is nothing to compare yet"


def test_the_first_catalogue_is_published(oscar, database):
    assert "Support Priority" in oscar.words("/operator/plans")
    assert oscar.press("/operator/plans", "Publish").status_code == 303
    with database() as session:
        assert plans.catalogue(session).plan("support-priority").version == 1
