"""What people change about themselves: names, passwords, addresses, letters."""

from datetime import timedelta

import pytest

from portal import accounts
from portal.kit.errors import Conflict, Exhausted, Invalid, Missing
from tests.accounts.people import (
    LAPTOP,
    NOON,
    PASSWORD,
    PHONE,
    VAULT,
    account_of,
    actions,
    enrol,
    facts,
    secret_of,
    turn_codes_on,
)

NEW_PASSWORD = "a much longer one than before"


@pytest.fixture
def alice(session):
    return enrol(session, "Alice")


def begin(session, person, browser=LAPTOP):
    token = accounts.begin(session, person, browser, now=NOON)
    return token, accounts.signed_in_with(session, token, now=NOON)[1]


def test_a_name_is_changed(session, alice):
    accounts.rename(session, alice.id, "  Alice   Liddell ", now=NOON)
    assert alice.name == "Alice Liddell"
    with pytest.raises(Invalid):
        accounts.rename(session, alice.id, " ", now=NOON)


def test_a_new_password_ends_every_other_sign_in_and_renews_this_one(session, alice):
    here, row = begin(session, alice)
    there, _ = begin(session, alice, PHONE)
    fresh = accounts.change_password(session, alice.id, NEW_PASSWORD, sign_in_id=row.id, now=NOON)
    assert accounts.signed_in_with(session, fresh, now=NOON)
    assert accounts.signed_in_with(session, here, now=NOON) is None
    assert accounts.signed_in_with(session, there, now=NOON) is None
    assert accounts.recognise(session, alice.email, PASSWORD, LAPTOP, now=NOON) is None
    assert accounts.recognise(session, alice.email, NEW_PASSWORD, LAPTOP, now=NOON) is alice
    assert facts(session, accounts.PasswordChanged) == [accounts.PasswordChanged(alice.id)]


def test_a_reset_is_asked_for_known_addresses_alone_without_saying_so(session, alice):
    accounts.ask_reset(session, "ALICE@example.com", now=NOON)
    accounts.ask_reset(session, "nobody@example.com", now=NOON)
    assert facts(session, accounts.ResetAsked) == [accounts.ResetAsked(alice.id)]


def test_a_reset_ends_every_sign_in_and_every_link(session, alice):
    token, _ = begin(session, alice)
    other = secret_of(session, "reset", person_id=alice.id)
    secret = secret_of(session, "reset", person_id=alice.id)
    accounts.reset(session, secret, NEW_PASSWORD, now=NOON)
    assert accounts.signed_in_with(session, token, now=NOON) is None
    assert accounts.recognise(session, alice.email, NEW_PASSWORD, LAPTOP, now=NOON) is alice
    for used in (secret, other):
        with pytest.raises(Missing):
            accounts.reset(session, used, NEW_PASSWORD, now=NOON)


def test_a_reset_proves_the_address_and_ends_the_wait_after_many_tries(session):
    alice = enrol(session, "Alice", verified=False)
    for _ in range(10):
        accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
    with pytest.raises(Exhausted):
        accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
    accounts.reset(session, secret_of(session, "reset", person_id=alice.id), NEW_PASSWORD, now=NOON)
    assert alice.verified_at == NOON
    assert accounts.recognise(session, alice.email, NEW_PASSWORD, LAPTOP, now=NOON) is alice


def test_a_reset_ends_the_wait_at_a_known_place_too(session, alice):
    accounts.begin(session, alice, LAPTOP, now=NOON)
    for _ in range(10):
        accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
    with pytest.raises(Exhausted):
        accounts.recognise(session, alice.email, PASSWORD, LAPTOP, now=NOON)
    secret = secret_of(session, "reset", person_id=alice.id)
    accounts.reset(session, secret, NEW_PASSWORD, now=NOON)
    assert accounts.recognise(session, alice.email, NEW_PASSWORD, LAPTOP, now=NOON) is alice


