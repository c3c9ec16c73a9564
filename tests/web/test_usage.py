"""The usage page and its CSV: every call, and nobody else's."""

import csv
import io
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from redis import Redis

from portal import accounts, keys, metering, plans
from portal.gate import Question, Unavailable
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, publish, someone
from tests.web.people import Visit
from tests.web.sites import site_of

PLACE = accounts.Browser("192.0.2.7", "tests")


class Meter:
    """Alice's account with a key, and Charlie's beside it; the gate that counts their calls."""

    def __init__(self, settings, database, redis_url, gate=None):
        self.settings, self.database, self.now = settings, database, clock.now()
        self.gate = gate or metering.open_gate(settings, Redis.from_url(redis_url), database)
        self.app = site_of(settings, gate=self.gate)
        with database() as session, unit(session):
            publish(session, self.now)
            people = {name: someone(session, name, self.now) for name in ("Alice", "Bob", "Charlie")}
            owners = {
                name: accounts.open_account(session, name, people[name], now=self.now) for name in people
            }
            self.account = owners["Alice"].id
            bobs = accounts.Member(
                account_id=self.account, person_id=people["Bob"].id, role="viewer", joined_at=self.now
            )
            session.add(bobs)
            session.flush()
            self.cookies = {
                name: accounts.begin(session, one, PLACE, now=self.now) for name, one in people.items()
            }
            _, sign_in = accounts.signed_in_with(session, self.cookies["Bob"], now=self.now)
            accounts.switch(session, sign_in.id, people["Bob"].id, self.account)
        self.token = self.mint("Ingest")

    def mint(self, name, **options):
        stamp = keys.Stamp(self.settings.key_prefix, self.settings.key_peppers[0])
        with self.database() as session, unit(session):
            return keys.mint(
                session, self.account, name, stamp=stamp, actor=OPERATOR, now=self.now, **options
            ).token

    def call(self, cost=1, endpoint="", token=None):
        return self.gate.verify(Question(token or self.token, cost=cost, endpoint=endpoint))

    def visit(self, name="Alice"):
        browser = Visit(self.app)
        browser.client.set_cookie("upkeep", self.cookies[name])
        return browser

    def words(self, path="/usage", name="Alice"):
        answer = self.visit(name).get(path)
        assert answer.status_code == 200
        return text(answer)

    def book(self, window, lines, days_ago=0):
        """Lines (key, endpoint, units) in the ledger of a window."""
        day = (self.now - timedelta(days=days_ago)).date()
        with self.database() as session, unit(session):
            for key_id, endpoint, units in lines:
                at = {"window_id": window, "meter": "calls", "account_id": self.account}
                session.add(
                    metering.UsageDay(
                        **at, day=day, key_id=key_id, endpoint=endpoint, units=units, calls=units
                    )
                )

    def windows(self, now=None):
        now = now or self.now
        with self.database() as session, unit(session):
            held = plans.current(session, self.account, now=now)
            return metering.open_windows(session, held, now=now)


@pytest.fixture
def meter(settings, database, redis, redis_url):
    return Meter(settings, database, redis_url)


def text(answer):
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_before_the_first_call_the_page_says_what_it_is_for(meter):
    words = meter.words()
    assert "0 of 1,000 calls used, resets on 1 " in words
    assert "No calls yet" in words and "Go to your keys" in words


def test_every_call_is_there_at_once(meter):
    for cost in (1, 1, 10):
        meter.call(cost, "GET /memories")
    words = meter.words()
    assert "12 of 1,000 calls used" in words
    assert re.search(r"Ingest upk_live_\S+… 3 12 100.0 %", words)
    assert re.search(r"GET /memories 3 12 100.0 %", meter.words("/usage?by=endpoint"))


def test_calls_with_test_keys_are_apart(meter):
    token = meter.mint("Trial", environment="test")
    meter.call(4, token=token)
    assert "0 of 1,000 calls used" in meter.words()
    words = meter.words("/usage?environment=test")
    assert "4 of 1,000 calls used" in words and "Trial" in words


def test_at_80_percent_the_page_says_what_is_left(meter):
    meter.call(800)
    words = meter.words()
    assert "More than 80 % is used" in words and "200 calls are left until 1 " in words


def test_at_the_limit_the_page_says_when_it_ends_and_where_to_go(meter):
    meter.call(1000)
    answer = meter.visit().get("/usage")
    assert "All 1,000 calls of this billing month are used." in text(answer)
    assert 'href="/plans"' in answer.text


