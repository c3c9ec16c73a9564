"""Serving pages: addresses, forms, headers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from sandbox.stripe.billing.drafting import money
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

if TYPE_CHECKING:
    from sandbox.stripe.app import Sandbox

FOLDER = Path(__file__).resolve().parents[1]
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Visit:
    """One request for a page."""

    sandbox: "Sandbox"
    method: str
    form: dict[str, str]
    query: dict[str, str]
    body: str
    wants_json: bool
    may_lead_to: list[str] = field(default_factory=list)

    def world(self) -> World:
        """Inside a transaction only."""
        return self.sandbox.world()


View = Callable[..., Answer]
PAGES: list[tuple[str, re.Pattern[str], View]] = []

ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(method: str, path: str) -> Callable[[View], View]:
    """Let a function show `path`: it is given the visit and the path's names."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(view: View) -> View:
        PAGES.append((method, pattern, view))
        return view

    return register


def answer(sandbox: "Sandbox", environ: dict[str, Any], path: str, body: str) -> Answer:
    """The page at an address."""
    method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
    if urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname not in LOOPBACK:
        return words(403, "The sandbox answers on this machine alone.")
    origin = environ.get("HTTP_ORIGIN")
    if method == "POST" and origin not in (None, f"http://{environ.get('HTTP_HOST')}"):
        return words(403, "This form came from another site.")
    visit = Visit(
        sandbox,
        method,
        dict(parse_qsl(body, keep_blank_values=True))
        if "json" not in environ.get("CONTENT_TYPE", "")
        else {},
        dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        body,
        "application/json" in environ.get("HTTP_ACCEPT", "") or "json" in environ.get("CONTENT_TYPE", ""),
    )
    for wanted, pattern, view in PAGES:
        if wanted == method and (match := pattern.fullmatch(path)):
            sandbox.tick()
            return view(visit, **match.groupdict())
    return words(404, "There is no such page.")


def show(visit: Visit, template: str, status: int = 200, **context: Any) -> Answer:
    """A page from its template. Forms may lead only to ourselves and to what the visit names."""
    targets = " ".join(sorted({_origin(url) for url in visit.may_lead_to if url}))
    text = ENVIRONMENT.get_template(template).render(**context, format=FORMAT)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; "
        f"form-action 'self' {targets}".strip(),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return status, headers, text.encode()


def lead(url: str) -> Answer:
    """See other."""
    return 303, {"Location": url, "Cache-Control": "no-store"}, b""


def words(status: int, sentence: str) -> Answer:
    """A sentence and nothing else."""
    return status, {"Content-Type": "text/plain; charset=utf-8"}, (sentence + "\n").encode()


class FORMAT:
    """How pages show things."""

    @staticmethod
    def money(amount: int, currency: str) -> str:
        sign = "−" if amount < 0 else ""
        return sign + money(Decimal(abs(amount)), currency)

    @staticmethod
    def day(at: int | None) -> str:
        return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%d %b %Y}".lstrip("0")

    @staticmethod
    def moment(at: int | None) -> str:
        return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%d %b %Y, %H:%M:%S} UTC".lstrip("0")

    @staticmethod
    def card(method: Obj | None) -> str:
        if method is None:
            return "nothing on file"
        if method["type"] != "card":
            return f"Bank account ending in {method['us_bank_account']['last4']}"
        card = method["card"]
        name = {"visa": "Visa", "amex": "American Express"}.get(card["brand"], card["brand"].title())
        return f"{name} ending in {card['last4']}, expires {card['exp_month']:02d}/{card['exp_year']}"


@page("GET", "/static/sandbox.css")
def style(visit: Visit) -> Answer:
    text = (FOLDER / "static" / "sandbox.css").read_bytes()
    return 200, {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=300"}, text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
