"""Accounts themselves: opened, suspended, observed, closed, found, audited."""

from datetime import timedelta

import pytest

from portal import accounts
from portal.kit.errors import Conflict, Forbidden, Invalid, Missing
from tests.accounts.people import (
    CLOCKWORK,
    LAPTOP,
    NOON,
    PASSWORD,
    account_of,
    actions,
    enrol,
    facts,
    gather,
    secret_of,
)


@pytest.fixture
def people(session):
    return gather(session)


def test_an_account_is_found_by_its_id_and_its_tag(session, people):
    account = people.account
    assert (
        accounts.get(session, account.id)
        is accounts.by_tag(session, accounts.tag(session, account.id))
        is account
    )
    assert accounts.by_tag(session, "nonsense") is None
    for ask in (accounts.get, accounts.tag, accounts.touch):
        with pytest.raises(Missing):
            ask(session, "acc_nonsense")


def test_each_touch_raises_the_version(session, people):
    before = people.account.version
    assert [accounts.touch(session, people.account.id) for _ in range(3)] == [before + n for n in (1, 2, 3)]


def test_suspending_and_resuming_reach_the_gate_and_the_audit(session, people):
    account, before = people.account, people.account.version
    accounts.suspend(session, account.id, "Unpaid since May.", actor=CLOCKWORK, now=NOON)
    session.refresh(account)
    assert (account.suspended_at, account.suspension_reason) == (NOON, "Unpaid since May.")
    assert account.version == before + 1
    with pytest.raises(Conflict):
        accounts.suspend(session, account.id, "Again.", actor=CLOCKWORK, now=NOON)
    accounts.resume(session, account.id, actor=CLOCKWORK, now=NOON)
    session.refresh(account)
    assert account.suspended_at is None and account.version == before + 2
    with pytest.raises(Conflict):
        accounts.resume(session, account.id, actor=CLOCKWORK, now=NOON)
    assert actions(session, account)[:2] == ["account.resumed", "account.suspended"]
    assert facts(session, accounts.AccountSuspended) and facts(session, accounts.AccountResumed)


def test_a_suspension_needs_a_reason(session, people):
    with pytest.raises(Invalid):
        accounts.suspend(session, people.account.id, "  ", actor=CLOCKWORK, now=NOON)


def test_observing_is_turned_on_and_off(session, people):
    account = people.account
    accounts.observe(session, account.id, True, actor=CLOCKWORK, now=NOON)
    assert account.observed_at == NOON
    accounts.observe(session, account.id, True, actor=CLOCKWORK, now=NOON + timedelta(hours=1))
    assert account.observed_at == NOON
    accounts.observe(session, account.id, False, actor=CLOCKWORK, now=NOON)
    assert account.observed_at is None


def test_closing_stops_the_account_and_signs_its_people_out(session, people):
    token = accounts.begin(session, people.bob, LAPTOP, now=NOON)
    invitation = accounts.invite(
        session, people.account.id, "dora@example.com", "viewer", actor=accounts.actor(people.alice), now=NOON
    )
    secret = secret_of(session, "invitation", subject=invitation.id)
    before = people.account.version
    alice = accounts.actor(people.alice)
    accounts.close(session, people.account.id, "Alice", actor=alice, now=NOON)
    session.refresh(people.account)
    assert (people.account.closed_at, people.account.closed_by) == (NOON, people.alice.id)
    assert people.account.version == before + 1
    assert facts(session, accounts.AccountClosed) == [accounts.AccountClosed(people.account.id)]
    assert accounts.signed_in_with(session, token, now=NOON) is None
    assert accounts.recognise(session, people.bob.email, PASSWORD, LAPTOP, now=NOON) is None
    with pytest.raises(Missing):
        accounts.invited_by_link(session, secret, now=NOON)
    for late in (
        lambda: accounts.suspend(session, people.account.id, "Late.", actor=CLOCKWORK, now=NOON),
        lambda: accounts.close(session, people.account.id, "Alice", actor=alice, now=NOON),
    ):
        with pytest.raises(Missing):
            late()


def test_who_is_in_another_account_stays(session, people):
    invitation = accounts.invite(
        session,
        people.account.id,
        people.charlie.email,
        "owner",
        actor=accounts.actor(people.alice),
        now=NOON,
    )
    accounts.join(
        session, secret_of(session, "invitation", subject=invitation.id), people.charlie.id, now=NOON
    )
    accounts.close(session, people.account.id, "Alice", actor=accounts.actor(people.charlie), now=NOON)
    assert people.charlie.closed_at is None and people.alice.closed_at == NOON
    assert accounts.memberships(session, people.charlie.id) == [people.charlies]


