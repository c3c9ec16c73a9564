"""Quotes in every state, and a letter that came in, for whoever looks at their pages."""

from datetime import timedelta

from sqlalchemy import select

from portal import accounts, support
from portal.billing.models import BillingCustomer, OneOff
from portal.kit import received
from portal.kit.money import Money
from tests.web import money, talk

TEXT = """One cluster of three machines, with:

- backups every night,
- a domain and its certificate,
- *an hour* to hand it over."""
RAW = b"""From: Emil <emil@private.example>\r
To: reply+0000@in.example.org\r
Subject: Re: [1] Custom deployment\r
Message-ID: <1@private.example>\r
\r
Yes, please go on.\r
"""  # fmt: skip


def fill(session, account, emil, sue, now):
    """Tickets about deployments: one with a quote that stands, one to be paid, one declined; ids by name."""
    actor, staff = (accounts.actor(one, "192.0.2.7") for one in (emil, sue))
    found, day = {}, timedelta(days=1)
    for name, amount, reason in (
        ("offered", 80_000, ""),
        ("owed", 260_000, "Two regions."),
        ("refused", 90_000, ""),
    ):
        then = now - 2 * day
        ticket = talk.ask(session, account, emil, f"Custom deployment: AWS, {name}", then, kind="deployment")
        quote = support.offer(
            session, ticket.id, Money(amount), TEXT, valid_days=14, reason=reason, nonce=f"offer-{name}",
            actor=staff, now=now - day,
        )  # fmt: skip
        verb = {"owed": support.accept, "refused": support.decline}.get(name)
        if verb is not None:
            verb(session, account.id, ticket.number, quote.id, actor=actor, now=now)
        if name == "owed":
            _invoice(session, account, quote, now)
        found |= {name: str(ticket.number), f"{name}_ticket": ticket.id}
    found["received"] = _letter(session, found["owed_ticket"], account, now)
    return found


def _invoice(session, account, quote, now):
    where = BillingCustomer.account_id == account.id
    customer = session.scalars(select(BillingCustomer).where(where)).first()
    made = money.invoice(
        session,
        customer,
        quote.amount,
        now,
        paid=False,
        number="UPK-0900",
        text="Custom deployment",
        attempts=0,
    )
    session.add(
        OneOff(
            id=quote.id, account_id=account.id, text="Custom deployment", amount=quote.amount, currency="usd",
            due_days=14, asked_at=now, invoice_id=made.id, invoiced_at=now,
        )
    )  # fmt: skip


def _letter(session, about, account, now):
    to = f"reply+{'0' * 46}@in.example.org"
    found = received.store(
        session, RAW, sender="emil@private.example", recipient=to, peer="192.0.2.4", now=now
    )
    letter = received.get(session, found)
    letter.author, letter.subject = "emil@private.example", "Re: Custom deployment"
    letter.about, letter.account_id = about, account.id
    received.leave(letter, "It is not from emil@example.com, to whom this address was given.", now=now)
    taken = received.store(session, RAW, sender="a@example.com", recipient=to, peer="192.0.2.4", now=now)
    received.take(received.get(session, taken), now=now)
    return found
