"""The team: Alice, Bob whom she invites, Charlie whom nobody did."""

from datetime import timedelta

import pytest

from portal import accounts
from portal.kit.errors import Conflict, Exhausted, Forbidden, Invalid, Missing
from tests.accounts.people import (
    LAPTOP,
    NOON,
    PASSWORD,
    account_of,
    actions,
    enrol,
    facts,
    gather,
    join,
    secret_of,
)


@pytest.fixture
def people(session):
    return gather(session)


def invite(session, account, inviter, email="dora@example.com", role="viewer", now=NOON):
    return accounts.invite(session, account.id, email, role, actor=accounts.actor(inviter), now=now)


def test_an_invitation_is_accepted_by_somebody_new(session, people):
    assert accounts.role(session, people.account.id, people.bob.id) == "developer"
    assert [one.id for one in accounts.memberships(session, people.bob.id)] == [people.account.id]
    assert people.bob.verified_at == NOON
    assert accounts.recognise(session, people.bob.email, PASSWORD, LAPTOP, now=NOON) is people.bob
    assert facts(session, accounts.MemberJoined) == [accounts.MemberJoined(people.account.id, people.bob.id)]


def test_an_invitation_is_accepted_by_somebody_known(session, people):
    invitation = invite(session, people.account, people.alice, people.charlie.email)
    secret = secret_of(session, "invitation", subject=invitation.id)
    with pytest.raises(Conflict):
        accounts.join_as_new(session, secret, "Charlie", PASSWORD, now=NOON)
    assert accounts.join(session, secret, people.charlie.id, now=NOON) == people.account.id
    assert {one.id for one in accounts.memberships(session, people.charlie.id)} == {
        people.account.id,
        people.charlies.id,
    }
    with pytest.raises(Missing):
        accounts.join(session, secret, people.charlie.id, now=NOON)


def test_one_joins_with_a_proven_address_or_the_invited_one(session, people):
    dora = enrol(session, "Dora", verified=False)
    to_another = invite(session, people.account, people.alice, "eve@example.com")
    with pytest.raises(Conflict):
        accounts.join(session, secret_of(session, "invitation", subject=to_another.id), dora.id, now=NOON)
    to_her = invite(session, people.account, people.alice, dora.email)
    accounts.join(session, secret_of(session, "invitation", subject=to_her.id), dora.id, now=NOON)
    assert dora.verified_at == NOON


def test_asking_again_renews_the_invitation_and_ends_the_earlier_link(session, people):
    first = invite(session, people.account, people.alice)
    old = secret_of(session, "invitation", subject=first.id)
    again = invite(session, people.account, people.alice, role="admin", now=NOON + timedelta(days=1))
    assert again.id == first.id and again.role == "admin"
    assert again.expires_at == NOON + timedelta(days=8)
    with pytest.raises(Missing):
        accounts.invited_by_link(session, old, now=NOON + timedelta(days=1))
    assert len(facts(session, accounts.Invited)) == 3  # Bob's, and Dora's two


def test_a_withdrawn_or_old_invitation_does_not_work(session, people):
    invitation = invite(session, people.account, people.alice)
    secret = secret_of(session, "invitation", subject=invitation.id)
    with pytest.raises(Missing):
        accounts.invited_by_link(session, secret, now=NOON + timedelta(days=7))
    accounts.revoke_invitation(
        session, people.account.id, invitation.id, actor=accounts.actor(people.alice), now=NOON
    )
    with pytest.raises(Missing):
        accounts.join(session, secret, people.charlie.id, now=NOON)
    assert accounts.invitations(session, people.account.id) == []


def test_nobody_withdraws_the_invitation_of_a_strangers_account(session, people):
    invitation = invite(session, people.account, people.alice)
    charlie = accounts.actor(people.charlie)
    for account in (people.charlies, people.account):
        with pytest.raises((Missing, Forbidden)):
            accounts.revoke_invitation(session, account.id, invitation.id, actor=charlie, now=NOON)
    assert len(accounts.invitations(session, people.account.id)) == 1


@pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
def test_only_owners_and_admins_manage_the_team(session, role):
    people = gather(session, role)
    bob, alices = accounts.actor(people.bob), people.account.id
    with pytest.raises(Forbidden):
        invite(session, people.account, people.bob)
    with pytest.raises(Forbidden):
        accounts.change_role(session, alices, people.alice.id, "viewer", actor=bob, now=NOON)
    with pytest.raises(Forbidden):
        accounts.remove(session, alices, people.alice.id, actor=bob, now=NOON)


