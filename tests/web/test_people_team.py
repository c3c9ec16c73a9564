"""The team, as pages: Alice's; Bob in it; Charlie outside."""

import pytest

from portal import accounts
from tests.web.people import PASSWORD


@pytest.fixture
def alice(visit, world):
    """Alice, signed in."""
    world.enrol("Alice")
    visit.sign_in("alice@example.com")
    return visit


def bob_in(world, role="developer"):
    return world.join("alice@example.com", "Bob", role)


def test_somebody_new_is_invited_and_joins(alice, visit_elsewhere, world):
    answer = alice.send("/team/invitations", on="/team", email="Dora@example.com", role="developer")
    assert answer.location == "/team"
    assert "dora@example.com" in alice.get("/team").text
    assert len(world.told(accounts.Invited)) == 1
    link = world.invitation("alice@example.com", "dora@example.com", "developer")
    page = visit_elsewhere.get(link)
    assert page.status_code == 200 and "dora@example.com" in page.text and "Join Alice" in page.text
    assert visit_elsewhere.send(link, name="", password=PASSWORD).status_code == 422
    assert visit_elsewhere.send(link, name="Dora", password="short").status_code == 422
    assert visit_elsewhere.send(link, name="Dora", password=PASSWORD).location == "/dashboard"
    assert "Alice" in visit_elsewhere.get("/team").text
    account = world.account("alice@example.com")
    assert world.role(account.id, world.person("dora@example.com").id) == "developer"
    assert visit_elsewhere.get(link).status_code == 404


def test_somebody_known_signs_in_and_joins(alice, visit_elsewhere, world):
    world.enrol("Charlie")
    link = world.invitation("alice@example.com", "charlie@example.com")
    assert f"/login?next={link}" in visit_elsewhere.get(link).text
    assert visit_elsewhere.send(link, name="Charlie", password=PASSWORD).status_code == 409
    assert visit_elsewhere.sign_in("charlie@example.com", next=link).location == link
    assert visit_elsewhere.send(link).location == "/dashboard"
    assert "2 people in Alice" in visit_elsewhere.get("/team").text


def test_who_is_signed_in_with_another_address_is_told_so(alice, visit_elsewhere, world):
    world.enrol("Charlie")
    visit_elsewhere.sign_in("charlie@example.com")
    link = world.invitation("alice@example.com", "charlie@work.example.com")
    assert "would join with that address" in visit_elsewhere.get(link).text


@pytest.mark.parametrize(
    "given",
    [{"email": ""}, {"email": "nonsense"}, {"role": "king"}, {"role": ""}, {"email": "alice@example.com"}],
)
def test_an_invitation_that_will_not_do_comes_back(alice, world, given):
    fields = {"email": "dora@example.com", "role": "viewer", **given}
    assert alice.send("/team/invitations", on="/team", **fields).status_code == 422
    assert world.told(accounts.Invited) == []


def test_an_invitation_is_withdrawn(alice, visit_elsewhere, world):
    link = world.invitation("alice@example.com", "dora@example.com")
    with world.database() as session:
        found = accounts.invitations(session, world.account("alice@example.com").id)[0]
    assert alice.send(f"/team/invitations/{found.id}/revoke", on="/team").location == "/team"
    assert visit_elsewhere.get(link).status_code == 404
    assert alice.send(f"/team/invitations/{found.id}/revoke", on="/team").status_code == 404


def test_a_role_is_changed(alice, world):
    bob = bob_in(world)
    account = world.account("alice@example.com")
    assert alice.send(f"/team/{bob}/role", on="/team", role="admin").location == "/team"
    assert world.role(account.id, bob) == "admin"
    assert alice.send(f"/team/{bob}/role", on="/team", role="king").status_code == 422
    assert alice.send("/team/per_nonsense/role", on="/team", role="admin").status_code == 404


def test_a_member_is_removed_after_a_second_look(alice, visit_elsewhere, world):
    bob = bob_in(world)
    visit_elsewhere.sign_in("bob@example.com")
    assert "Remove Bob" in alice.get(f"/team/{bob}/remove").text
    assert alice.send(f"/team/{bob}/remove").location == "/team"
    assert "bob@example.com" not in alice.get("/team").text
    assert visit_elsewhere.get("/team").status_code == 403
    assert visit_elsewhere.get("/accounts/new").status_code == 200


def test_the_last_owner_cannot_leave_or_step_down(alice, world):
    me = world.person("alice@example.com").id
    assert alice.get("/team/leave").status_code == 200
    answer = alice.send("/team/leave")
    assert answer.status_code == 409 and "needs an owner" in answer.text
    assert alice.send(f"/team/{me}/role", on="/team", role="viewer").status_code == 409


def test_a_member_leaves(alice, visit_elsewhere, world):
    bob = bob_in(world)
    visit_elsewhere.sign_in("bob@example.com")
    assert visit_elsewhere.send("/team/leave").location == "/accounts/new"
    assert world.role(world.account("alice@example.com").id, bob) is None


@pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
def test_who_does_not_manage_the_team_only_looks(visit, world, role):
    world.enrol("Alice")
    bob_in(world, role)
    me = world.person("alice@example.com").id
    visit.sign_in("bob@example.com")
    page = visit.get("/team")
    assert "alice@example.com" in page.text and "Send invitation" not in page.text
    for path in (
        "/team/invitations",
        f"/team/{me}/role",
        f"/team/{me}/remove",
        "/team/invitations/inv_x/revoke",
    ):
        fields = {"email": "x@example.com", "role": "viewer"}
        assert visit.send(path, on="/team", **fields).status_code == 403
    assert visit.get(f"/team/{me}/remove").status_code == 403


def test_an_admin_leaves_owners_alone(visit, world):
    world.enrol("Alice")
    bob = bob_in(world, "admin")
    me = world.person("alice@example.com").id
    visit.sign_in("bob@example.com")
    assert visit.send(f"/team/{me}/remove", on="/team").status_code == 403
    assert visit.send(f"/team/{me}/role", on="/team", role="viewer").status_code == 403
    assert visit.send(f"/team/{bob}/role", on="/team", role="owner").status_code == 403


def test_a_stranger_finds_nothing_of_a_team(alice, visit_elsewhere, world):
    world.enrol("Charlie")
    bob = bob_in(world)
    world.invitation("alice@example.com", "dora@example.com")
    with world.database() as session:
        invitation = accounts.invitations(session, world.account("alice@example.com").id)[0]
    visit_elsewhere.sign_in("charlie@example.com")
    assert "alice@example.com" not in visit_elsewhere.get("/team").text
    assert visit_elsewhere.get(f"/team/{bob}/remove").status_code == 404
    for path in (f"/team/{bob}/remove", f"/team/{bob}/role", f"/team/invitations/{invitation.id}/revoke"):
        assert visit_elsewhere.send(path, on="/team", role="viewer").status_code == 404


def test_a_form_drawn_for_another_account_changes_nothing(alice, world):
    alice.send("/accounts", on="/accounts/new", organisation="Second Ltd")
    first = world.account("alice@example.com")
    assert first.name == "Alice"
    answer = alice.send(
        "/team/invitations", on="/team", email="d@example.com", role="viewer", account=first.id
    )
    assert answer.status_code == 409
    assert world.told(accounts.Invited) == []


def test_before_the_own_address_is_proven_nobody_is_invited(visit, world):
    world.enrol("Alice", verified=False)
    visit.sign_in("alice@example.com")
    assert "Send invitation" not in visit.get("/team").text
    answer = visit.send("/team/invitations", on="/team", email="d@example.com", role="viewer")
    assert answer.status_code == 422 and "Verify your own address" in answer.text
