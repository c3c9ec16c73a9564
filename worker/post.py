"""Answers by mail, when their time comes: what the listener kept is read, one letter after the other."""

from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from portal import accounts, support
from portal.kit import clock, received, smtp
from portal.kit.db import unit
from worker.app import home, task
from worker.house import House
from worker.writing import Occasion, write_person

log = structlog.get_logger(__name__)

RUN_LASTS = timedelta(seconds=30)  # the last letter begun may take some seconds more


@task("post.read", tried_again=False)
def read_received_letters() -> None:
    """Every few seconds: read what came in."""
    read_received(home())


@task("post.clean")
def clean_received_letters() -> None:
    """Now and then: delete what came in long ago."""
    with home().sessions() as session, unit(session):
        received.clean(session, now=clock.now())


def read_received(house: House) -> int:
    """Read the letters that are due, for as long as a run lasts; how many were looked at.

    Each is claimed before, and the claim committed: one that ends its reader does not end it for ever.
    """
    post, looked_at, ends_at = house.settings.post, 0, clock.now() + RUN_LASTS
    if post is None:
        return 0
    with house.sessions() as session:
        while clock.now() < ends_at:
            with unit(session):
                letter_id = received.claim(session, now=clock.now())
            if letter_id is None:
                break
            looked_at += 1
            _read(house, session, letter_id)
    return looked_at


def _read(house: House, session: Session, letter_id: str) -> None:
    settings = house.settings
    assert settings.post is not None
    try:
        with unit(session):
            support.receive(
                session,
                letter_id,
                settings.post.address,
                settings.secret_key,
                domain=smtp.domain_of(settings.mail_from),
                now=clock.now(),
            )
            letter = received.get(session, letter_id)
        log.info("letter read", letter=letter_id, state=letter.state, reason=letter.reason)
    except Exception as problem:  # whatever it is, the letter stays, and the next one has its turn
        log.exception("a letter could not be read", letter=letter_id)
        with unit(session):
            reason = f"Reading it went wrong: {type(problem).__name__}."
            received.put_off(session, letter_id, reason, now=clock.now())


def answer_came_too_late(session: Session, fact: support.AnswerCameTooLate, occasion: Occasion) -> None:
    """Who answers in a ticket that was closed long ago is told so, once for each ticket."""
    ticket = support.staff_ticket(session, fact.ticket_id)
    context = {
        "number": ticket.number,
        "subject": ticket.subject,
        "closed_at": ticket.closed_at or occasion.now,
        "account": accounts.get(session, fact.account_id).name,
    }
    write_person(
        session,
        occasion,
        fact.person_id,
        "support/too_late",
        context,
        account_id=fact.account_id,
        once=f"ticket {ticket.id} too late {fact.person_id}",
        thread=ticket.id,
    )
