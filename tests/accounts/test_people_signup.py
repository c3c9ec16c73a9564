"""Signing up, and proving an address."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal import accounts
from portal.accounts.models import OneTimeToken, Person
from portal.kit.errors import Invalid, Missing
from tests.accounts.people import NOON, PASSWORD, account_of, actions, enrol, facts, secret_of


def test_signing_up_opens_an_account_whose_owner_one_is(session):
    alice = enrol(session, "Alice", organisation="Wonderland Ltd", verified=False)
    account = account_of(session, alice)
    assert (account.name, len(account.tag), account.version) == ("Wonderland Ltd", 8, 1)
    assert accounts.owners(session, account.id) == [alice]
    assert facts(session, accounts.AddressToVerify) == [accounts.AddressToVerify(alice.id)]
    assert facts(session, accounts.AccountOpened) == [accounts.AccountOpened(account.id)]
    assert "person.signed_up" in actions(session, account)


def test_without_an_organisation_the_account_has_the_persons_name(session):
    assert account_of(session, enrol(session, "Alice")).name == "Alice"


def test_the_password_is_kept_as_argon2id_alone(session):
    alice = enrol(session, "Alice")
    assert alice.password_hash.startswith("$argon2id$") and PASSWORD not in alice.password_hash


def test_signing_up_with_a_known_address_writes_to_its_person_and_changes_nothing(session):
    alice = enrol(session, "Alice")
    accounts.sign_up(
        session, name="Mallory", email="ALICE@example.com", password="another good one", now=NOON
    )
    assert facts(session, accounts.SignUpRepeated) == [accounts.SignUpRepeated(alice.id)]
    assert session.scalar(select(func.count()).select_from(Person)) == 1
    assert alice.name == "Alice" and len(accounts.memberships(session, alice.id)) == 1


def test_an_address_gets_five_letters_an_hour(session):
    enrol(session, "Alice")
    for _ in range(9):
        accounts.sign_up(session, name="M", email="alice@example.com", password=PASSWORD, now=NOON)
    assert len(facts(session, accounts.SignUpRepeated)) == 4
    accounts.sign_up(
        session, name="M", email="alice@example.com", password=PASSWORD, now=NOON + timedelta(hours=1)
    )
    assert len(facts(session, accounts.SignUpRepeated)) == 5


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "nonsense"}, "email"),
        ({"email": "a@mailinator.com"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"organisation": "x" * 81}, "organisation"),
    ],
)
def test_bad_input_is_refused_at_its_field(session, given, field):
    good = {"name": "Alice", "email": "alice@example.com", "password": PASSWORD}
    with pytest.raises(Invalid) as refused:
        accounts.sign_up(session, **{**good, **given}, now=NOON)
    assert refused.value.field == field


def test_accepted_terms_are_kept_with_their_version(session):
    alice = enrol(session, "Alice", terms_version="https://example.com/terms/3")
    assert (alice.terms_version, alice.terms_accepted_at) == ("https://example.com/terms/3", NOON)


def test_a_link_proves_the_address_once(session):
    alice = enrol(session, "Alice", verified=False)
    account = account_of(session, alice)
    assert not accounts.is_verified(session, account.id)
    secret = secret_of(session, "verify", person_id=alice.id)
    assert accounts.verify(session, secret, now=NOON) is alice
    assert accounts.is_verified(session, account.id)
    with pytest.raises(Missing):
        accounts.verify(session, secret, now=NOON)


@pytest.mark.parametrize(
    ("purpose", "life"),
    [
        ("verify", timedelta(hours=24)),
        ("reset", timedelta(minutes=30)),
        ("address", timedelta(minutes=60)),
        ("invitation", timedelta(days=7)),
        ("sign_in", timedelta(hours=24)),
    ],
)
def test_a_link_holds_for_its_time_and_its_purpose(session, purpose, life):
    alice = enrol(session, "Alice")
    secret = secret_of(session, purpose, person_id=alice.id, subject="x")
    session.flush()
    assert accounts.look(session, purpose, secret, now=NOON + life - timedelta(seconds=1))
    with pytest.raises(Missing):
        accounts.look(session, purpose, secret, now=NOON + life)
    with pytest.raises(Missing):
        accounts.look(session, "reset" if purpose != "reset" else "verify", secret, now=NOON)


def test_only_the_hash_of_a_link_is_stored(session):
    alice = enrol(session, "Alice")
    secret = secret_of(session, "reset", person_id=alice.id)
    session.flush()
    assert secret not in {row.fingerprint for row in session.scalars(select(OneTimeToken))}


def test_a_proven_address_gets_no_more_letters_of_proof(session):
    alice = enrol(session, "Alice")
    accounts.send_verification(session, alice, now=NOON)
    assert len(facts(session, accounts.AddressToVerify)) == 1