def test_a_plan_that_does_not_include_a_meter_says_so(meter):
    assert "Your plan includes no tokens." in meter.words("/usage?meter=tokens")


def test_an_earlier_month_is_shown_when_it_is_asked_for(meter):
    earlier = meter.windows(meter.now - timedelta(days=32)).live.id
    meter.book(earlier, [("key_gone", "GET /old", 77)], days_ago=32)
    assert "77" not in meter.words()
    assert "77 calls used from 1 " in meter.words(f"/usage?month={earlier}")


def test_a_statement_has_the_month_and_nothing_that_asks_for_more(meter):
    for _ in range(3):
        meter.call(cost=2, endpoint="GET /memories")
    words = meter.words("/usage/statement")
    assert "Calls 3 6 1,000 994" in words and "Ingest" in words and "The month is not over yet" in words
    assert "Invoices of this billing month" not in words, "nobody pays here"


def test_a_strangers_month_is_not_there(meter):
    window = meter.windows().live.id
    assert meter.visit("Charlie").get(f"/usage?month={window}").status_code == 404
    assert meter.visit("Charlie").get(f"/usage.csv?month={window}").status_code == 404
    assert meter.visit("Charlie").get(f"/usage/statement?month={window}").status_code == 404


def test_a_stranger_sees_nothing_of_it(meter):
    meter.call(123)
    assert "0 of 1,000 calls used" in meter.words(name="Charlie")
    assert rows(meter.visit("Charlie").get("/usage.csv")) == []


def test_who_may_only_look_may_look(meter):
    meter.call(5)
    assert "5 of 1,000 calls used" in meter.words(name="Bob")


@pytest.mark.parametrize("asked", ["meter=nonsense", "month=999999", "month=-1"])
def test_what_was_never_counted_is_not_there(meter, asked):
    assert meter.visit().get(f"/usage?{asked}").status_code == 404


@pytest.mark.parametrize("asked", ["page=-3", "page=99", "page=x", "month=x", "environment=x", "by=x"])
def test_a_crooked_question_is_answered_as_a_plain_one(meter, asked):
    assert "0 of 1,000 calls used" in meter.words(f"/usage?{asked}")


def test_five_hundred_keys_are_shown_page_by_page(meter):
    lines = [(f"key_{n:03}", "", 1 + n) for n in range(500)]
    meter.book(meter.windows().live.id, lines)
    first, last = meter.words("/usage"), meter.words("/usage?page=10")
    assert "Page 1 of 10" in first and "key_499" in first and "key_000" not in first
    assert "Page 10 of 10" in last and "key_000" in last and "key_499" not in last


def test_when_the_counter_is_away_the_page_says_what_is_missing(settings, database, redis, redis_url):
    meter = Meter(settings, database, redis_url, gate=SimpleNamespace(push=print, peek=away))
    words = meter.words()
    assert "Calls of the last minutes are missing here" in words and "None of them is lost" in words


def test_the_csv_holds_every_line(meter):
    meter.call(1, "GET /memories")
    meter.call(10, "GET /memories")
    answer = meter.visit().get("/usage.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="usage-live-20')
    [line] = rows(answer)
    assert (line["calls"], line["units"]) == ("2", "11")
    assert (line["key_name"], line["endpoint"], line["meter"]) == ("Ingest", "GET /memories", "calls")
    assert line["day"] == f"{clock.now():%Y-%m-%d}"


def test_the_csv_adds_what_is_not_settled_to_what_is(meter):
    meter.call(1, "GET /memories")
    [line] = rows(meter.visit().get("/usage.csv"))
    meter.book(meter.windows().live.id, [(line["key_id"], "GET /memories", 100), ("key_gone", "", 3)])
    sums = {row["key_id"]: row["units"] for row in rows(meter.visit().get("/usage.csv"))}
    assert sums == {line["key_id"]: "101", "key_gone": "3"}


def test_a_long_csv_is_whole(meter):
    lines = [(f"key_{n:04}", f"GET /{n}", n) for n in range(1, 1301)]
    meter.book(meter.windows().live.id, lines)
    found = rows(meter.visit().get("/usage.csv"))
    assert len(found) == 1300 and sum(int(row["units"]) for row in found) == sum(range(1301))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_spreadsheet_runs_what_a_customer_wrote(meter, name):
    token = meter.mint(name)
    meter.call(token=token, endpoint=name)
    [line] = rows(meter.visit().get("/usage.csv"))
    assert line["key_name"] == f"'{name}" and line["endpoint"] == f"'{name}"


def away(tag):
    raise Unavailable("Redis does not answer.")
