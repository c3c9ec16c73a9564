"""The listener: one conversation at a time with each mail server, and none of them in another's way.

A letter is answered 250 when it is committed, and not before; with anything else its sender keeps it.
"""

import asyncio
import logging
import ssl
from asyncio import AbstractEventLoop, BaseTransport
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Database
from sqlalchemy.orm import sessionmaker

from portal.kit import clock, received, replies
from portal.kit.db import unit
from portal.kit.settings import Settings
from portal.post.limits import SIZE_MOST, Limits, neighbourhood

LETTER_SECONDS = 300  # the longest that one command, and with DATA the letter, may take
COMMANDS = {"*": 30, "NOOP": 10, "RSET": 60, "MAIL": 60, "RCPT": 60, "DATA": 60}

BUSY = "421 4.3.2 Too many at once, please come back later"
SLOWER = "450 4.7.1 Too many letters at once, please come back later"
AWAY = "451 4.3.0 Not kept, please come back later"
NOBODY = "550 5.1.1 No such address: answer a letter of ours as it came, or use the portal"
NO_NOTICES = "550 5.7.1 Letters are not sent from this address, so no notice belongs here"
ONE_ONLY = "452 4.5.3 One recipient for each letter"

log = structlog.get_logger(__name__)
logging.getLogger("mail.log").setLevel(logging.ERROR)  # or it writes down whatever strangers say


class Desk:
    """What the listener answers: whom letters are for, and that they are kept."""

    def __init__(self, settings: Settings, sessions: sessionmaker[Database], limits: Limits) -> None:
        assert settings.post is not None
        self._address, self._secret_key = settings.post.address, settings.secret_key
        self._sessions, self._limits = sessions, limits

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Only an address whose token we sealed; one for each letter."""
        peer = neighbourhood(peer_of(session))
        if not self._limits.may_guess(peer):
            return BUSY
        token = self._address.token_of(address)
        if token is None or replies.read(self._secret_key, token) is None:
            self._limits.guessed_wrong(peer)
            return NOBODY
        if not (envelope.mail_from or "").strip("<> "):
            return NO_NOTICES
        if envelope.rcpt_tos:
            return ONE_ONLY
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """250 once the letter is committed; the database is waited for on a thread."""
        if not self._limits.may_write(neighbourhood(peer_of(session))):
            return SLOWER
        raw = envelope.original_content or b""
        try:
            letter_id = await asyncio.to_thread(self._store, raw, envelope, peer_of(session))
        except (SQLAlchemyError, OSError) as problem:
            log.warning("a letter was not kept", problem=type(problem).__name__)
            return AWAY
        log.info("letter received", letter=letter_id, size=len(raw))
        return f"250 2.0.0 Kept as {letter_id}"

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours: whoever sends keeps the letter."""
        log.error("the listener stumbled", exc_info=error)
        return AWAY

    def _store(self, raw: bytes, envelope: Envelope, peer: str) -> str:
        with self._sessions() as session, unit(session):
            return received.store(
                session,
                raw,
                sender=_shown(envelope.mail_from or ""),
                recipient=_shown(envelope.rcpt_tos[0]).lower(),
                peer=peer,
                now=clock.now(),
            )


class Line(SMTP):
    """aiosmtpd's protocol, with our limits on lines and on letters that are said at once."""

    line_length_limit = 1 << 16  # some programs write longer lines than they may

    def __init__(self, desk: Desk, limits: Limits, *, loop: AbstractEventLoop, **options: Any) -> None:
        super().__init__(
            desk,
            loop=loop,
            data_size_limit=SIZE_MOST,
            enable_SMTPUTF8=True,
            ident="ESMTP",
            timeout=LETTER_SECONDS,
            command_call_limit=COMMANDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),  # nobody signs in here
            **options,
        )
        self._limits = limits
        self._peer: str | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        if self._peer is None:  # after STARTTLS the same line begins anew
            peer = neighbourhood(_peer(transport.get_extra_info("peername")))
            if not self._limits.enter(peer):
                transport.write(f"{BUSY}\r\n".encode())  # type: ignore[attr-defined]
                transport.close()
                return
            self._peer = peer
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._peer is None:
            return  # it was turned away
        self._limits.leave(self._peer)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        with self._limits.body() as fits:
            if fits:
                await super().smtp_DATA(arg)
            else:
                await self.push(SLOWER)


async def listen(
    settings: Settings, sessions: sessionmaker[Database], limits: Limits, *, port: int | None = None
) -> asyncio.Server:
    """Begin to take letters where the settings say, or on another port (0: any). Close what this returns."""
    post = settings.post
    assert post is not None
    loop = asyncio.get_running_loop()
    desk = Desk(settings, sessions, limits)
    tls = None
    if post.certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(post.certificate, post.certificate_key)

    def answer() -> Line:
        return Line(desk, limits, loop=loop, hostname=post.address.domain, tls_context=tls)

    return await loop.create_server(answer, post.host, post.port if port is None else port)


def peer_of(session: Session) -> str:
    """Where a conversation comes from: an address, as text."""
    return _peer(session.peer)


def _peer(name: Any) -> str:
    return str(name[0]) if isinstance(name, tuple) and name else "unknown"


def _shown(address: str) -> str:
    """An address as text that a database takes, whatever bytes came."""
    return address.encode("utf-8", "replace").decode().replace("\x00", "")[:320]
