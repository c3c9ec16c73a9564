"""Letters that came in, opened: who wrote, what is new, what is enclosed, whether a machine wrote it.

Whatever bytes come, the answer is an `Opened` or Unreadable, in time that grows with their number.
"""

from collections import Counter
from dataclasses import dataclass
from email import policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from functools import partial
from typing import Any

from portal.kit.replies import LOOP_HEADER
from portal.kit.trimming import plain, trimmed

PARTS_MOST = 200
"""So many parts are looked at; a letter of ten times as many is not taken apart at all."""
HEADERS_MOST = 20_000
HEADER_MOST = 2000
TEXT_MOST = 100_000
MACHINES = ("mailer-daemon@", "postmaster@", "noreply@", "no-reply@", "donotreply@", "do-not-reply@")
MACHINE_HEADERS = (
    *("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Reply"),
    "X-Auto-Response-Suppress",  # what Exchange and its like put into answers of absence
)


class Unreadable(Exception):
    """These bytes are no letter that anything could be made of."""


@dataclass(frozen=True)
class Enclosed:
    """A file in a letter, with the name that the letter gives it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Opened:
    """A letter. `author` is the address that it says it is from, in lower case; "" for none or several.

    `text` is what is new in it: without what it quotes. `machine` says why nobody wrote it; None when
    somebody did. `message_id` is "" when it has none.
    """

    author: str
    subject: str
    message_id: str
    text: str
    files: tuple[Enclosed, ...]
    machine: str | None = None


def open_letter(raw: bytes, sender: str, *, domain: str) -> Opened:
    """Open a letter that came with this envelope; Unreadable when it cannot be. `domain` is our own."""
    try:
        message = BytesParser(partial(_Part, Counter()), policy=policy.compat32).parsebytes(raw)
        texts, files = _parts(message)
        return Opened(
            author=_author(message),
            subject=_header(message, "Subject")[:300],
            message_id=_header(message, "Message-ID"),
            text=trimmed(_words(texts)[:TEXT_MOST]),
            files=tuple(files),
            machine=_machine(message, sender, domain),
        )
    except Unreadable:
        raise
    except Exception as problem:  # the standard library's parser breaks in many ways of its own
        raise Unreadable(f"{type(problem).__name__}: {problem}"[:300]) from problem


class _Part(Message):
    """A letter, or a part of it, while it is taken apart: what parses it is slow over long headers."""

    def __init__(self, seen: Counter[str], **more: Any) -> None:
        super().__init__(**more)
        self._seen = seen
        self._count("parts", 10 * PARTS_MOST)

    def set_raw(self, name: str, value: Any) -> None:
        """A header, as the parser finds it: its beginning alone."""
        self._count("headers", HEADERS_MOST)
        super().set_raw(name, value[:HEADER_MOST])

    def _count(self, what: str, most: int) -> None:
        self._seen[what] += 1
        if self._seen[what] > most:
            raise Unreadable(f"more than {most:,} {what}")


def _parts(message: Message) -> tuple[list[tuple[str, str]], list[Enclosed]]:
    """The texts of a letter as (kind, words), and its files; what is nested in another letter is a file."""
    texts: list[tuple[str, str]] = []
    files: list[Enclosed] = []
    waiting, seen = [message], 0
    while waiting and seen < PARTS_MOST:
        part, seen = waiting.pop(), seen + 1
        kind, payload = part.get_content_type(), part.get_payload()
        if kind.startswith("multipart/") and isinstance(payload, list):
            waiting += [one for one in reversed(payload) if isinstance(one, Message)]
            continue
        name = _name(part)
        if kind in ("text/plain", "text/html") and not name and not _is_attached(part):
            texts.append((kind, _decoded(part)))
        elif name or _is_attached(part):
            files.append(Enclosed(name or "attachment", _content(part)))
    return texts, files


def _words(texts: list[tuple[str, str]]) -> str:
    written = [words for kind, words in texts if kind == "text/plain" and words.strip()]
    if written:
        return "\n".join(written)
    return "\n".join(plain(words) for kind, words in texts if kind == "text/html")


def _machine(message: Message, sender: str, domain: str) -> str | None:
    """Why a machine wrote it, as far as headers say (RFC 3834, 3464 and what else is in use)."""
    submitted = _header(message, "Auto-Submitted").lower().partition(";")[0].strip()
    if submitted and submitted != "no":
        return f"It says that a machine wrote it (Auto-Submitted: {submitted[:40]})."
    if message[LOOP_HEADER] is not None:
        return "It is one of our own letters."
    if _header(message, "Message-ID").lower().startswith("<ltr_") and domain in _header(
        message, "Message-ID"
    ):
        return "It is one of our own letters."
    if not sender.strip("<> "):
        return "It is a notice of a mail server: nobody is named as its sender."
    if message.get_content_type() in ("multipart/report", "message/delivery-status"):
        return "It is a notice of a mail server."
    precedence = _header(message, "Precedence").lower()
    if precedence in ("bulk", "junk", "list", "auto_reply"):
        return f"It was sent to many or by a machine (Precedence: {precedence})."
    for header in MACHINE_HEADERS:
        if message[header] is not None:
            return f"It was sent to many or by a machine ({header})."
    if _author(message).startswith(MACHINES):
        return "It is from an address that nobody writes from."
    return None


def _author(message: Message) -> str:
    found = _raw(message, "From")
    addresses = {address.strip().lower() for _, address in getaddresses(found) if "@" in address}
    if len(addresses) != 1 or len(found) != 1:
        return ""
    local, _, domain = _legible(addresses.pop()).rpartition("@")
    try:
        return f"{local}@{domain.encode('ascii').decode('idna')}"  # as addresses are kept: in letters
    except UnicodeError:
        return f"{local}@{domain}"


def _name(part: Message) -> str:
    name = part.get_filename() or ""
    return _legible("".join(_text(chunk, charset) for chunk, charset in decode_header(name)))[:200]


def _is_attached(part: Message) -> bool:
    return str(part.get_content_disposition() or "") == "attachment" or part.get_content_maintype() not in (
        "text",
        "multipart",
    )


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    return b"\n\n".join(bytes(one) for one in part.get_payload() if isinstance(one, Message))


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _text(payload if isinstance(payload, bytes) else b"", part.get_content_charset())


def _header(message: Message, name: str) -> str:
    value = next(iter(_raw(message, name)), "")
    return _legible("".join(_text(chunk, charset) for chunk, charset in decode_header(value)))


def _raw(message: Message, name: str) -> list[str]:
    """The values of a header; what is not ASCII is taken for UTF-8, as newer mail servers send it."""
    found = [str(value)[:HEADER_MOST] for key, value in message.raw_items() if key.lower() == name.lower()]
    return [value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for value in found]


def _text(chunk: bytes | str, charset: str | None) -> str:
    if isinstance(chunk, str):
        return chunk.encode("utf-8", "replace").decode()
    for name in (charset, "utf-8"):
        try:
            return chunk.decode(name or "utf-8").encode("utf-8", "replace").decode()
        except (LookupError, ValueError):
            continue
    return chunk.decode("latin-1")


def _legible(words: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
