"""Who is written to, and what, when something happens: played with the real actions."""

from datetime import timedelta

import pytest

from portal import accounts, keys, metering, plans
from portal.accounts.models import SignIn
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.letterhead import moment
from portal.kit.outbox import tell
from tests.worker.stage import NOW, follow, letters, someone, team, told

OPERATOR = accounts.Actor(None, "operator root")


@pytest.fixture
def acme(house):
    """Alice owns it, Bob administers, Dora develops, Erik pays, Vera looks on."""
    with house.sessions() as session, unit(session):
        plans.sync(session, plans.read(plans.SHIPPED.read_text()), NOW)
    account, _ = team(house, Bob="admin", Dora="developer", Erik="billing", Vera="viewer")
    follow(house)
    return account


@pytest.fixture
def alice(house):
    with house.sessions() as session, unit(session):
        return someone(session, "Alice", verified=False)


@pytest.fixture
def stamp(settings):
    return keys.Stamp(settings.key_prefix, settings.key_peppers[0])


def act(house, verb):
    """Do something in a transaction, and let everything follow from it."""
    with house.sessions() as session, unit(session):
        result = verb(session)
    follow(house)
    return result


def readers(house, template):
    return [letter.to.partition("@")[0] for letter in letters(house, template)]


def link_in(letter):
    return next(word for word in letter.text.split() if word.startswith("http") and letter.to not in word)


def test_who_signs_up_is_asked_to_prove_the_address(house, alice):
    told(house, accounts.AddressToVerify(alice.id))
    [letter] = letters(house)
    assert (letter.template, letter.to, letter.kind) == ("accounts/verify", "alice@example.com", None)
    secret = link_in(letter).rpartition("/")[2]
    with house.sessions() as session, unit(session):
        assert accounts.verify(session, secret, now=NOW + timedelta(hours=1)).id == alice.id


def test_who_has_proved_the_address_meanwhile_is_not_asked_again(house, acme):
    told(house, accounts.AddressToVerify(owner(house, acme).id))
    assert letters(house) == []


def owner(house, account):
    with house.sessions() as session:
        return accounts.owners(session, account.id)[0]


def test_each_reset_that_is_asked_for_has_a_link_of_its_own(house, alice):
    told(house, accounts.ResetAsked(alice.id))
    told(house, accounts.ResetAsked(alice.id))
    first, second = letters(house, "accounts/reset")
    assert link_in(first) != link_in(second)


def test_a_secret_link_has_an_end(house, alice):
    told(house, accounts.ResetAsked(alice.id))
    [letter] = letters(house)
    assert letter.secret_until - letter.written_at == accounts.TOKEN_LIFE["reset"]


def test_a_new_address_is_proved_and_the_old_one_told(house, acme):
    alice = owner(house, acme)
    told(house, accounts.AddressChangeAsked(alice.id, "new@example.com"))
    [letter] = letters(house, "accounts/address_to_confirm")
    assert letter.to == "new@example.com"
    told(house, accounts.AddressChanged(alice.id, "alice@example.com", "new@example.com"))
    assert readers(house, "accounts/address_left") == ["alice"]
    assert readers(house, "accounts/address_reached") == ["new"]


@pytest.mark.parametrize(
    ("fact", "template"),
    [
        (accounts.SignUpRepeated, "accounts/sign_up_repeated"),
        (accounts.PasswordChanged, "accounts/password_changed"),
        (accounts.CodesTurnedOn, "accounts/codes_turned_on"),
        (accounts.CodesTurnedOff, "accounts/codes_turned_off"),
    ],
)
def test_what_happens_to_a_sign_in_is_told_to_its_person(house, acme, fact, template):
    told(house, fact(owner(house, acme).id))
    [letter] = letters(house)
    assert (letter.template, letter.to, letter.kind) == (template, "alice@example.com", None)


def test_a_used_recovery_code_is_told_with_how_many_are_left(house, acme):
    told(house, accounts.RecoveryCodeUsed(owner(house, acme).id, 1))
    [letter] = letters(house)
    assert "1 is left" in letter.text


def test_a_sign_in_from_a_new_place_says_when_and_from_where(house, acme):
    alice = owner(house, acme)
    sign_in = SignIn(
        id="sig_1",
        fingerprint="f",
        person_id=alice.id,
        began_at=NOW,
        seen_at=NOW,
        address="203.0.113.9",
        user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    )
    act(house, lambda session: session.add(sign_in))
    told(house, accounts.SignedInFromNewPlace(alice.id, "sig_1"))
    [letter] = letters(house)
    for words in ("22 November 2026, 12:00 UTC", "Firefox on Linux", "203.0.113.9"):
        assert words in letter.text and words in letter.html