def test_an_admin_cannot_make_or_touch_an_owner(session):
    people = gather(session, "admin")
    bob, alices = accounts.actor(people.bob), people.account.id
    with pytest.raises(Forbidden):
        invite(session, people.account, people.bob, role="owner")
    with pytest.raises(Forbidden):
        accounts.change_role(session, alices, people.bob.id, "owner", actor=bob, now=NOON)
    with pytest.raises(Forbidden):
        accounts.remove(session, alices, people.alice.id, actor=bob, now=NOON)
    assert invite(session, people.account, people.bob).role == "viewer"


def test_an_admin_cannot_ask_anew_whom_an_owner_asked_to_be_one(session):
    people = gather(session, role="admin")
    asked = invite(session, people.account, people.alice, role="owner")
    with pytest.raises(Forbidden):
        invite(session, people.account, people.bob, role="viewer")
    assert accounts.invitation(session, asked.id).role == "owner"


def test_a_stranger_does_nothing_to_a_team(session, people):
    charlie, alices = accounts.actor(people.charlie), people.account.id
    with pytest.raises(Forbidden):
        invite(session, people.account, people.charlie)
    with pytest.raises(Forbidden):
        accounts.change_role(session, alices, people.bob.id, "viewer", actor=charlie, now=NOON)
    with pytest.raises(Forbidden):
        accounts.remove(session, alices, people.bob.id, actor=charlie, now=NOON)
    with pytest.raises(Missing):
        accounts.remove(session, alices, people.charlie.id, actor=charlie, now=NOON)


def test_a_role_is_changed_and_told(session, people):
    alice = accounts.actor(people.alice)
    accounts.change_role(session, people.account.id, people.bob.id, "admin", actor=alice, now=NOON)
    assert accounts.role(session, people.account.id, people.bob.id) == "admin"
    told = accounts.RoleChanged(people.account.id, people.bob.id, "developer", "admin")
    assert facts(session, accounts.RoleChanged) == [told]
    with pytest.raises(Invalid):
        accounts.change_role(session, people.account.id, people.bob.id, "king", actor=alice, now=NOON)


def test_the_last_owner_can_neither_leave_nor_step_down(session, people):
    alice, alices = accounts.actor(people.alice), people.account.id
    with pytest.raises(Conflict):
        accounts.remove(session, alices, people.alice.id, actor=alice, now=NOON)
    with pytest.raises(Conflict):
        accounts.change_role(session, alices, people.alice.id, "admin", actor=alice, now=NOON)
    accounts.change_role(session, alices, people.bob.id, "owner", actor=alice, now=NOON)
    accounts.remove(session, alices, people.alice.id, actor=alice, now=NOON)
    assert accounts.owners(session, alices) == [people.bob]


def test_anybody_may_leave_and_sees_nothing_any_more(session, people):
    token = accounts.begin(session, people.bob, LAPTOP, now=NOON)
    row = accounts.signed_in_with(session, token, now=NOON)[1]
    accounts.remove(session, people.account.id, people.bob.id, actor=accounts.actor(people.bob), now=NOON)
    session.refresh(row)
    assert accounts.chosen(session, row) == (None, None)
    assert accounts.role(session, people.account.id, people.bob.id) is None
    assert actions(session, people.account)[0] == "member.left"


def test_a_removed_member_can_be_invited_again(session, people):
    alice = accounts.actor(people.alice)
    accounts.remove(session, people.account.id, people.bob.id, actor=alice, now=NOON)
    invitation = invite(session, people.account, people.alice, people.bob.email)
    accounts.join(session, secret_of(session, "invitation", subject=invitation.id), people.bob.id, now=NOON)
    assert accounts.role(session, people.account.id, people.bob.id) == "viewer"


def test_who_is_in_the_team_is_not_invited(session, people):
    with pytest.raises(Conflict):
        invite(session, people.account, people.alice, "BOB@example.com")


def test_one_invites_with_a_proven_address_alone(session):
    alice = enrol(session, "Alice", verified=False)
    with pytest.raises(Conflict):
        invite(session, account_of(session, alice), alice)


def test_thirty_invitations_a_day_are_enough(session, people):
    for n in range(29):
        invite(session, people.account, people.alice, f"friend{n}@example.com")
    with pytest.raises(Exhausted):
        invite(session, people.account, people.alice, "one-more@example.com")
    invite(session, people.account, people.alice, "one-more@example.com", now=NOON + timedelta(days=1))


def test_the_team_is_listed_by_role_then_name(session, people):
    join(session, people.account, people.alice, "Adam", "viewer")
    join(session, people.account, people.alice, "Zoe", "owner")
    listed = [(one.person.name, one.role) for one in accounts.members(session, people.account.id)]
    assert listed == [("Alice", "owner"), ("Zoe", "owner"), ("Bob", "developer"), ("Adam", "viewer")]
    with pytest.raises(Missing):
        accounts.member_of(session, people.account.id, people.charlie.id)
