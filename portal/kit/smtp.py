"""How a letter leaves: one conversation with a mail server, and what is certain after it."""

import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from enum import Enum
from urllib.parse import unquote, urlsplit

from portal.kit.clock import now as present
from portal.kit.mail import Letter
from portal.kit.replies import LOOP_HEADER

TIMEOUT_SECONDS = 20
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class Fate(Enum):
    """What is known of a letter after it was offered to a mail server."""

    SENT = "sent"
    FAILED = "failed"  # refused for good
    LATER = "later"  # certainly not taken, and may be another time
    DOUBTFUL = "doubtful"  # handed over, and nobody knows whether it was taken


@dataclass(frozen=True)
class Outcome:
    """The fate of a letter; `reason` in words for the operator; `reached` whether the server was there."""

    fate: Fate
    reason: str = ""
    reached: bool = True


class _Refused(Exception):
    def __init__(self, step: str, code: int, reply: bytes) -> None:
        words = " ".join(reply.decode(errors="replace").split())
        super().__init__(f"{step} was answered {code} {words}".strip())
        self.fate = Fate.FAILED if 500 <= code < 600 else Fate.LATER


def deliver(url: str, message: EmailMessage, *, trust: ssl.SSLContext | None = None) -> Outcome:
    """Offer a message to the mail server that `url` names, and say what became of it.

    smtp:// speaks plainly, smtps:// over TLS from the start, smtp+starttls:// over TLS or not at
    all; user:password@ signs in. `trust` decides which certificates are believed.
    """
    try:
        server = _reach(url, trust or ssl.create_default_context())
    except (OSError, smtplib.SMTPException) as problem:
        # Before a letter is mentioned every refusal speaks of the connection, and none of the letter.
        return Outcome(Fate.LATER, f"The mail server could not be used: {_words(problem)}", reached=False)
    try:
        return _offer(server, message)
    finally:
        _leave(server)


def compose(letter: Letter, *, sender: str, sender_name: str, reply_to: str | None = None) -> EmailMessage:
    """The message of a letter. Its Message-ID follows from the letter's id, however often it is sent."""
    _, sender = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((sender_name, sender))
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(present())
    domain = domain_of(sender)
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    if letter.thread:  # nobody ever sent this one: it is what the letters of a thread have in common
        message["In-Reply-To"] = message["References"] = f"<{letter.thread}@{domain}>"
    message[LOOP_HEADER] = letter.id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # Exchange answers it all the same without
    if reply_to:
        message["Reply-To"] = reply_to
    if letter.unsubscribe_url:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text or "", cte="quoted-printable")
    message.add_alternative(letter.html or "", subtype="html", cte="quoted-printable")
    return message


def domain_of(sender: str) -> str:
    """The domain of an address, which our Message-IDs end with."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _reach(url: str, trust: ssl.SSLContext) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
    server = (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trust)
        if parts.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    )
    try:
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp+starttls":
            server.starttls(context=trust)
            server.ehlo()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _offer(server: smtplib.SMTP, message: EmailMessage) -> Outcome:
    try:
        _envelope(server, message)
        server.send(_body(message))
    except _Refused as refusal:
        return Outcome(refusal.fate, str(refusal))
    except (OSError, smtplib.SMTPException) as problem:
        # Without the last line, the lone dot, no server may take a letter (RFC 5321, 4.1.1.4).
        return Outcome(Fate.LATER, f"The connection was lost: {_words(problem)}")
    try:
        code, reply = server.docmd(".")
    except (OSError, smtplib.SMTPException) as problem:
        return Outcome(
            Fate.DOUBTFUL, f"The connection was lost after the letter was handed over: {_words(problem)}"
        )
    if 200 <= code < 300:
        return Outcome(Fate.SENT)
    if code < 0:
        return Outcome(Fate.DOUBTFUL, "The mail server's answer to the letter made no sense.")
    answer = _Refused("The letter", code, reply)
    return Outcome(answer.fate, str(answer))


def _envelope(server: smtplib.SMTP, message: EmailMessage) -> None:
    sender, recipient = parseaddr(message["From"])[1], _ascii(message["To"].addresses[0].addr_spec)
    options = []
    if not recipient.isascii():
        if not server.has_extn("smtputf8"):
            raise _Refused("The recipient", 550, b"(the mail server takes addresses in plain ASCII only)")
        options = ["SMTPUTF8"]
    for step, (code, reply) in (
        ("The sender", server.mail(sender, options)),
        ("The recipient", server.rcpt(recipient)),
    ):
        if code not in (250, 251):
            raise _Refused(step, code, reply)
    code, reply = server.docmd("DATA")
    if code != 354:
        raise _Refused("The letter", code, reply)


def _ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise _Refused("The recipient", 550, b"(this is no domain)") from None


def _body(message: EmailMessage) -> bytes:
    lines = message.as_bytes()
    lines = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _words(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        error = problem.smtp_error
        reply = error.decode(errors="replace") if isinstance(error, bytes) else error
        return f"{problem.smtp_code} {' '.join(str(reply).split())}"
    return str(problem) or type(problem).__name__
