"""POST /hooks/github-secret-scanning: signed reports end keys, whatever else is sent ends nothing."""

import json
from dataclasses import replace

import pytest

from portal import keys
from portal.kit import clock, tokens
from portal.kit.db import unit
from portal.web import create_app
from tests.keys.test_scanners import GitHub
from tests.plans.people import OPERATOR, account_of, publish
from tests.web.sites import site_of

PATH = "/hooks/github-secret-scanning"
CROOKED = (
    b"",
    b"{}",
    b"null",
    b"[1]",
    b'[{"type": "x"}]',
    b'[{"token": 7}]',
    b"[" * 100_000,
    json.dumps([{"token": "x"}] * 1001).encode(),
    json.dumps([{"token": "x" * 1001}]).encode(),
)


@pytest.fixture
def github():
    return GitHub()


@pytest.fixture
def pushed():
    return []


@pytest.fixture
def door(settings, github, pushed, database, redis, tmp_path):
    source = github.publish(tmp_path / "keys.json")
    site = replace(settings, scanning_keys=source)
    return site_of(site, push=pushed.append).test_client()


@pytest.fixture
def minted(database, settings):
    now, stamp = clock.now(), keys.Stamp(settings.key_prefix, settings.key_peppers[0])
    with database() as session, unit(session):
        publish(session, now)
        account = account_of(session, "Alice", now)
        return keys.mint(session, account, "Laptop", stamp=stamp, actor=OPERATOR, now=now)


def report(*found):
    listed = [{"token": token, "type": "upkeep_key", "url": "https://github.com/a/b"} for token in found]
    return json.dumps(listed).encode()


def send(door, github, raw, **headers):
    shown = {
        "Github-Public-Key-Identifier": github.key_id,
        "Github-Public-Key-Signature": github.sign(raw),
    }
    return door.post(PATH, data=raw, headers=shown | headers, content_type="application/json")


def is_revoked(database, minted):
    with database() as session:
        return session.get(keys.Key, minted.key_id).revoked_at is not None


def test_each_token_gets_its_label_and_true_ones_end(door, github, database, minted, pushed):
    stranger = tokens.mint("upk", "live", "Nobody00")
    for _ in range(2):
        answer = send(door, github, report(stranger, minted.token))
        assert (answer.status_code, answer.content_type) == (200, "application/json")
        assert answer.json == [
            {"token_raw": stranger, "token_type": "upkeep_key", "label": "false_positive"},
            {"token_raw": minted.token, "token_type": "upkeep_key", "label": "true_positive"},
        ]
    assert is_revoked(database, minted) and len(pushed) == 1


def test_without_a_signature_of_githubs_nothing_ends(door, github, database, minted):
    raw = report(minted.token)
    assert door.post(PATH, data=raw).status_code == 400
    assert send(door, GitHub(), raw).status_code == 400
    assert send(door, github, raw, **{"Github-Public-Key-Identifier": "9"}).status_code == 400
    assert not is_revoked(database, minted)


@pytest.mark.parametrize("raw", CROOKED, ids=range(len(CROOKED)))
def test_a_signed_report_of_another_form_is_refused(door, github, raw):
    assert send(door, github, raw).status_code == 400


def test_an_empty_report_is_nothing_to_do(door, github):
    assert send(door, github, b"[]").json == []


def test_a_report_without_a_place_is_taken(door, github, minted):
    raw = json.dumps([{"token": minted.token, "type": "k", "url": None, "source": "content"}]).encode()
    assert send(door, github, raw).json[0]["label"] == "true_positive"


def test_where_no_keys_of_githubs_are_named_there_is_no_such_address(client, github):
    assert send(client, github, b"[]").status_code == 404


def test_while_githubs_keys_cannot_be_read_it_may_come_again(settings, github, database, redis, tmp_path):
    site = replace(settings, scanning_keys=str(tmp_path / "nothing.json"))
    door = site_of(site).test_client()
    assert send(door, github, b"[]").status_code == 503


def test_reports_are_throttled(settings, github, database, redis, tmp_path):
    site = replace(settings, scanning_keys=github.publish(tmp_path / "keys.json"))
    door = create_app(site, TESTING=True, RATELIMIT_ENABLED=True).test_client()
    statuses = [door.post(PATH, data=b"[]").status_code for _ in range(121)]
    assert (statuses[0], statuses[-1]) == (400, 429)
