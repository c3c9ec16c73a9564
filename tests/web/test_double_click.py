"""A double click in a real browser."""

import pytest
from sqlalchemy import func, select

from portal import keys
from tests.web.town import town_of

pytestmark = pytest.mark.browser


@pytest.fixture
def town(web_app, database, redis, settings):
    with town_of(web_app, database, settings) as standing:
        yield standing


def test_a_double_click_makes_one_key_and_shows_it(town, browser, database):
    page = town.enter(browser, "alice").new_page()
    page.goto(town.address("/keys"))
    with database() as session:
        before = session.scalar(select(func.count()).select_from(keys.Key))
    page.get_by_label("Name").first.fill("clicked twice")
    page.get_by_role("button", name="Create key").dblclick()
    page.get_by_text("Copy it now").first.wait_for()
    assert page.get_by_text("upk_live_").first.is_visible()
    page.context.close()
    with database() as session:
        assert session.scalar(select(func.count()).select_from(keys.Key)) == before + 1
