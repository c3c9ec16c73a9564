"""Letters, when their time comes: sent one by one, each claimed before and marked after."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kit import clock, mail, sending, smtp
from portal.kit.db import unit
from portal.kit.mail import Letter
from portal.kit.smtp import Fate, Outcome
from worker.app import home, task
from worker.house import House

log = structlog.get_logger(__name__)

Deliver = Callable[[str, EmailMessage], Outcome]

RUN_LASTS = timedelta(seconds=20)  # the last letter begun may take some minutes more
SENDER_LOCK = 0x6C6574746572  # "letter": one sender at a time, whichever machine it is on


@task("letters.send_due", tried_again=False)
def send_due_letters() -> None:
    """Every two seconds: send what is due."""
    send_due(home())


@task("letters.clean")
def clean_letters() -> None:
    """Now and then: delete old letters, and forget the secrets of those that nobody sent."""
    with home().sessions() as session, unit(session):
        mail.clean(session, now=clock.now())


def send_due(house: House, deliver: Deliver = smtp.deliver) -> int:
    """Send the letters that are due, for as long as a run lasts; how many were offered.

    One sender works at a time, so that a slow mail server holds up one worker process and not all.
    """
    with house.sessions() as guard, unit(guard):
        if guard.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SENDER_LOCK}):
            return _send_while_due(house, deliver)
        return 0


def _send_while_due(house: House, deliver: Deliver) -> int:
    url = house.settings.smtp_url
    ends_at = clock.now() + RUN_LASTS
    offered = 0
    with house.sessions() as session:
        with unit(session):
            sending.doubt_abandoned(session, now=clock.now())
            if url is None:
                sending.keep_waiting(session, now=clock.now())
        while url is not None and clock.now() < ends_at:
            with unit(session):
                letter = sending.claim(session, now=clock.now())
            if letter is None:
                break
            offered += 1
            outcome = deliver(url, _compose(house, letter))
            log.info(
                "letter offered",
                letter=letter.id,
                fate=outcome.fate.value,
                reason=outcome.reason,
                request_id=letter.request_id,
            )
            with unit(session):
                _mark(session, letter.id, outcome)
            if not outcome.reached:
                break  # what is true of this letter is true of the next
    return offered


def _compose(house: House, letter: Letter) -> EmailMessage:
    settings = house.settings
    return smtp.compose(
        letter,
        sender=settings.mail_from,
        sender_name=settings.brand.name,
        reply_to=_answered_to(house, letter),
    )


def _answered_to(house: House, letter: Letter) -> str | None:
    """Where an answer to it goes: into its thread, while answers by mail are taken; else to people."""
    post = house.settings.post
    if post is not None and letter.reply_token is not None:
        return post.address.with_token(letter.reply_token)
    return house.settings.brand.support_mail


def _mark(session: Session, letter_id: str, outcome: Outcome) -> None:
    now = clock.now()
    match outcome.fate:
        case Fate.SENT:
            sending.mark_sent(session, letter_id, now=now)
        case Fate.FAILED:
            sending.mark_failed(session, letter_id, outcome.reason, now=now)
        case Fate.DOUBTFUL:
            sending.mark_doubtful(session, letter_id, outcome.reason, now=now)
        case Fate.LATER:
            sending.put_off(session, letter_id, outcome.reason, now=now)
