"""Signing in: recognised, remembered, renewed, ended."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import accounts
from portal.accounts.models import Attempts, AuditEntry, OneTimeToken, SignIn
from portal.accounts.rules import TOKEN_LIFE
from portal.kit.errors import Exhausted, Missing
from tests.accounts.people import (
    LAPTOP,
    NOON,
    PASSWORD,
    PHONE,
    account_of,
    actions,
    enrol,
    facts,
    gather,
    secret_of,
)


@pytest.fixture
def alice(session):
    return enrol(session, "Alice")


def sign_in(session, person, browser=LAPTOP, now=NOON, **options):
    """The token and the row of a fresh sign-in."""
    token = accounts.begin(session, person, browser, now=now, **options)
    return token, accounts.signed_in_with(session, token, now=now)[1]


def test_the_right_password_is_recognised_in_any_case_of_the_address(session, alice):
    assert accounts.recognise(session, " ALICE@Example.com", PASSWORD, LAPTOP, now=NOON) is alice


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_look_the_same(session, alice, email):
    assert accounts.recognise(session, email, "wrong password", LAPTOP, now=NOON) is None


def test_a_failed_sign_in_is_in_the_audit(session, alice):
    accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
    row = accounts.audit(session, account_of(session, alice).id).rows[0]
    assert (row.action, row.address, row.actor_id) == ("sign_in.failed", LAPTOP.address, None)


def test_nobody_is_recognised_without_a_password_of_their_own(session):
    oscar = accounts.add_staff(
        session, "oscar@example.com", "operator", actor=accounts.Actor(None, "root"), now=NOON
    )
    assert oscar.password_hash is None
    assert accounts.recognise(session, oscar.email, "the password of nobody", LAPTOP, now=NOON) is None


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_ten_tries_in_a_quarter_of_an_hour_are_enough(session, alice, email):
    for _ in range(10):
        assert accounts.recognise(session, email, "wrong password", LAPTOP, now=NOON) is None
    with pytest.raises(Exhausted):
        accounts.recognise(session, email, PASSWORD, LAPTOP, now=NOON)
    assert (
        accounts.recognise(session, email, PASSWORD, LAPTOP, now=NOON + timedelta(minutes=15)) is alice
    ) == (email == alice.email)


def test_a_success_forgives_the_tries_before(session, alice):
    for _ in range(3):
        for _ in range(9):
            accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
        assert accounts.recognise(session, alice.email, PASSWORD, LAPTOP, now=NOON) is alice


def test_a_stranger_cannot_lock_somebody_out_of_a_place_they_know(session, alice):
    sign_in(session, alice, LAPTOP)
    session.flush()
    for _ in range(10):
        accounts.recognise(session, alice.email, "guess guess", PHONE, now=NOON)
    with pytest.raises(Exhausted):
        accounts.recognise(session, alice.email, "guess guess", PHONE, now=NOON)
    assert accounts.recognise(session, alice.email, PASSWORD, LAPTOP, now=NOON) is alice


def test_a_token_leads_to_its_person_and_its_account(session, alice):
    token, row = sign_in(session, alice)
    person, found = accounts.signed_in_with(session, token, now=NOON)
    assert person is alice and found is row
    account, member = accounts.chosen(session, row)
    assert account is account_of(session, alice) and member.role == "owner"
    assert token not in {one.fingerprint for one in session.scalars(select(SignIn))}


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 5000])
def test_a_token_that_was_never_given_leads_nowhere(session, token):
    assert accounts.signed_in_with(session, token, now=NOON) is None


def test_an_ended_sign_in_ends_its_cookie_at_once(session, alice):
    token, row = sign_in(session, alice)
    accounts.end(session, alice.id, row.id, now=NOON)
    assert accounts.signed_in_with(session, token, now=NOON) is None
    with pytest.raises(Missing):
        accounts.end(session, alice.id, row.id, now=NOON)


def test_nobody_ends_the_sign_in_of_a_stranger(session):
    people = gather(session)
    token, row = sign_in(session, people.alice)
    for other in (people.bob, people.charlie):
        with pytest.raises(Missing):
            accounts.end(session, other.id, row.id, now=NOON)
    assert accounts.signed_in_with(session, token, now=NOON)


def test_signing_out_elsewhere_keeps_this_browser(session, alice):
    here, row = sign_in(session, alice)
    there, _ = sign_in(session, alice, PHONE)
    assert accounts.end_all(session, alice.id, but=row.id, now=NOON) == 1
    assert accounts.signed_in_with(session, here, now=NOON)
    assert accounts.signed_in_with(session, there, now=NOON) is None
    assert [one.id for one in accounts.sign_ins(session, alice.id, now=NOON)] == [row.id]


@pytest.mark.parametrize(("remember", "idle"), [(False, timedelta(hours=12)), (True, timedelta(days=30))])
def test_a_sign_in_that_is_not_used_ends(session, alice, remember, idle):
    token, _ = sign_in(session, alice, remember=remember)
    assert accounts.signed_in_with(session, token, now=NOON + idle - timedelta(seconds=1))
    assert accounts.signed_in_with(session, token, now=NOON + idle) is None


def test_use_keeps_a_sign_in_alive_and_notes_the_address(session, alice):
    token, row = sign_in(session, alice)
    later = NOON + timedelta(hours=11)
    assert accounts.see(session, row, "192.0.2.1", now=later)
    assert not accounts.see(session, row, "192.0.2.2", now=later + timedelta(seconds=59))
    session.refresh(row)
    assert (row.address, row.seen_at) == ("192.0.2.1", later)
    assert accounts.signed_in_with(session, token, now=NOON + timedelta(hours=22))


def test_a_renewed_token_makes_the_old_one_worthless(session, alice):
    old, row = sign_in(session, alice)
    new = accounts.renew(session, row.id, now=NOON)
    assert accounts.signed_in_with(session, old, now=NOON) is None
    assert accounts.signed_in_with(session, new, now=NOON)[1].id == row.id


def test_the_first_place_is_not_news_and_a_second_is_told_once(session, alice):
    sign_in(session, alice, LAPTOP)
    sign_in(session, alice, LAPTOP)
    assert facts(session, accounts.SignedInFromNewPlace) == []
    _, row = sign_in(session, alice, PHONE)
    sign_in(session, alice, PHONE)
    assert facts(session, accounts.SignedInFromNewPlace) == [accounts.SignedInFromNewPlace(alice.id, row.id)]


def test_a_sign_in_link_works_once(session, alice):
    secret = secret_of(session, "sign_in", person_id=alice.id)
    session.flush()
    assert accounts.begin_by_link(session, secret, now=NOON) is alice
    with pytest.raises(Missing):
        accounts.begin_by_link(session, secret, now=NOON)


def test_an_old_sign_in_link_does_not_work(session, alice):
    secret = secret_of(session, "sign_in", person_id=alice.id)
    session.flush()
    with pytest.raises(Missing):
        accounts.begin_by_link(session, secret, now=NOON + TOKEN_LIFE["sign_in"])


def test_proof_is_the_password_typed_again(session, alice):
    _, row = sign_in(session, alice)
    later = NOON + timedelta(minutes=31)
    assert accounts.is_proven(row.proven_at, NOON) and not accounts.is_proven(row.proven_at, later)
    assert not accounts.prove(session, row.id, "wrong password", LAPTOP, now=later)
    assert accounts.prove(session, row.id, PASSWORD, LAPTOP, now=later)
    session.refresh(row)
    assert accounts.is_proven(row.proven_at, later)


def test_a_sign_in_remembers_which_account_it_looks_at(session):
    people = gather(session)
    charlie = people.charlie
    invitation = accounts.invite(
        session, people.account.id, charlie.email, "viewer", actor=accounts.actor(people.alice), now=NOON
    )
    accounts.join(session, secret_of(session, "invitation", subject=invitation.id), charlie.id, now=NOON)
    _, row = sign_in(session, charlie)
    accounts.switch(session, row.id, charlie.id, people.account.id)
    session.refresh(row)
    assert accounts.chosen(session, row)[0].id == people.account.id
    _, again = sign_in(session, charlie, now=NOON + timedelta(hours=1))
    assert again.account_id == people.account.id


def test_nobody_switches_to_a_strangers_account(session):
    people = gather(session)
    for person in (people.alice, people.bob):
        _, row = sign_in(session, person)
        with pytest.raises(Missing):
            accounts.switch(session, row.id, person.id, people.charlies.id)
        with pytest.raises(Missing):
            accounts.switch(session, row.id, person.id, "acc_nonsense")


def test_signing_in_and_out_is_in_the_audit(session, alice):
    _, row = sign_in(session, alice)
    accounts.end(session, alice.id, row.id, now=NOON)
    assert actions(session, account_of(session, alice))[:2] == ["sign_in.ended", "sign_in.began"]
    assert (
        session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.began")).one().subject
        == alice.id
    )


def test_what_nothing_asks_for_any_more_is_forgotten(session, alice):
    accounts.recognise(session, alice.email, "wrong password", LAPTOP, now=NOON)
    secret_of(session, "reset", person_id=alice.id)
    sign_in(session, alice)
    kept = [Attempts, OneTimeToken, SignIn]
    accounts.forget_old(session, now=NOON + timedelta(days=1))
    assert all(session.scalars(select(one)).first() for one in kept)
    accounts.forget_old(session, now=NOON + timedelta(days=200))
    assert not any(session.scalars(select(one)).first() for one in kept)
