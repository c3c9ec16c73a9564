"""What Stripe tells of, at the door: signed or refused, stored once, answered at once."""

import hmac
import json
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from portal import billing
from portal.kit import clock
from tests.web import money
from tests.web.sites import site_of

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "api_version": "2026-10-28.endive",
    "created": 1_795_000_000,
    "livemode": False,
    "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
}


@pytest.fixture
def door(settings, database, redis):
    """A client of the site, payments on."""
    return site(settings, money.SANDBOX).test_client()


@pytest.fixture
def count(database):
    """How many webhooks are stored."""

    def stored():
        with database() as session:
            return session.scalar(select(func.count()).select_from(billing.WebhookEvent))

    return stored


def site(settings, payments):
    return site_of(money.paid(settings, payments))


def signed(body, secret="whsec_tests", at=None):
    at = int(clock.now().timestamp()) if at is None else at
    mark = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    return {"Stripe-Signature": f"t={at},v1={mark}"}


def send(door, said=EVENT, **options):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return door.post("/hooks/stripe", data=body, headers=signed(body, **options)).status_code


def test_a_signed_webhook_is_stored(door, count):
    assert send(door) == 200
    assert count() == 1


def test_the_same_webhook_again_is_welcome_and_stored_once(door, count):
    assert [send(door) for _ in range(3)] == [200, 200, 200]
    assert count() == 1


def test_what_is_stored_is_what_came_to_the_byte(door, database):
    body = json.dumps(EVENT, indent=3).encode() + b"\n"
    assert send(door, body) == 200
    with database() as session:
        assert billing.event(session, "evt_1").raw == body


def test_a_webhook_of_an_unknown_type_is_stored_without_fuss(door, count):
    assert send(door, {**EVENT, "type": "something.new"}) == 200
    assert count() == 1


@pytest.mark.parametrize("options", [{"secret": "whsec_other"}, {"at": 1_000_000_000}, {"at": 4_000_000_000}])
def test_a_forged_or_an_old_webhook_is_refused(door, count, options):
    assert send(door, **options) == 400
    assert count() == 0


@pytest.mark.parametrize("header", [None, "", "nonsense", "t=1,v1=", "t=x,v1=y", "t=1"])
def test_without_a_signature_nothing_is_stored(door, count, header):
    headers = {} if header is None else {"Stripe-Signature": header}
    assert door.post("/hooks/stripe", data=json.dumps(EVENT), headers=headers).status_code == 400
    assert count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b"\xff\xfe", b"null", b'{"id": 7}'])
def test_what_is_no_event_is_refused_although_it_is_signed(door, count, body):
    assert send(door, body) == 400
    assert count() == 0


def test_either_of_two_secrets_opens_while_one_replaces_the_other(settings, database, redis):
    payments = replace(money.SANDBOX, webhook_secrets=("whsec_new", "whsec_old"))
    door = site(settings, payments).test_client()
    assert send(door, secret="whsec_old") == 200
    assert send(door, {**EVENT, "id": "evt_2"}, secret="whsec_new") == 200


def test_with_payments_off_there_is_no_such_door(settings, database, redis):
    door = site(settings, None).test_client()
    assert send(door) == 404


def test_a_webhook_brings_no_cookie_and_needs_none(door):
    body = json.dumps(EVENT).encode()
    answer = door.post("/hooks/stripe", data=body, headers=signed(body))
    assert "Set-Cookie" not in answer.headers
