"""Codes: the authenticator and the recovery codes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import accounts
from portal.accounts.models import RecoveryCode
from portal.kit.errors import Conflict, Exhausted, Invalid
from tests.accounts.people import LAPTOP, NOON, VAULT, account_of, actions, enrol, facts, turn_codes_on

LATER = NOON + timedelta(minutes=5)


@pytest.fixture
def alice(session):
    return enrol(session, "Alice")


def check(session, person, code, now=LATER):
    return accounts.check_code(session, person, code, VAULT, LAPTOP, now=now)


def test_codes_are_on_once_the_first_one_is_right(session, alice):
    accounts.start_codes(session, alice.id, VAULT)
    with pytest.raises(Invalid):
        accounts.confirm_codes(session, alice.id, "000000x", VAULT, now=NOON)
    assert alice.totp_enabled_at is None
    turn_codes_on(session, alice)
    assert alice.totp_enabled_at == NOON
    assert facts(session, accounts.CodesTurnedOn) == [accounts.CodesTurnedOn(alice.id)]
    assert accounts.pending_secret(alice, VAULT) is None


def test_codes_wait_until_the_address_is_proven(session):
    dora = enrol(session, "Dora", verified=False)
    with pytest.raises(Conflict):
        accounts.start_codes(session, dora.id, VAULT)


def test_the_secret_is_sealed_at_rest(session, alice):
    accounts.start_codes(session, alice.id, VAULT)
    assert accounts.pending_secret(alice, VAULT) not in alice.totp_secret


def test_under_another_secret_the_recovery_codes_still_open(session, alice):
    authenticator, recovery = turn_codes_on(session, alice)
    renewed = accounts.Vault("another secret of the installation")
    assert not accounts.check_code(session, alice, authenticator.at(LATER), renewed, LAPTOP, now=LATER)
    assert accounts.check_code(session, alice, recovery[0], renewed, LAPTOP, now=LATER)


def test_a_second_authenticator_needs_the_first_turned_off(session, alice):
    turn_codes_on(session, alice)
    with pytest.raises(Conflict):
        accounts.start_codes(session, alice.id, VAULT)
    accounts.turn_off_codes(session, alice.id, now=NOON)
    assert alice.totp_secret is None and accounts.recovery_codes_left(session, alice.id) == 0
    assert facts(session, accounts.CodesTurnedOff) == [accounts.CodesTurnedOff(alice.id)]
    with pytest.raises(Conflict):
        accounts.turn_off_codes(session, alice.id, now=NOON)


@pytest.mark.parametrize("drift", [-30, 0, 30])
def test_a_code_of_now_is_right_and_a_clock_may_be_half_a_minute_off(session, alice, drift):
    authenticator, _ = turn_codes_on(session, alice)
    assert check(session, alice, authenticator.at(LATER + timedelta(seconds=drift)))


@pytest.mark.parametrize("drift", [-90, 90])
def test_a_code_of_another_time_is_wrong(session, alice, drift):
    authenticator, _ = turn_codes_on(session, alice)
    assert not check(session, alice, authenticator.at(LATER + timedelta(seconds=drift)))


def test_a_code_works_once(session, alice):
    authenticator, _ = turn_codes_on(session, alice)
    assert not check(session, alice, authenticator.at(NOON), now=NOON)  # it confirmed the set-up
    assert check(session, alice, authenticator.at(LATER))
    assert not check(session, alice, authenticator.at(LATER))
    assert not check(session, alice, authenticator.at(LATER - timedelta(seconds=30)))


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "１２３４５６", "0" * 500])
def test_what_is_no_code_is_wrong(session, alice, code):
    turn_codes_on(session, alice)
    assert not check(session, alice, code)


def test_a_recovery_code_opens_once_in_any_spelling(session, alice):
    _, recovery = turn_codes_on(session, alice)
    assert len(set(recovery)) == 8
    assert check(session, alice, recovery[0].upper().replace("-", " "))
    assert not check(session, alice, recovery[0])
    assert facts(session, accounts.RecoveryCodeUsed) == [accounts.RecoveryCodeUsed(alice.id, 7)]
    assert "recovery_code.used" in actions(session, account_of(session, alice))


def test_recovery_codes_are_stored_as_hashes(session, alice):
    _, recovery = turn_codes_on(session, alice)
    kept = {row.fingerprint for row in session.scalars(select(RecoveryCode))}
    assert not kept & {code.replace("-", "") for code in recovery}


def test_new_recovery_codes_replace_the_old(session, alice):
    _, old = turn_codes_on(session, alice)
    new = accounts.renew_recovery_codes(session, alice.id, now=NOON)
    assert not check(session, alice, old[0])
    assert check(session, alice, new[0])


def test_one_persons_recovery_code_does_not_open_another(session, alice):
    _, recovery = turn_codes_on(session, alice)
    bob = enrol(session, "Bob")
    turn_codes_on(session, bob)
    assert not check(session, bob, recovery[0])


def test_twenty_wrong_codes_a_day_are_enough(session, alice):
    authenticator, _ = turn_codes_on(session, alice)
    for _ in range(20):
        assert not check(session, alice, "not a code")
    with pytest.raises(Exhausted):
        check(session, alice, authenticator.at(LATER))
    tomorrow = NOON + timedelta(days=1)
    assert check(session, alice, authenticator.at(tomorrow), now=tomorrow)


def test_a_wrong_code_is_in_the_audit(session, alice):
    turn_codes_on(session, alice)
    check(session, alice, "000 000 x")
    assert actions(session, account_of(session, alice))[0] == "sign_in.failed"
