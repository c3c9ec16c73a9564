"""The keys' pages: what each of the team, and a stranger, may see and do there."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from portal import accounts, keys
from portal.accounts.models import Member
from portal.keys.models import Key
from portal.kit import clock
from portal.kit.db import unit
from tests.plans.people import OPERATOR, publish, someone
from tests.web.sites import site_of

TOKEN = re.compile(r"upk_(?:live|test)_[0-9A-Za-z]{46}")
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
PLACE = accounts.Browser("192.0.2.7", "tests")


@pytest.fixture
def pushed():
    """The tags that the gate was told of."""
    return []


@pytest.fixture
def app(settings, pushed):
    return site_of(settings, push=pushed.append)


@pytest.fixture
def town(database, settings, redis):
    """Alice (owner), Bob (developer) and Vera (viewer) of one account; Charlie, who has another."""
    now = clock.now()
    with database() as session, unit(session):
        publish(session, now)
        people = {name: someone(session, name, now) for name in ("alice", "bob", "vera", "charlie")}
        mine = accounts.open_account(session, "Alice's", people["alice"], now=now)
        accounts.open_account(session, "Charlie's", people["charlie"], now=now)
        for name, role in (("bob", "developer"), ("vera", "viewer")):
            session.add(Member(account_id=mine.id, person_id=people[name].id, role=role, joined_at=now))
        session.flush()
        cookies = {name: accounts.begin(session, one, PLACE, now=now) for name, one in people.items()}
        stamp = keys.Stamp(settings.key_prefix, settings.key_peppers[0])
        minted = keys.mint(
            session,
            mine.id,
            "Ingest",
            stamp=stamp,
            actor=OPERATOR,
            now=now,
            scopes=["memories:read"],
            vouched=True,
        )
    return SimpleNamespace(account=mine.id, tag=mine.tag, cookies=cookies, key=minted, stamp=stamp)


@pytest.fixture
def enter(app, town):
    """`enter("alice")`: her browser, whose forms carry what the pages give them."""

    def browser(name):
        client = app.test_client()
        client.set_cookie("upkeep", town.cookies[name])
        page = client.get("/keys")
        assert page.status_code == 200
        hidden = {"csrf_token": CSRF.search(page.text).group(1)}
        hidden["account"] = re.search(r'name="account" value="([^"]+)"', page.text).group(1)
        return SimpleNamespace(
            get=client.get, post=lambda path, **form: client.post(path, data={**hidden, **form})
        )

    return browser


def stored(database):
    with database() as session:
        return session.scalars(select(Key).order_by(Key.id)).all()


def change(database, town, verb, *rest, **options):
    with database() as session, unit(session):
        return verb(session, town.account, *rest, actor=OPERATOR, now=clock.now(), **options)


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_owners_and_developers_create_a_key_and_see_it_once(enter, town, database, pushed, name):
    browser = enter(name)
    page = browser.post("/keys", name="Laptop", environment="live")
    assert page.status_code == 200
    (token,) = set(TOKEN.findall(page.text))
    assert page.headers["Cache-Control"] == "no-store"
    assert "curl" in page.text and "data-copy" in page.text
    assert pushed == [town.tag]
    listed = browser.get("/keys").text
    assert "Laptop" in listed and "2 of 2 keys" in listed and not TOKEN.search(listed)
    assert token not in str([vars(key) for key in stored(database)])


def test_every_choice_is_kept(enter, database):
    enter("alice").post(
        "/keys",
        name="CI",
        environment="test",
        scopes="a:read, b:write",
        allowed_cidrs="203.0.113.7\r\n10.0.0.0/8",
        expires_at="2099-12-31",
    )
    key = stored(database)[-1]
    assert (key.name, key.environment, key.scopes) == ("CI", "test", ["a:read", "b:write"])
    assert key.allowed_cidrs == ["203.0.113.7/32", "10.0.0.0/8"]
    assert key.expires_at.isoformat() == "2100-01-01T00:00:00+00:00"


BAD = [
    ({"name": ""}, "Give the key a name."),
    ({"name": "x" * 81}, "at most 80 characters"),
    ({"environment": "staging"}, "Choose live or test."),
    ({"environment": ""}, "Choose live or test."),
    ({"scopes": "<b>"}, "is not a scope"),
    ({"scopes": " ".join(f"s{n}" for n in range(21))}, "at most 20 scopes"),
    ({"allowed_cidrs": "300.0.0.1"}, "is not an address or network"),
    ({"expires_at": "2001-01-01"}, "must lie in the future"),
    ({"expires_at": "tomorrow"}, "Not a valid date"),
]


def test_a_key_without_scopes_is_not_said_to_have_all(enter):
    alice = enter("alice")
    alice.post("/keys", name="CI")
    page = alice.get("/keys").text
    assert '<span class="quiet">None</span>' in page and '<span class="quiet">All</span>' not in page


def test_the_last_day_of_the_calendar_is_never(enter, database):
    assert enter("alice").post("/keys", name="CI", expires_at="9999-12-31").status_code == 200
    assert stored(database)[-1].expires_at is None


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[item[1] for item in BAD])
def test_a_form_with_bad_input_comes_back_with_its_values(enter, database, wrong, sentence):
    form = {"name": "Kept name", "environment": "test", "scopes": "kept:scope", "allowed_cidrs": "192.0.2.77"}
    page = enter("alice").post("/keys", **{**form, **wrong})
    assert page.status_code == 422
    assert sentence in page.text and "There is a problem" in page.text
    for field in set(form) - set(wrong) - {"environment"}:
        assert form[field] in page.text
    assert len(stored(database)) == 1


def test_the_limit_of_the_plan_is_said_in_a_sentence(enter, database):
    browser = enter("alice")
    browser.post("/keys", name="Second", environment="test")
    page = browser.post("/keys", name="Third", environment="live")
    assert page.status_code == 422
    assert "API Free includes 2 keys, live and test together, and all are in use." in page.text
    assert 'value="Third"' in page.text
    assert len(stored(database)) == 2


def test_a_first_key_needs_a_verified_address(app, database, town):
    now = clock.now()
    with database() as session, unit(session):
        newcomer = someone(session, "Nora", now, verified=False)
        accounts.open_account(session, "Nora's", newcomer, now=now)
        cookie = accounts.begin(session, newcomer, PLACE, now=now)
    client = app.test_client()
    client.set_cookie("upkeep", cookie)
    page = client.get("/keys")
    hidden = {"csrf_token": CSRF.search(page.text).group(1)}
    hidden["account"] = re.search(r'name="account" value="([^"]+)"', page.text).group(1)
    refused = client.post("/keys", data={**hidden, "name": "First", "environment": "live"})
    assert refused.status_code == 422 and "Verify your e-mail address" in refused.text


def test_no_keys_yet_is_said(enter, town):
    page = enter("charlie").get("/keys").text
    assert "No keys yet" in page and "Create key" in page and "Ingest" not in page


def test_a_viewer_sees_keys_but_cannot_make_them(enter, town, database):
    browser = enter("vera")
    page = browser.get("/keys").text
    assert "Ingest" in page
    assert "Create key" not in page and "Revoke" not in page and "Rotate" not in page
    shown = browser.get(f"/keys/{town.key.key_id}")
    assert shown.status_code == 200 and "memories:read" in shown.text and ">Save<" not in shown.text
    one = f"/keys/{town.key.key_id}"
    assert browser.post("/keys", name="Mine", environment="live").status_code == 403
    assert browser.post(one, name="Mine").status_code == 403
    for path in (f"{one}/rotation", f"{one}/revocation"):
        assert browser.get(path).status_code == 403
        assert browser.post(path, overlap="now").status_code == 403
    (key,) = stored(database)
    assert (key.name, key.revoked_at, key.successor_id) == ("Ingest", None, None)


ROUTES = [
    ("get", ""),
    ("post", ""),
    ("get", "/rotation"),
    ("post", "/rotation"),
    ("get", "/revocation"),
    ("post", "/revocation"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_strangers_key_is_not_found(enter, town, database, method, path):
    browser = enter("charlie")
    form = {} if method == "get" else {"name": "Mine", "overlap": "now"}
    assert getattr(browser, method)(f"/keys/{town.key.key_id}{path}", **form).status_code == 404
    (key,) = stored(database)
    assert (key.name, key.revoked_at, key.successor_id) == ("Ingest", None, None)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unknown_key_is_not_found(enter, method, path):
    form = {} if method == "get" else {"name": "Mine", "overlap": "now"}
    assert getattr(enter("alice"), method)(f"/keys/key_nonsense{path}", **form).status_code == 404


def test_a_visitor_is_asked_to_sign_in(app, town):
    page = app.test_client().get("/keys")
    assert page.status_code == 303 and page.headers["Location"].startswith("/login")


def test_a_form_without_its_token_or_for_another_account_changes_nothing(app, enter, town, database):
    client = app.test_client()
    client.set_cookie("upkeep", town.cookies["alice"])
    assert client.post("/keys", data={"name": "X", "account": town.account}).status_code == 400
    assert enter("alice").post("/keys", name="X", account="acc_other").status_code == 409
    assert len(stored(database)) == 1


def test_revoking_says_first_what_will_happen(enter, town, database, pushed):
    browser = enter("bob")
    path = f"/keys/{town.key.key_id}/revocation"
    asked = browser.get(path)
    assert "What will happen" in asked.text and "cannot be undone" in asked.text
    assert stored(database)[0].revoked_at is None
    done = browser.post(path)
    assert (done.status_code, done.headers["Location"]) == (303, "/keys")
    (key,) = stored(database)
    assert key.revoked_at is not None and "bob@example.com" in key.revoked_by
    assert pushed == [town.tag]
    page = browser.get("/keys").text
    assert "Revoked Ingest" in page and "Keys that no longer work" in page
    assert browser.post(path).status_code == 409


@pytest.mark.parametrize("overlap", keys.OVERLAPS)
def test_rotating_shows_the_new_key_once_and_keeps_the_old_one_as_long_as_chosen(
    enter, town, database, pushed, overlap
):
    browser = enter("alice")
    path = f"/keys/{town.key.key_id}/rotation"
    assert "What will happen" in browser.get(path).text
    before = clock.now()
    page = browser.post(path, overlap=overlap)
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    assert TOKEN.search(page.text) and pushed == [town.tag]
    old, new = stored(database)
    assert before <= old.retires_at - keys.OVERLAPS[overlap] <= clock.now()
    assert (old.successor_id, new.name, new.scopes, new.lineage) == (
        new.id,
        "Ingest",
        old.scopes,
        old.lineage,
    )
    assert browser.post(path, overlap=overlap).status_code == 409


@pytest.mark.parametrize("form", [{"overlap": ""}, {"overlap": "for ever"}])
def test_rotating_without_a_choice_of_overlap_changes_nothing(enter, town, database, form):
    page = enter("alice").post(f"/keys/{town.key.key_id}/rotation", **form)
    assert page.status_code == 422 and "There is a problem" in page.text
    assert len(stored(database)) == 1


def test_a_key_is_renamed_and_narrowed(enter, town, database, pushed):
    browser = enter("bob")
    path = f"/keys/{town.key.key_id}"
    assert 'value="memories:read"' in browser.get(path).text
    done = browser.post(path, name="Renamed", scopes="x y", allowed_cidrs="10.0.0.0/8")
    assert (done.status_code, done.headers["Location"]) == (303, path)
    (key,) = stored(database)
    assert (key.name, key.scopes, key.allowed_cidrs) == ("Renamed", ["x", "y"], ["10.0.0.0/8"])
    assert pushed == [town.tag]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"name": ""}, "Give the key a name."), ({"allowed_cidrs": "x"}, "not an address")],
)
def test_a_bad_change_comes_back_with_its_values(enter, town, database, wrong, sentence):
    form = {"name": "Renamed", "scopes": "kept:scope", "allowed_cidrs": "10.0.0.0/8", **wrong}
    page = enter("alice").post(f"/keys/{town.key.key_id}", **form)
    assert page.status_code == 422 and sentence in page.text and "kept:scope" in page.text
    assert stored(database)[0].name == "Ingest"


def test_a_dead_key_is_shown_but_not_changed(enter, town, database):
    change(database, town, keys.revoke, town.key.key_id)
    browser = enter("alice")
    path = f"/keys/{town.key.key_id}"
    assert "was revoked on" in browser.get(path).text
    assert browser.post(path, name="Renamed").status_code == 409
    assert "no longer works" in browser.get(f"{path}/rotation").text
    assert "was revoked on" in browser.get(f"{path}/revocation").text


def test_a_rotated_key_says_until_when_it_works(enter, town, database):
    change(database, town, keys.rotate, town.key.key_id, timedelta(hours=24), stamp=town.stamp)
    browser = enter("alice")
    assert "was rotated and works until" in browser.get(f"/keys/{town.key.key_id}").text
    assert "rotated already" in browser.get(f"/keys/{town.key.key_id}/rotation").text
    page = browser.get("/keys").text
    assert "Rotated" in page and "1 of 2 keys" in page


def test_names_are_shown_as_text(enter, town):
    browser = enter("alice")
    browser.post("/keys", name="<script>alert(1)</script>", environment="live")
    page = browser.get("/keys").text
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_hundreds_of_keys_come_page_by_page(enter, town, database):
    rows = [
        keys.Row(
            n, f"{n:064x}", "sha256", town.account, f"u{n}", f"Imported {n}", f"old-{n}", "live", (), None
        )
        for n in range(1, 251)
    ]
    with database() as session, unit(session):
        keys.import_keys(session, rows, actor=OPERATOR, now=clock.now())
    browser = enter("alice")
    assert "Page 1 of 3" in browser.get("/keys").text
    assert "Page 3 of 3" in browser.get("/keys?page=99").text
    assert browser.get("/keys?page=x").status_code == 200