def test_staff_stay_when_their_account_closes(session, people):
    accounts.add_staff(session, people.bob.email, "support", actor=CLOCKWORK, now=NOON)
    accounts.close(session, people.account.id, "Alice", actor=accounts.actor(people.alice), now=NOON)
    assert people.bob.closed_at is None


def test_an_address_is_free_again_after_its_person_left(session, people):
    accounts.close(session, people.account.id, "Alice", actor=accounts.actor(people.alice), now=NOON)
    again = enrol(session, "Alice")
    assert again.id != people.alice.id and accounts.by_email(session, "alice@example.com") is again


def test_closing_takes_an_owner_who_types_the_name(session, people):
    for person in (people.bob, people.charlie):
        with pytest.raises(Forbidden):
            accounts.close(session, people.account.id, "Alice", actor=accounts.actor(person), now=NOON)
    with pytest.raises(Invalid):
        accounts.close(session, people.account.id, "alice", actor=accounts.actor(people.alice), now=NOON)
    assert people.account.closed_at is None


def test_staff_find_accounts_by_name_member_id_and_start_of_a_key(session, people):
    account = people.account
    for words in ("lic", "BOB@EXAMPLE", account.id, account.tag, f"upk_live_{account.tag}ab"):
        found = accounts.search(session, words)
        assert [(row.account.id, row.owner, row.members) for row in found.rows] == [
            (account.id, "alice@example.com", 2)
        ]
    assert accounts.search(session, "%").total == 0
    assert accounts.search(session).total == 2


def test_lists_have_pages(session, people):
    for n in range(7):
        accounts.record(
            session, CLOCKWORK, "key.minted", account_id=people.account.id, subject=str(n), now=NOON
        )
    session.flush()
    first = accounts.audit(session, people.account.id, page=1, size=5)
    assert [row.subject for row in first.rows] == ["6", "5", "4", "3", "2"]
    assert first.pages == -(-first.total // 5)
    assert accounts.audit(session, people.account.id, page=10**9, size=5).page == first.pages
    assert accounts.audit(session, people.account.id, page=-3, size=5).page == 1


def test_an_account_sees_its_own_audit_alone(session, people):
    accounts.record(session, CLOCKWORK, "account.looked_at", account_id=people.account.id, now=NOON)
    assert "account.looked_at" in actions(session, people.account)
    assert "account.looked_at" not in actions(session, people.charlies)


def test_the_first_operator_is_waited_for_until_one_signs_in(session):
    first = accounts.first_operator(session, actor=CLOCKWORK, now=NOON)
    assert (first.email, first.staff_role) == ("operator@localhost", "operator")
    assert accounts.first_operator(session, actor=CLOCKWORK, now=NOON) is first
    accounts.begin(session, first, LAPTOP, now=NOON)
    assert accounts.first_operator(session, actor=CLOCKWORK, now=NOON) is None


def test_an_operator_who_signed_in_long_ago_is_not_waited_for(session):
    first = accounts.first_operator(session, actor=CLOCKWORK, now=NOON)
    accounts.begin(session, first, LAPTOP, now=NOON)
    later = NOON + timedelta(days=400)
    accounts.forget_old(session, now=later)
    assert accounts.first_operator(session, actor=CLOCKWORK, now=later) is None


def test_staff_are_made_of_known_and_unknown_people(session):
    alice = enrol(session, "Alice")
    assert accounts.add_staff(session, "Alice@example.com", "support", actor=CLOCKWORK, now=NOON) is alice
    oscar = accounts.add_staff(session, "oscar.wild@example.com", "operator", actor=CLOCKWORK, now=NOON)
    assert oscar.name == "Oscar Wild" and accounts.operators(session) == [oscar]
    with pytest.raises(Invalid):
        accounts.add_staff(session, "x@example.com", "king", actor=CLOCKWORK, now=NOON)


def test_an_account_is_added_for_an_owner_whose_address_is_vouched_for(session):
    account, owner = accounts.add_account(session, "Acme", "wile@example.com", actor=CLOCKWORK, now=NOON)
    assert account.name == "Acme" and accounts.is_verified(session, account.id)
    assert account_of(session, owner) is account
    other, same = accounts.add_account(session, "Acme 2", "wile@example.com", actor=CLOCKWORK, now=NOON)
    assert same is owner and other.id != account.id


def test_any_number_of_accounts_can_be_asked_for_their_names(session, people):
    many = [f"acc_{number}" for number in range(70_000)]  # more than a query may name
    assert accounts.names(session, [people.account.id, *many]) == {people.account.id: people.account.name}
