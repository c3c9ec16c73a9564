"""People: they sign up, prove their address by the letter, join teams; the operator looks after them."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from demo.cast import Part, plain
from demo.stage import Stage
from portal import accounts
from portal.accounts import Actor, Browser, Person

AT_ONCE: Final = 2  # hashing a password lets others work
BROWSERS: Final = (
    Browser("198.51.100.23", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    Browser("203.0.113.88", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1 Safari/605.1"),
    Browser("192.0.2.141", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0"),
)
VERIFY: Final = re.compile(r"/verify/(\S+)")
INVITED: Final = re.compile(r"/invitations/(\S+)")
TEAM: Final = "memoryhub.example.com"
OPERATOR, AGENTS = f"mia.brandt@{TEAM}", (f"jonas.ritter@{TEAM}", f"sade.okonkwo@{TEAM}")


@dataclass(frozen=True)
class Token:
    """A key that a customer has: its id, what it is called, and what programs show."""

    key_id: str
    name: str
    text: str
    environment: str = "live"


@dataclass
class Party:
    """A customer who came: their part, and what they have by now."""

    part: Part
    owner: Person
    account_id: str
    tokens: list[Token] = field(default_factory=list)
    full: bool = False  # the gate said that the quota is used up

    @property
    def actor(self) -> Actor:
        """The owner, as the audit names them."""
        return Actor(self.owner.id, self.owner.email, "198.51.100.23")


Act = Callable[[Stage, Party], None]


@dataclass(frozen=True)
class Staff:
    """Who runs the platform."""

    operator: Actor
    agents: tuple[Actor, ...]


def hire(stage: Stage) -> Staff:
    """The operator and the agents, and somebody of each at their desk."""
    root = Actor(None, "operator root")
    with stage.unit() as session:
        found = [
            accounts.add_staff(session, email, role, actor=root, now=stage.now)
            for email, role in ((OPERATOR, "operator"), *((email, "support") for email in AGENTS))
        ]
        for person, browser in zip(found, BROWSERS, strict=True):
            accounts.begin(session, person, browser, now=stage.now)
    operator, *agents = (Actor(one.id, one.email, "192.0.2.10") for one in found)
    return Staff(operator, tuple(agents))


def sign_up(stage: Stage, parts: Sequence[Part]) -> list[Party]:
    """They sign up on the web, each with a password of their own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda part: _sign_up(stage, part), parts))


def verify(stage: Stage, parties: Sequence[Party], since: datetime) -> list[Party]:
    """Those who read their letters follow the link that proves their address; who did."""
    links = {
        letter.to: found[1]
        for letter in stage.letters_since("accounts/verify", since)
        if letter.text and (found := VERIFY.search(letter.text))
    }
    readers = [party for party in parties if party.part.verifies and party.part.email in links]
    with stage.unit() as session:
        for party in readers:
            accounts.verify(session, links[party.part.email], address="198.51.100.23", now=stage.now)
    return readers


def invite(name: str, role: str, *, joins: bool = True) -> Act:
    """A colleague is asked to join, and does so by the link in their letter, or does not yet."""

    def act(stage: Stage, party: Party) -> None:
        before = stage.now
        email = f"{plain(name).replace(' ', '.')}@{party.part.email.partition('@')[2]}"
        with stage.unit() as session:
            accounts.invite(session, party.account_id, email, role, actor=party.actor, now=stage.now)
        stage.follow()
        if joins:
            letters = stage.letters_since("accounts/invited", before)
            links = [INVITED.search(letter.text or "") for letter in letters if letter.to == email]
            assert links and links[-1], email
            with stage.unit() as session:
                accounts.join_as_new(session, links[-1][1], name, _password(email), now=stage.now)

    return act


def sign_in(party_browser: int = 0) -> Act:
    """The owner signs in from one of the browsers."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            accounts.begin(session, party.owner, BROWSERS[party_browser], remember=True, now=stage.now)

    return act


def suspend(staff: Staff, reason: str) -> Act:
    """The operator stops an account."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            accounts.suspend(session, party.account_id, reason, actor=staff.operator, now=stage.now)

    return act


def observe(staff: Staff) -> Act:
    """The operator lets an account pass its limits and takes note."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            accounts.observe(session, party.account_id, True, actor=staff.operator, now=stage.now)

    return act


def leave() -> Act:
    """The owner closes the account."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            accounts.close(session, party.account_id, party.part.account, actor=party.actor, now=stage.now)
        party.tokens.clear()

    return act


def _sign_up(stage: Stage, part: Part) -> Party:
    with stage.unit() as session:
        accounts.sign_up(
            session,
            name=part.owner,
            email=part.email,
            password=_password(part.email),
            organisation=part.account,
            terms_version=stage.settings.brand.terms_url,
            address="198.51.100.23",
            now=stage.now,
        )
        person = accounts.by_email(session, part.email)
        assert person is not None, part
        return Party(part, person, accounts.memberships(session, person.id)[0].id)


def _password(email: str) -> str:
    """What nobody has to remember: people of the demo come in by links."""
    return f"walnut lantern {email}"