def test_a_reset_leaves_the_authenticator_as_it_is(session, alice):
    turn_codes_on(session, alice)
    accounts.reset(session, secret_of(session, "reset", person_id=alice.id), NEW_PASSWORD, now=NOON)
    assert alice.totp_enabled_at is not None and alice.totp_secret is not None


def test_what_was_set_up_before_the_address_was_proven_does_not_outlive_a_reset(session):
    alice = enrol(session, "Alice")
    turn_codes_on(session, alice)
    begin(session, alice)
    alice.verified_at = None
    accounts.reset(session, secret_of(session, "reset", person_id=alice.id), NEW_PASSWORD, now=NOON)
    assert alice.totp_secret is None and alice.totp_enabled_at is None
    assert accounts.recovery_codes_left(session, alice.id) == 0
    begin(session, alice, PHONE)
    assert facts(session, accounts.SignedInFromNewPlace) == []


def test_a_secret_that_waits_for_its_first_code_does_not_outlive_the_password(session, alice):
    accounts.start_codes(session, alice.id, VAULT)
    accounts.reset(session, secret_of(session, "reset", person_id=alice.id), NEW_PASSWORD, now=NOON)
    assert alice.totp_secret is None


def test_an_address_changes_when_the_new_one_is_proven(session, alice):
    accounts.ask_address_change(session, alice.id, "Alice@New.example.com", now=NOON)
    assert facts(session, accounts.AddressChangeAsked) == [
        accounts.AddressChangeAsked(alice.id, "alice@new.example.com")
    ]
    assert alice.email == "alice@example.com"
    secret = secret_of(session, "address", person_id=alice.id, subject="alice@new.example.com")
    accounts.change_address(session, secret, now=NOON)
    assert alice.email == "alice@new.example.com"
    assert facts(session, accounts.AddressChanged) == [
        accounts.AddressChanged(alice.id, "alice@example.com", "alice@new.example.com")
    ]
    assert "address.changed" in actions(session, account_of(session, alice))


def test_links_to_the_old_address_die_with_it(session, alice):
    reset = secret_of(session, "reset", person_id=alice.id)
    secret = secret_of(session, "address", person_id=alice.id, subject="alice@new.example.com")
    accounts.change_address(session, secret, now=NOON)
    with pytest.raises(Missing):
        accounts.look(session, "reset", reset, now=NOON)


def test_moving_to_an_address_that_somebody_has_tells_them_alone(session, alice):
    bob = enrol(session, "Bob")
    accounts.ask_address_change(session, alice.id, bob.email, now=NOON)
    assert facts(session, accounts.AddressChangeAsked) == []
    assert facts(session, accounts.SignUpRepeated) == [accounts.SignUpRepeated(bob.id)]


def test_an_address_that_was_taken_meanwhile_is_refused(session, alice):
    secret = secret_of(session, "address", person_id=alice.id, subject="bob@example.com")
    enrol(session, "Bob")
    with pytest.raises(Conflict):
        accounts.change_address(session, secret, now=NOON)
    session.refresh(alice)
    assert alice.email == "alice@example.com"


@pytest.mark.parametrize("email", ["alice@example.com", "nonsense", "a@mailinator.com"])
def test_a_new_address_that_will_not_do_is_refused(session, alice, email):
    with pytest.raises(Invalid):
        accounts.ask_address_change(session, alice.id, email, now=NOON)


def test_five_address_changes_an_hour_are_enough(session, alice):
    for n in range(5):
        accounts.ask_address_change(session, alice.id, f"alice{n}@example.com", now=NOON)
    with pytest.raises(Conflict):
        accounts.ask_address_change(session, alice.id, "alice6@example.com", now=NOON)
    accounts.ask_address_change(session, alice.id, "alice6@example.com", now=NOON + timedelta(hours=1))


def test_optional_letters_can_be_turned_off(session, alice):
    assert accounts.wants(alice, "keys") and accounts.wants(alice, "quota")
    accounts.choose_letters(session, alice.id, ["quota"])
    assert accounts.wants(alice, "quota") and not accounts.wants(alice, "keys")
