"""Writing: how letters are addressed, and how none is written twice. Words are in `templates/letters`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal import accounts
from portal.kit import mail, replies
from worker.house import House


@dataclass(frozen=True)
class Occasion:
    """What a reaction has beside its fact: the fact's id, when it was told, the house, and the time."""

    fact_id: int
    told_at: datetime
    house: House
    now: datetime


def write_person(
    session: Session,
    occasion: Occasion,
    person_id: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    to: str | None = None,
    account_id: str | None = None,
    kind: str | None = None,
    once: str | None = None,
    secret_until: datetime | None = None,
    thread: str | None = None,
    answerable: bool = False,
) -> None:
    """Write a letter to a person, at their address or at `to`; none to a person who has left.

    With a `kind` the letter is one that its reader can turn off, and is not written when they have.
    `thread` and `answerable` are those of `write_address`.
    """
    person = accounts.person(session, person_id)
    if person.closed_at is None and (kind is None or accounts.wants(person, kind)):
        write_address(
            session,
            occasion,
            to or person.email,
            template,
            {"name": person.name, **(context or {})},
            person_id=person_id,
            account_id=account_id,
            kind=kind,
            once=once,
            secret_until=secret_until,
            thread=thread,
            answerable=answerable,
        )


def write_members(
    session: Session,
    occasion: Occasion,
    account_id: str,
    deed: str,
    template: str,
    context: Mapping[str, Any],
    *,
    kind: str | None = None,
    once: str | None = None,
    thread: str | None = None,
    answerable: bool = False,
) -> None:
    """Write to everybody in an account who may do `deed` and whose address is proven."""
    account = accounts.get(session, account_id)
    for member in accounts.members(session, account_id):
        if accounts.may(member.role, deed) and member.person.verified_at is not None:
            write_person(
                session,
                occasion,
                member.person.id,
                template,
                {"account": account.name, **context},
                account_id=account_id,
                kind=kind,
                once=once,
                thread=thread,
                answerable=answerable,
            )


def write_address(
    session: Session,
    occasion: Occasion,
    to: str,
    template: str,
    context: Mapping[str, Any],
    *,
    person_id: str | None = None,
    account_id: str | None = None,
    kind: str | None = None,
    once: str | None = None,
    secret_until: datetime | None = None,
    thread: str | None = None,
    answerable: bool = False,
) -> None:
    """Write a letter to an address, once for each fact, or once for each `once` whatever the facts.

    Letters of one `thread`, an id, stand together; an `answerable` one is answered into it by mail, where
    that is taken, which its words know as `answerable`.
    """
    settings = occasion.house.settings
    answerable = answerable and settings.post is not None and thread is not None and person_id is not None
    token = replies.seal(settings.secret_key, thread or "", person_id or "") if answerable else None
    words = {"at": occasion.told_at, "answerable": answerable, **context}
    mail.write(
        session,
        f"{template} {once or f'fact {occasion.fact_id}'} {to}",
        occasion.house.letterhead.render(template, words, person_id=person_id, kind=kind),
        to=to,
        now=occasion.now,
        account_id=account_id,
        person_id=person_id,
        secret_until=secret_until,
        thread=thread,
        reply_token=token,
    )


def once_link(
    session: Session,
    occasion: Occasion,
    purpose: str,
    *,
    person_id: str | None = None,
    subject: str | None = None,
) -> tuple[str, datetime]:
    """A fresh link that works once, made together with the letter that carries it; and when it ends."""
    link = accounts.make_link(
        session,
        occasion.house.settings.public_url,
        purpose,
        now=occasion.now,
        person_id=person_id,
        subject=subject,
    )
    return link, occasion.now + accounts.TOKEN_LIFE[purpose]