def test_an_invitation_goes_to_whom_it_is_for_and_opens_the_door(house, acme):
    alice = owner(house, acme)
    invitation = act(
        house,
        lambda session: accounts.invite(
            session, acme.id, "carol@example.com", "viewer", actor=accounts.actor(alice), now=clock.now()
        ),
    )
    [letter] = letters(house)
    assert (letter.to, letter.subject) == ("carol@example.com", "Alice invites you to Acme")
    with house.sessions() as session:
        secret = link_in(letter).rpartition("/")[2]
        assert accounts.invited_by_link(session, secret, now=clock.now()).id == invitation.id


def test_an_invitation_whose_letter_is_late_ends_no_later_for_that(house, acme):
    inviter, present = accounts.actor(owner(house, acme)), clock.now()
    with house.sessions() as session, unit(session):
        invited = [
            accounts.invite(session, acme.id, email, "viewer", actor=inviter, now=present - before)
            for email, before in (
                ("carol@example.com", timedelta(days=3)),
                ("dave@example.com", timedelta(days=8)),
            )
        ]
    follow(house)
    [letter] = letters(house)
    assert letter.to == "carol@example.com"
    assert moment(invited[0].expires_at) in letter.text


def test_an_invitation_that_was_withdrawn_meanwhile_is_not_sent(house, acme):
    alice = owner(house, acme)

    def invite_and_withdraw(session):
        invitation = accounts.invite(
            session, acme.id, "carol@example.com", "viewer", actor=accounts.actor(alice), now=NOW
        )
        accounts.revoke_invitation(session, acme.id, invitation.id, actor=accounts.actor(alice), now=NOW)

    act(house, invite_and_withdraw)
    assert letters(house) == []


def test_the_team_is_told_of_its_changes(house, acme):
    with house.sessions() as session:
        people = {member.person.name: member.person.id for member in accounts.members(session, acme.id)}
    told(house, accounts.MemberJoined(acme.id, people["Vera"]))
    assert readers(house, "accounts/member_joined") == ["alice", "bob"]
    told(house, accounts.RoleChanged(acme.id, people["Dora"], "developer", "viewer"))
    assert readers(house, "accounts/role_changed") == ["dora"]
    told(house, accounts.MemberRemoved(acme.id, people["Erik"], people["Bob"]))
    assert readers(house, "accounts/member_removed") == ["erik"]


def test_who_leaves_by_their_own_wish_needs_no_letter(house, acme):
    alice = owner(house, acme)
    told(house, accounts.MemberRemoved(acme.id, alice.id, alice.id))
    assert letters(house) == []


def test_a_suspension_and_its_end_are_told_and_reach_the_gate(house, acme):
    act(house, lambda session: accounts.suspend(session, acme.id, "Abuse.", actor=OPERATOR, now=NOW))
    assert readers(house, "accounts/suspended") == ["alice", "bob"]
    assert "Abuse." in letters(house, "accounts/suspended")[0].text
    act(house, lambda session: accounts.resume(session, acme.id, actor=OPERATOR, now=NOW))
    assert readers(house, "accounts/resumed") == ["alice", "bob"]
    assert house.gate.pushed == [acme.tag, acme.tag]


def test_the_owner_is_told_that_the_account_is_closed_although_they_are_gone(house, acme):
    alice = owner(house, acme)
    act(house, lambda session: accounts.close(session, acme.id, "Acme", actor=accounts.actor(alice), now=NOW))
    assert readers(house, "accounts/closed") == ["alice"]
    assert house.gate.pushed == [acme.tag]


def test_the_life_of_a_key_is_told_to_owner_and_admin_and_reaches_the_gate(house, acme, stamp):
    minted = act(
        house, lambda session: keys.mint(session, acme.id, "Laptop", stamp=stamp, actor=OPERATOR, now=NOW)
    )
    assert readers(house, "keys/created") == ["alice", "bob"]
    act(
        house,
        lambda session: keys.rotate(
            session, acme.id, minted.key_id, timedelta(days=1), stamp=stamp, actor=OPERATOR, now=NOW
        ),
    )
    assert readers(house, "keys/rotated") == ["alice", "bob"]
    assert "23 November 2026" in letters(house, "keys/rotated")[0].text
    act(house, lambda session: keys.revoke(session, acme.id, minted.key_id, actor=OPERATOR, now=NOW))
    assert readers(house, "keys/revoked") == ["alice", "bob"]
    assert house.gate.pushed == [acme.tag] * 3


def test_a_key_that_was_found_in_public_is_told_whatever_a_reader_has_turned_off(house, acme, stamp):
    minted = act(
        house, lambda session: keys.mint(session, acme.id, "Laptop", stamp=stamp, actor=OPERATOR, now=NOW)
    )
    found = keys.Leak(minted.token, "https://github.com/acme/api/blob/main/.env")
    github = accounts.Actor(None, "GitHub secret scanning")
    for _ in range(2):
        act(
            house,
            lambda session: keys.take_leaks(
                session, [found], prefixes=(stamp.prefix,), peppers=(stamp.pepper,), actor=github, now=NOW
            ),
        )
    assert readers(house, "keys/leaked") == ["alice", "bob"]
    (letter, _) = letters(house, "keys/leaked")
    assert letter.kind is None and found.url in letter.text and found.url in letter.html
    assert minted.token not in letter.text + letter.html
    assert house.gate.pushed == [acme.tag] * 2


