"""A desk with people at it: Alice's account and her team, Charlie's, and Sue and Sam of the staff."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from portal import accounts, plans, support
from portal.accounts.models import Member
from tests.plans.people import OPERATOR, publish, someone

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # business hours of the shipped catalogue begin
PRIORITY, ENTERPRISE = "support-priority", "support-enterprise"


@dataclass
class Desk:
    """Ids and actors; what is done is done in the session that is given."""

    account: str
    charlies: str
    alice: accounts.Actor
    bob: accounts.Actor
    charlie: accounts.Actor
    sue: accounts.Actor
    sam: accounts.Actor
    nonces: count = field(default_factory=count)

    def nonce(self):
        return f"nonce-{next(self.nonces)}"

    def open(self, session, now=MONDAY, **given):
        words = {"subject": "It does not work", "body": "What do I do?", "actor": self.alice, **given}
        subject, body = words.pop("subject"), words.pop("body")
        account = words.pop("account", self.account)
        return support.open_ticket(
            session, account, subject, body, **{"nonce": self.nonce(), "now": now, **words}
        )

    def answer(self, session, ticket, now, **given):
        words = {"nonce": self.nonce(), "actor": self.alice, **given}
        return support.answer(session, ticket.account_id, ticket.number, "And now?", now=now, **words)

    def reply(self, session, ticket, now, **given):
        words = {"nonce": self.nonce(), "actor": self.sue, **given}
        return support.reply(session, ticket.id, "Try this.", now=now, **words)

    def note(self, session, ticket, now, **given):
        words = {"nonce": self.nonce(), "actor": self.sue, **given}
        return support.note(session, ticket.id, "Odd.", now=now, **words)

    def close(self, session, ticket, now, side="staff"):
        actor = self.sue if side == "staff" else self.alice
        return support.close(session, ticket.id, actor=actor, side=side, now=now)

    def reopen(self, session, ticket, now, side="customer"):
        actor = self.sue if side == "staff" else self.alice
        return support.reopen(session, ticket.id, actor=actor, side=side, now=now)


def set_up(session, plan=PRIORITY, now=MONDAY):
    """Everybody in place, and Alice's account on a plan of support (None: Community)."""
    publish(session, now)
    alice, bob, charlie = (someone(session, name, now) for name in ("Alice", "Bob", "Charlie"))
    account = accounts.open_account(session, "Acme", alice, now=now).id
    charlies = accounts.open_account(session, "Charlie's", charlie, now=now).id
    session.add(Member(account_id=account, person_id=bob.id, role="developer", joined_at=now))
    sue, sam = someone(session, "Sue", now), someone(session, "Sam", now)
    sue.staff_role, sam.staff_role = "support", "operator"
    session.flush()
    if plan is not None:
        plans.grant(session, account, plan, OPERATOR, now)
    return Desk(account, charlies, *(accounts.actor(one) for one in (alice, bob, charlie, sue, sam)))


def clock(session, ticket, kind, running=True):
    """The one clock of a kind that runs, or the newest that does not."""
    found = [one for one in support.clocks(session, ticket.id) if one.kind == kind and one.runs is running]
    return found[0] if found else None
