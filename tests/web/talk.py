"""Tickets in every state, for whoever looks at their pages."""

import base64
from datetime import timedelta

from portal import accounts, plans, support
from tests.plans.people import OPERATOR

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
QUESTION = """The nightly import answers **`SUSPENDED`** since this morning.

1. We call `POST /memories` with the key that begins with `upk_live_`.
2. The answer is 403, with this body:

```json
{"code": "SUSPENDED", "request_id": "req_8f2"}
```

> Before Tuesday the same program worked.

Is something wrong with our account?"""
ANSWER = """Thank you for the details. Your account is in order: the key was *rotated* on Tuesday.

- Put the new key into your program, or
- let the old one live longer on the page **Keys**."""


def fill(session, account, people, now):
    """Tickets of an account on Priority and of one without a clock; ids by what they are good for."""
    alice, bob, oscar, sue = (
        accounts.actor(people[name], "192.0.2.7") for name in ("alice", "bob", "oscar", "sue")
    )
    plans.grant(session, account.id, "support-priority", OPERATOR, now=now - timedelta(days=30))
    talked = support.open_ticket(
        session,
        account.id,
        "The nightly import is refused as SUSPENDED",
        QUESTION,
        files=[
            support.File("screen shot.png", PICTURE),
            support.File("import.log", b"403 SUSPENDED\n" * 200),
        ],
        nonce="talk-1",
        actor=alice,
        now=now - timedelta(hours=3),
    )
    support.take(session, talked.id, actor=sue, now=now - timedelta(hours=2, minutes=55))
    support.note(
        session,
        talked.id,
        "Same as last week: they rotate keys by hand. I tell them about the overlap.",
        nonce="talk-2",
        actor=sue,
        now=now - timedelta(hours=2, minutes=50),
    )
    support.reply(session, talked.id, ANSWER, nonce="talk-3", actor=sue, now=now - timedelta(hours=2))
    number = talked.number
    support.answer(
        session,
        account.id,
        number,
        "That was it. But `GET /memories` is slow now: is that known?",
        nonce="talk-4",
        actor=bob,
        now=now - timedelta(minutes=20),
    )
    support.tag(session, talked.id, ["keys", "rotation"], actor=sue, now=now)
    late = support.open_ticket(
        session, account.id, "Invoice for October", "It lacks our VAT id.", nonce="talk-5", actor=alice,
        now=now - timedelta(days=12),
    )  # fmt: skip
    support.prioritise(session, late.id, "urgent", actor=oscar, now=now)
    support.watch(session, now=now)
    closed = support.open_ticket(
        session, account.id, "How do scopes work?", "Which are there?", nonce="talk-6", actor=bob,
        now=now - timedelta(days=20),
    )  # fmt: skip
    support.reply(
        session, closed.id, "As the docs say.", nonce="talk-7", actor=sue, close=True,
        now=now - timedelta(days=19),
    )  # fmt: skip
    return {
        "ticket": talked.id,
        "number": str(number),
        "closed": str(closed.number),
        "closed_ticket": closed.id,
    }


def ask(session, account, person, subject, now, **more):
    """A ticket of somebody."""
    actor = accounts.actor(person, "192.0.2.7")
    words = {"nonce": f"ask-{account.id}-{subject}", "actor": actor, "now": now, **more}
    return support.open_ticket(session, account.id, subject, "How is that meant?", **words)