def test_a_service_key_that_was_found_in_public_is_told_to_operators_once(house, acme, stamp):
    minted = act(
        house, lambda session: keys.mint_service(session, "api", stamp=stamp, actor=OPERATOR, now=NOW)
    )
    with house.sessions() as session, unit(session):
        olga = someone(session, "Olga")
        olga.staff_role = "operator"
    for _ in range(2):
        told(house, keys.ServiceKeyLeaked(minted.key_id, ""))
    assert readers(house, "keys/service_leaked") == ["olga"]
    assert minted.key_id in letters(house, "keys/service_leaked")[0].text


def test_no_letter_shows_a_whole_key(house, acme, stamp):
    minted = act(
        house, lambda session: keys.mint(session, acme.id, "Laptop", stamp=stamp, actor=OPERATOR, now=NOW)
    )
    assert all(minted.token not in letter.text + letter.html for letter in letters(house))


def test_a_changed_plan_is_told_to_those_who_pay_and_says_what_it_allows(house, acme):
    act(house, lambda session: plans.grant(session, acme.id, "api-pro", OPERATOR, NOW))
    assert readers(house, "plans/changed") == ["alice", "bob", "erik"]
    letter = letters(house, "plans/changed")[0]
    assert "100,000" in letter.text and "100,000" in letter.html
    assert house.gate.pushed == [acme.tag]


def reached(house, account, percent, environment="live"):
    with house.sessions() as session, unit(session):
        window = session.get(metering.Window, 1) or metering.Window(
            account_id=account.id,
            kind="free",
            starts_at=NOW.replace(day=1, hour=0),
            ends_at=NOW.replace(month=12, day=1, hour=0),
            opened_at=NOW,
        )
        session.add(window)
        session.flush()
        tell(
            session,
            metering.QuotaReached(account.id, window.id, "calls", percent, environment, 10 * percent, 1000),
        )
    follow(house)


def test_a_quota_is_told_once_at_80_and_once_at_100_percent(house, acme):
    for percent in (80, 80, 100, 100):
        reached(house, acme, percent)
    assert readers(house, "metering/quota") == ["alice", "bob", "alice", "bob"]
    first, *_, last = letters(house, "metering/quota")
    assert "80 % of its 1,000 calls" in first.text and "1 December 2026, 00:00 UTC" in first.text
    assert "all of its 1,000 calls" in last.text and "/plans" in last.text


def test_the_quota_of_test_keys_says_so_and_sells_nothing(house, acme):
    reached(house, acme, 100, "test")
    letter = letters(house, "metering/quota")[0]
    assert "1,000 test calls" in letter.text
    assert "/plans" not in letter.text


def test_what_a_reader_has_turned_off_is_not_written(house, acme, stamp):
    alice = owner(house, acme)
    act(house, lambda session: accounts.choose_letters(session, alice.id, ["quota"]))
    act(house, lambda session: keys.mint(session, acme.id, "Laptop", stamp=stamp, actor=OPERATOR, now=NOW))
    reached(house, acme, 80)
    assert readers(house, "keys/created") == ["bob"]
    assert readers(house, "metering/quota") == ["alice", "bob"]


def test_only_letters_that_can_be_turned_off_say_how(house, acme, stamp):
    act(house, lambda session: keys.mint(session, acme.id, "Laptop", stamp=stamp, actor=OPERATOR, now=NOW))
    told(house, accounts.PasswordChanged(owner(house, acme).id))
    about_key, about_password = (
        letters(house, "keys/created")[0],
        letters(house, "accounts/password_changed")[0],
    )
    assert about_key.kind in accounts.LETTER_KINDS
    assert about_key.unsubscribe_url in about_key.text and about_key.unsubscribe_url in about_key.html
    assert about_password.unsubscribe_url is None and "unsubscribe" not in about_password.text


def test_nobody_is_written_to_about_an_account_at_an_unproven_address(house):
    with house.sessions() as session, unit(session):
        account = accounts.open_account(session, "New", someone(session, "Zoe", verified=False), now=NOW)
    act(house, lambda session: accounts.suspend(session, account.id, "Abuse.", actor=OPERATOR, now=NOW))
    assert letters(house) == []


def test_names_cannot_write_markup_into_a_letter(house):
    with house.sessions() as session, unit(session):
        account = accounts.open_account(session, "<b>A&B</b>", someone(session, "Alice"), now=NOW)
    act(house, lambda session: accounts.suspend(session, account.id, "<i>x</i>", actor=OPERATOR, now=NOW))
    [letter] = letters(house)
    assert letter.subject == "<b>A&B</b> is suspended"
    assert "<b>" not in letter.html and "&lt;i&gt;x&lt;/i&gt;" in letter.html
    assert "<i>x</i>" in letter.text
