"""The letterhead: how a letter gets its words, in text and in HTML.

The words are in `templates/letters/<noun>/<event>.txt` and `.html`; the first line of the text is
the subject, the rest is set into `_base.txt`.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.kit.settings import Brand

LETTERS = Path(__file__).resolve().parents[2] / "templates" / "letters"


@dataclass(frozen=True)
class Rendered:
    """A letter's words. `kind` and `unsubscribe_url` are set when its reader may turn such letters off."""

    template: str
    subject: str
    text: str
    html: str
    kind: str | None = None
    unsubscribe_url: str | None = None


@dataclass(frozen=True)
class Letterhead:
    """The platform's name and address on every letter, and the secret that signs links to turn them off."""

    brand: Brand
    public_url: str
    secret_key: str
    folder: Path = LETTERS

    def render(
        self, template: str, context: dict[str, Any], *, person_id: str | None = None, kind: str | None = None
    ) -> Rendered:
        """The words of `<noun>/<event>`, with a link to turn them off when a person and a kind are given."""
        unsubscribe_url = None
        if person_id and kind:
            unsubscribe_url = (
                f"{self.public_url}/letters/unsubscribe/{self.unsubscribe_token(person_id, kind)}"
            )
        words = {
            "brand": self.brand,
            "public_url": self.public_url,
            "unsubscribe_url": unsubscribe_url,
            **context,
        }
        subject, _, body = self._plain.get_template(f"{template}.txt").render(words).partition("\n")
        subject = " ".join(subject.split())
        text = self._plain.get_template("_base.txt").render(words, body=body.strip())
        html = self._rich.get_template(f"{template}.html").render(words, subject=subject)
        return Rendered(
            template=template,
            subject=subject,
            text=text.strip() + "\n",
            html=html.strip() + "\n",
            kind=kind if unsubscribe_url else None,
            unsubscribe_url=unsubscribe_url,
        )

    def unsubscribe_token(self, person_id: str, kind: str) -> str:
        """A signed token that lets its bearer turn off one kind of letters for one person."""
        plain = f"{person_id} {kind}".encode()
        return f"{_base64(plain)}.{_base64(self._signature(plain))}"

    def read_unsubscribe_token(self, token: str) -> tuple[str, str] | None:
        """The person id and the kind that a token was signed for; None when it was not."""
        try:
            plain, signature = (
                base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".", 1)
            )
            person_id, kind = plain.decode().split(" ", 1)
        except ValueError:
            return None
        return (person_id, kind) if hmac.compare_digest(signature, self._signature(plain)) else None

    def _signature(self, plain: bytes) -> bytes:
        return hmac.digest(self.secret_key.encode(), b"letters/unsubscribe " + plain, hashlib.sha256)[:16]

    @cached_property
    def _plain(self) -> Environment:
        return _environment(self.folder, autoescape=False)

    @cached_property
    def _rich(self) -> Environment:
        return _environment(self.folder, autoescape=True)


def number(value: int) -> str:
    """1234567 as 1,234,567."""
    return f"{value:,}"


def day(at: datetime) -> str:
    """A moment's day in UTC, as 1 December 2026."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime) -> str:
    """A moment in UTC, as 1 December 2026, 14:05 UTC."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M} UTC"


def _environment(folder: Path, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=autoescape,  # noqa: S701 - off for plain text alone
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, day=day, moment=moment)
    return environment


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
