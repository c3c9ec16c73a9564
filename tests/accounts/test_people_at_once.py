"""Two at once: what only one may do, one does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from deploy.local.process import wait_until
from portal import accounts
from portal.kit.db import unit
from portal.kit.errors import Exhausted, Missing, Refusal
from tests.accounts.people import LAPTOP, NOON, PASSWORD, VAULT, account_of, enrol, facts, join, turn_codes_on
from tests.waiting import somebody_waits


@pytest.fixture
def at_once(database):
    """`at_once(verb, verb, ...)`: each in a unit and a thread of its own; what each gave, refusals too."""

    def run(*verbs):
        def one(verb):
            try:
                with database() as session, unit(session):
                    return verb(session)
            except Refusal as refusal:
                return refusal

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))

    return run


def kept(results):
    return [one for one in results if not isinstance(one, Refusal)]


def test_two_owners_cannot_both_step_down(database, at_once):
    with database() as session, unit(session):
        alice = enrol(session, "Alice")
        account = account_of(session, alice)
        bob = join(session, account, alice, "Bob", "owner")
    results = at_once(
        *(
            lambda session, one=one: accounts.remove(
                session, account.id, one.id, actor=accounts.actor(one), now=NOON
            )
            for one in (alice, bob)
        )
    )
    assert len(kept(results)) == 1
    with database() as session:
        assert len(accounts.owners(session, account.id)) == 1


def test_a_link_that_is_clicked_twice_at_once_works_once(database, at_once):
    with database() as session, unit(session):
        alice = enrol(session, "Alice")
        link = accounts.make_link(session, "", "sign_in", now=NOON, person_id=alice.id)
    secret = link.rpartition("/")[2]
    results = at_once(*[lambda session: accounts.begin_by_link(session, secret, now=NOON)] * 4)
    assert len(kept(results)) == 1


def test_a_code_that_is_sent_twice_at_once_works_once(database, at_once):
    with database() as session, unit(session):
        alice = enrol(session, "Alice")
        authenticator, recovery = turn_codes_on(session, alice)
    later = NOON + timedelta(minutes=5)
    for code in (authenticator.at(later), recovery[0]):

        def check(session, code=code):
            person = accounts.person(session, alice.id)
            return accounts.check_code(session, person, code, VAULT, LAPTOP, now=later)

        assert sorted(at_once(*[check] * 4)) == [False, False, False, True]


def test_two_sign_ups_with_one_address_make_one_person(database, at_once):
    def sign_up(session):
        accounts.sign_up(session, name="Alice", email="alice@example.com", password=PASSWORD, now=NOON)

    assert len(kept(at_once(*[sign_up] * 4))) == 4
    with database() as session:
        person = accounts.by_email(session, "alice@example.com")
        assert len(accounts.memberships(session, person.id)) == 1
        assert len(facts(session, accounts.AddressToVerify)) == 1
        assert len(facts(session, accounts.SignUpRepeated)) == 3


def test_somebody_new_who_accepts_twice_at_once_joins_once(database, at_once):
    with database() as session, unit(session):
        alice = enrol(session, "Alice")
        account = account_of(session, alice)
        found = accounts.invite(
            session, account.id, "dora@example.com", "viewer", actor=accounts.actor(alice), now=NOON
        )
        secret = accounts.make_link(session, "", "invitation", now=NOON, subject=found.id).rpartition("/")[2]

    def accept(session):
        return accounts.join_as_new(session, secret, "Dora", PASSWORD, now=NOON)

    assert len(kept(at_once(*[accept] * 4))) == 1


def test_an_invitation_that_is_accepted_while_it_is_taken_back_lets_nobody_in(database):
    with database() as session, unit(session):
        alice, dora = enrol(session, "Alice"), enrol(session, "Dora")
        account = account_of(session, alice)
        owner = accounts.actor(alice)
        found = accounts.invite(session, account.id, "dora@example.com", "viewer", actor=owner, now=NOON)
        secret = accounts.make_link(session, "", "invitation", now=NOON, subject=found.id).rpartition("/")[2]

    def accept():
        with database() as session, unit(session):
            accounts.join(session, secret, dora.id, now=NOON)

    with ThreadPoolExecutor(1) as pool:
        with database() as session, unit(session):
            accounts.rename_account(session, account.id, "Acme", actor=owner, now=NOON)
            accepting = pool.submit(accept)
            assert wait_until(lambda: accepting.done() or somebody_waits(database), 30)
            assert not accepting.done()
            accounts.revoke_invitation(session, account.id, found.id, actor=owner, now=NOON)
        with pytest.raises(Missing):
            accepting.result()
    with database() as session:
        assert [one.person.id for one in accounts.members(session, account.id)] == [alice.id]


def test_tries_at_once_are_all_counted(database, at_once):
    with database() as session, unit(session):
        enrol(session, "Alice")

    def guess(session):
        return accounts.recognise(session, "alice@example.com", "wrong password", LAPTOP, now=NOON)

    results = at_once(*[guess] * 14)
    assert sum(isinstance(one, Exhausted) for one in results) == 4


def test_versions_of_an_account_never_repeat(database, at_once):
    with database() as session, unit(session):
        account = account_of(session, enrol(session, "Alice"))
    versions = at_once(*[lambda session: accounts.touch(session, account.id)] * 8)
    assert len(set(versions)) == 8
