"""Accounts, as decided."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts import rules
from portal.kit.errors import Conflict, Forbidden, Invalid
from tests.accounts.people import FIREFOX, NOON

ALLOWED = {
    "owner": {"see", "make_keys", "manage_billing", "manage_team", "see_audit", "manage_account"}
    | {"ask_for_help"},
    "admin": {"see", "make_keys", "manage_billing", "manage_team", "see_audit", "ask_for_help"},
    "developer": {"see", "make_keys", "ask_for_help"},
    "billing": {"see", "manage_billing", "ask_for_help"},
    "viewer": {"see", "ask_for_help"},
    None: set(),
}


@pytest.mark.parametrize("role", ALLOWED)
@pytest.mark.parametrize("deed", rules.DEEDS)
def test_a_role_may_do_what_the_table_says(role, deed):
    assert rules.may(role, deed) == (deed in ALLOWED[role])


@pytest.mark.parametrize(
    ("giver", "before", "after"),
    [
        ("admin", None, "owner"),
        ("admin", "owner", "viewer"),
        ("admin", "owner", None),
        ("developer", None, "viewer"),
        ("viewer", "viewer", "admin"),
        (None, None, "viewer"),
    ],
)
def test_a_role_that_one_may_not_give_is_refused(giver, before, after):
    with pytest.raises(Forbidden):
        rules.check_role_given(giver, before, after)


def test_a_role_that_does_not_exist_is_refused():
    with pytest.raises(Invalid):
        rules.check_role_given("owner", None, "king")


def test_an_account_keeps_an_owner():
    rules.check_owner_left(2)
    with pytest.raises(Conflict):
        rules.check_owner_left(1)


@pytest.mark.parametrize("name", ["", "  ", "a" * 81, "bell\x07", "esc\x1b[31m", "right-to-left\u202e"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(Invalid):
        rules.clean_name(name)


@pytest.mark.parametrize("name", ["Zoë  Müller-Straße ", "王小明", "O'Brien & Söhne GmbH", "a" * 80])
def test_names_of_the_world_are_taken(name):
    assert rules.clean_name(name) == " ".join(name.split())


@pytest.mark.parametrize(
    "email", ["", "alice", "alice@", "@example.com", "a b@example.com", "alice@localhost"]
)
def test_what_is_no_address_is_refused(email):
    with pytest.raises(Invalid) as refused:
        rules.clean_email(email)
    assert refused.value.field == "email"


def test_addresses_are_compared_in_lower_case():
    assert (
        rules.clean_email(" Alice@EXAMPLE.com ")
        == rules.normal_email("ALICE@example.COM")
        == "alice@example.com"
    )


@pytest.mark.parametrize("email", ["a@mailinator.com", "a@some.mailinator.com"])
def test_an_address_that_is_thrown_away_is_refused(email):
    with pytest.raises(Invalid):
        rules.check_lasting(email)
    rules.check_lasting("a@example.com")


@pytest.mark.parametrize(
    "password",
    ["short", "password1", "PASSWORD1", "qwertyuiop", "a" * 129, "alice@example.com", "Alice Liddell"],
)
def test_a_weak_password_is_refused(password):
    with pytest.raises(Invalid) as refused:
        rules.check_password(password, "Alice Liddell", "alice@example.com")
    assert refused.value.field == "password"


@pytest.mark.parametrize("password", ["eightlet", "a b c d e f g", "пароль-подлиннее", "x7" * 64])
def test_a_password_needs_no_capitals_digits_or_signs(password):
    rules.check_password(password, "Alice")


@given(st.datetimes(), st.integers(0, 200), st.booleans())
def test_a_sign_in_never_outlasts_its_kind(began, days, remembered):
    began = began.replace(tzinfo=NOON.tzinfo, year=2026)
    ends = rules.sign_in_ends_at(began, began + timedelta(days=days), remembered)
    assert ends <= began + (rules.REMEMBERED_AT_MOST if remembered else rules.SIGNED_IN_AT_MOST)


def test_the_same_browser_in_the_same_network_is_the_same_place():
    newer = FIREFOX.replace("140", "141")
    assert rules.place(FIREFOX, "203.0.113.7") == rules.place(newer, "203.0.113.200")
    assert rules.place(FIREFOX, "203.0.113.7") != rules.place(FIREFOX, "203.0.114.7")
    assert rules.place(FIREFOX, "2001:db8:1::1") == rules.place(FIREFOX, "2001:db8:1:ffff::2")
    assert rules.place(FIREFOX, None) == rules.place(FIREFOX, "nonsense")


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (None, "A browser"),
        ("curl/8.5", "curl"),
        ("x (Windows NT) Edg/1", "Edge on Windows"),
    ],
)
def test_a_browser_is_named_in_two_words(user_agent, words):
    assert rules.browser(user_agent) == words


@pytest.mark.parametrize(
    ("role", "enabled_at", "is_loopback", "needs"),
    [
        ("operator", None, False, True),
        ("support", None, False, True),
        ("operator", None, True, False),
        ("operator", NOON, False, False),
        (None, None, False, False),
    ],
)
def test_codes_are_compulsory_for_staff_beyond_this_machine(role, enabled_at, is_loopback, needs):
    assert rules.needs_codes(role, enabled_at, is_loopback) == needs
