"""The site's shared parts: extensions, the session of a request, and who is visiting."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, cast

import structlog
from flask import Flask, current_app, g, request
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from flask_wtf.form import FlaskForm
from sqlalchemy.orm import Session, sessionmaker

from portal import accounts, billing
from portal.gate import Unavailable
from portal.kit.db import Base
from portal.kit.errors import Conflict, Invalid, Refusal
from portal.kit.settings import Settings

Push = Callable[[str], None]
log = structlog.get_logger(__name__)

db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})
csrf = CSRFProtect()
login = LoginManager()


def client_address() -> str:
    """The visitor's address; wsgi.py has already believed or dropped what proxies say."""
    return request.remote_addr or "unknown"


def throttled_address() -> str:
    """Whom throttles count: an address of IPv4, and all of a /64 of IPv6, which is one customer's."""
    address = client_address()
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


limiter = Limiter(key_func=throttled_address, strategy="moving-window", headers_enabled=False)


def session() -> Session:
    """The database session of this request."""
    return cast(Session, db.session())


def settings() -> Settings:
    """The installation's settings."""
    return cast(Settings, current_app.extensions["upkeep.settings"])


def push(tag: str) -> None:
    """Tell the gate now what has just been committed for an account; never raises.

    When it fails nothing is lost: the fact in the outbox does the same within seconds.
    """
    try:
        cast(Push, current_app.extensions["upkeep.push"])(tag)
    except Unavailable:
        log.warning("the gate could not be told; the fact will", tag=tag)


def gate() -> Any:
    """The gate, for pages that show what is not settled yet; None where there is none (tests)."""
    return current_app.extensions.get("upkeep.gate")


def stripe() -> billing.Stripe:
    """Stripe, with this installation's key; Conflict when payments are off."""
    found: billing.Stripe | None = current_app.extensions["upkeep.stripe"]
    if found is None:
        raise Conflict("Paying by card is not switched on here. Nothing was changed.")
    return found


def sessions() -> sessionmaker[Session]:
    """A maker of further sessions, for verbs that open units of their own."""
    return sessionmaker(db.engine, expire_on_commit=False)


def actor() -> accounts.Actor:
    """Who acts in this request, for the audit."""
    person = g.get("person")
    return accounts.Actor(
        person_id=person.id if person else None,
        label=person.email if person else "visitor",
        address=client_address(),
    )


def refuse(form: FlaskForm, refusal: Refusal) -> None:
    """Put a refusal where the form shows it: at its field, else at the top."""
    name = refusal.field if isinstance(refusal, Invalid) else None
    field = form[name] if name and name in form else None
    if field is not None:
        field.errors = [*field.errors, refusal.sentence]
    else:
        form.form_errors.append(refusal.sentence)


def init(app: Flask) -> None:
    """Bind the extensions to the application."""
    for extension in (db, csrf, login, limiter):
        extension.init_app(app)
