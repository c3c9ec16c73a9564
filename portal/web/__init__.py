"""The person's way in: pages. Flask lives here and nowhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_login import current_user

from portal import accounts
from portal.billing import Stripe, open_stripe
from portal.keys import Scanners
from portal.kit import ids, logs
from portal.kit.settings import Settings
from portal.web import faults, files, guards, headers, payments, rooms, site, visitor, words

HOUSE = Path(__file__).resolve().parents[2]
BODY_LIMIT = 1 << 20


def create_app(
    settings: Settings,
    *,
    push: Callable[[str], None] | None = None,
    gate: Any = None,
    stripe: Stripe | None = None,
    **config: Any,
) -> Flask:
    """The site. `push` tells the gate of an account's change, `gate` answers with live counts."""
    app = Flask("portal.web", root_path=str(Path(__file__).parent), template_folder=str(HOUSE / "templates"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=_sqlalchemy_url(settings.database_url),
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True},
        RATELIMIT_STORAGE_URI=settings.throttle_url,
        RATELIMIT_KEY_PREFIX="throttle",
        RATELIMIT_SWALLOW_ERRORS=True,
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        SESSION_COOKIE_NAME="__Host-session" if settings.secure_cookies else "session",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.config.update(config)
    equip(app, settings, push=push, gate=gate, stripe=stripe)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.before_request(_name_the_request)
    guards.recognise(app)
    files.init(app)  # before anything reads a body
    site.init(app)
    visitor.init(app)
    guards.init(app)
    headers.init(app, secure=settings.secure_cookies, led_to=payments.pages(settings.payments))
    faults.init(app)
    words.init(app)
    app.context_processor(lambda: _context(settings))
    rooms.open_all(app)
    guards.check(app)
    return app


def equip(
    app: Flask,
    settings: Settings,
    *,
    push: Callable[[str], None] | None = None,
    gate: Any = None,
    stripe: Stripe | None = None,
) -> None:
    """Give the site what it speaks to, as `create_app` takes it."""
    app.extensions["upkeep.settings"] = settings
    app.extensions["upkeep.push"] = push or (lambda tag: None)
    app.extensions["upkeep.gate"] = gate
    app.extensions["upkeep.scanners"] = settings.scanning_keys and Scanners(settings.scanning_keys)
    app.extensions["upkeep.stripe"] = stripe or open_stripe(settings)


def _sqlalchemy_url(url: str) -> str:
    return "postgresql://" + url.removeprefix("postgres://") if url.startswith("postgres://") else url


def _name_the_request() -> None:
    g.request_id = request.environ.get("upkeep.request_id") or ids.new("req")
    logs.request_id.set(g.request_id)


def _context(settings: Settings) -> dict[str, Any]:
    """What every template knows: the platform's face and who is looking."""
    person = g.get("person")
    mine = accounts.memberships(site.session(), person.id) if person is not None else []
    return {
        "brand": settings.brand,
        "settings": settings,
        "person": person,
        "account": g.get("account"),
        "member": g.get("member"),
        "memberships": mine,
        "home": visitor.start(person, belongs=bool(mine)) if person is not None else "/",
        "visitor": current_user,
        "may": lambda deed: g.get("member") is not None and accounts.may(g.member.role, deed),
    }
