"""The dashboard: the way to the first call, then the month at a glance."""

from datetime import timedelta

import pytest

from portal import accounts, keys, metering, plans
from portal.kit import clock
from portal.kit.db import unit
from portal.metering import UsageDay, UsageTotal
from portal.web.dashboard import ending_soon
from tests.web.town import town_of

PLACE = accounts.Browser("192.0.2.7", "tests")


class Newcomer:
    """Nora, whose account is fresh, in a browser without JavaScript."""

    def __init__(self, client, database, settings):
        self.client, self.database = client, database
        self.stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
        now = clock.now()
        with self.unit() as session:
            plans.sync(session, plans.read(plans.SHIPPED.read_text()), now)
            cli = accounts.Actor(None, "cli")
            person = accounts.add_staff(session, "nora@example.com", "support", actor=cli, now=now)
            person.staff_role = person.verified_at = None
            self.person = person.id
            self.account = accounts.open_account(session, "Nora's", person, now=now).id
            client.set_cookie("upkeep", accounts.begin(session, person, PLACE, now=now))

    def unit(self):
        return _unit(self.database)

    def verify(self):
        with self.unit() as session:
            accounts.person(session, self.person).verified_at = clock.now()

    def mint(self, **options):
        with self.unit() as session:
            actor = accounts.Actor(self.person, "nora@example.com")
            minted = keys.mint(
                session, self.account, "CI", stamp=self.stamp, actor=actor, now=clock.now(), **options
            )
        return minted.key_id

    def use(self, key_id, units):
        now = clock.now()
        with self.unit() as session:
            held = plans.current(session, self.account, now=now)
            month = metering.open_windows(session, held, now=now).live
            whose = {"window_id": month.id, "meter": "calls", "account_id": self.account}
            session.add(
                UsageDay(**whose, day=now.date(), key_id=key_id, endpoint="", units=units, calls=units)
            )
            session.add(UsageTotal(**whose, units=units, calls=units))

    def page(self, **headers):
        return self.client.get("/dashboard", headers=headers)

    def text(self):
        return self.page().get_data(as_text=True)


class _unit:
    def __init__(self, database):
        self.session = database()
        self.inner = unit(self.session)

    def __enter__(self):
        return self.inner.__enter__()

    def __exit__(self, *failure):
        self.inner.__exit__(*failure)
        self.session.close()


@pytest.fixture
def nora(client, database, settings):
    return Newcomer(client, database, settings)


def test_a_newcomer_is_led_to_the_first_call(nora):
    text = nora.text()
    assert "3 steps are left to your first call." in text
    assert "Send the letter again" in text


def test_a_key_is_offered_once_the_address_is_confirmed(nora):
    assert "Create key" not in nora.text()
    nora.verify()
    text = nora.text()
    assert "2 steps are left" in text and "Create key" in text


def test_the_last_step_is_a_call(nora):
    nora.verify()
    nora.mint()
    text = nora.text()
    assert "One step is left to your first call." in text
    assert "curl -i http://127.0.0.1:8000/v1/authorize" in text


def test_after_the_first_call_the_month_is_shown(nora):
    nora.verify()
    nora.use(nora.mint(), 612)
    text = nora.text()
    assert "steps are left" not in text and "first-run" not in text
    assert "612 of 1,000 calls used" in text
    assert 'value="612" max="1000"' in text


def test_a_page_that_waited_for_the_call_is_told_to_begin_anew(nora):
    nora.verify()
    key_id = nora.mint()
    assert "HX-Refresh" not in nora.page(HX_Request="true").headers
    nora.use(key_id, 1)
    assert nora.page(HX_Request="true").headers["HX-Refresh"] == "true"
    assert "HX-Refresh" not in nora.page().headers


@pytest.mark.parametrize(
    ("used", "words"), [(799, ""), (800, "More than 80 % is used"), (1000, "The limit is reached")]
)
def test_a_limit_that_comes_near_is_told(nora, used, words):
    nora.verify()
    nora.use(nora.mint(), used)
    text = nora.text()
    assert words in text
    assert words or ("80 %" not in text and "limit is reached" not in text)


def test_a_key_that_will_stop_is_told(nora):
    nora.verify()
    nora.use(nora.mint(expires_at=clock.now() + timedelta(days=3)), 1)
    assert "stops working on" in nora.text()


def test_a_suspended_account_is_told_why(nora):
    with nora.unit() as session:
        accounts.suspend(
            session, nora.account, "Unpaid for long.", actor=accounts.Actor(None, "cli"), now=clock.now()
        )
    text = nora.text()
    assert "This account is suspended" in text and "Unpaid for long." in text


NOW = clock.now()


@pytest.mark.parametrize(
    ("expires_in_days", "retires_in_days", "revoked", "told"),
    [
        (None, None, False, None),
        (3, None, False, 3),
        (14, None, False, 14),
        (15, None, False, None),
        (-1, None, False, None),
        (10, 2, False, 2),
        (None, 7, False, 7),
        (3, -1, False, None),
        (3, None, True, None),
    ],
)
def test_keys_that_stop_within_two_weeks_are_named(expires_in_days, retires_in_days, revoked, told):
    key = keys.Key(
        id="key_1",
        expires_at=_in(expires_in_days),
        retires_at=_in(retires_in_days),
        revoked_at=NOW if revoked else None,
    )
    assert ending_soon([key], NOW) == ([] if told is None else [(key, _in(told))])


def _in(days):
    return None if days is None else NOW + timedelta(days=days)


@pytest.mark.browser
def test_the_waiting_page_notices_the_first_call_by_itself(web_app, database, redis, settings, browser):
    with town_of(web_app, database, settings) as town:
        newcomer = Newcomer(web_app.test_client(), database, settings)
        newcomer.verify()
        key_id = newcomer.mint()
        context = browser.new_context()
        token = newcomer.client.get_cookie("upkeep").value
        context.add_cookies([{"name": "upkeep", "value": token, "url": town.url}])
        page = context.new_page()
        page.goto(town.url + "/dashboard")
        page.get_by_text("One step is left").wait_for()
        newcomer.use(key_id, 1)
        page.get_by_text("1 of 1,000 calls used").wait_for()
        context.close()
