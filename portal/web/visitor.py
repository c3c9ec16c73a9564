"""The visitor: whose cookie it is, and what the cookie is told.

The cookie holds a random token and nothing else; the row behind it says who, until when, and in
which account. Ending the row ends the cookie, wherever a copy of it may be.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, Response, abort, flash, g, redirect, request
from flask import session as cookie_session
from flask_login import UserMixin, current_user
from werkzeug.wrappers import Response as Answer

from portal import accounts
from portal.kit import clock, tokens
from portal.kit.db import unit
from portal.kit.errors import Missing
from portal.web import site

REMEMBER_SECONDS = 90 * 86_400
MIDWAY_SECONDS = 10 * 60
LONGEST_PATH = 500


class Visitor(UserMixin):  # type: ignore[misc]
    """Somebody signed in: the person, and the sign-in that this request came with."""

    def __init__(self, person: accounts.Person, sign_in: accounts.SignIn) -> None:
        self.person, self.sign_in = person, sign_in

    def get_id(self) -> str:
        """The sign-in's id, for Flask-Login."""
        return self.sign_in.id


def init(app: Flask) -> None:
    """Recognise the visitor of each request, and write their cookie when it has changed."""
    site.login.session_protection = None  # the row is the session; Flask's own holds the CSRF secret alone
    site.login.request_loader(_recognise)
    app.before_request(_refuse_nul)
    app.after_request(_write_cookie)


def browser() -> accounts.Browser:
    """What this request comes from."""
    return accounts.Browser(site.client_address(), request.headers.get("User-Agent"))


def enter(person: accounts.Person, *, remember: bool = False, now: datetime) -> None:
    """Sign a person in on this browser, ending what it was signed in with; must stand in a unit."""
    end_this(now=now)
    token = accounts.begin(site.session(), person, browser(), remember=remember, now=now)
    keep(token, remember=remember)


def end_this(*, now: datetime) -> None:
    """End what this browser is signed in with, if anything; a second click may have ended it already."""
    if current_user.is_authenticated:
        with suppress(Missing):
            accounts.end(
                site.session(),
                current_user.person.id,
                current_user.sign_in.id,
                address=site.client_address(),
                now=now,
            )


def keep(token: str, *, remember: bool | None = None) -> None:
    """Put a fresh token into the cookie, and start a fresh CSRF secret; remembered as before unless said."""
    if remember is None:
        remember = current_user.sign_in.remembered_at is not None
    _forget_form_secret()
    g.fresh_cookie = (token, remember)


def leave() -> None:
    """Take the cookie away."""
    _forget_form_secret()
    g.fresh_cookie = ("", False)


def sign_in_id() -> str:
    """The id of the sign-in that this request came with."""
    return str(current_user.sign_in.id)


def vault() -> accounts.Vault:
    """What opens the secrets of authenticators."""
    return accounts.Vault(site.settings().secret_key)


def begin_midway(person: accounts.Person, *, remember: bool, now: datetime) -> None:
    """Remember that the first half of a sign-in is done, until the code is given."""
    cookie_session["midway"] = [person.id, _mark(person), int(now.timestamp()), remember]


def midway(*, now: datetime) -> tuple[accounts.Person, bool] | None:
    """Whoever waits to give their code, and whether to be remembered; None when nobody does any more."""
    match cookie_session.get("midway"):
        case [str(person_id), mark, int(since), bool(remember)] if now.timestamp() - since < MIDWAY_SECONDS:
            person = accounts.person(site.session(), person_id)
            if person.closed_at is None and mark == _mark(person):
                return person, remember
    return None


def home(person: accounts.Person) -> str:
    """Where a person begins after signing in."""
    return start(person, belongs=bool(accounts.memberships(site.session(), person.id)))


def start(person: accounts.Person, *, belongs: bool) -> str:
    """The same, where it is known whether the person belongs to an account."""
    if belongs:
        return "/dashboard"
    if person.staff_role is not None:
        return "/operator" if person.staff_role == "operator" else "/staff/queue"
    return "/accounts/new"


def own_path(path: str | None, otherwise: str) -> str:
    """The path when it leads nowhere but to this site, else another one."""
    if not path or len(path) > LONGEST_PATH or not path.isprintable():
        return otherwise
    return path if path.startswith("/") and not path.startswith("//") and "\\" not in path else otherwise


def unproven(page: str | None = None) -> Answer | None:
    """Where to send somebody who has to show that it is still them; None when they did so lately.

    They come back to `page`, else to this very path, which then must be one that can be opened.
    """
    if accounts.is_proven(current_user.sign_in.proven_at, clock.now()):
        return None
    return redirect(f"/settings/proof?next={quote(page or request.path)}", 303)


def not_theirs(person_id: str | None) -> Answer | None:
    """Where to send whoever opens a link that only this person may use; None when it is them."""
    if current_user.is_authenticated and current_user.person.id == person_id:
        return None
    flash("Sign in with your password first: a link alone does not show that it is you.", "due")
    return redirect(f"/login?next={quote(request.path)}", 303)


def _refuse_nul() -> None:
    """PostgreSQL keeps no NUL in text, and nobody types one."""
    values = (*request.args.values(), *(value for _, value in request.form.items(multi=True)))
    if "\0" in request.path or any("\0" in value for value in values):
        abort(400, "Text with a NUL in it is not taken.")


def _recognise(request: Request) -> Visitor | None:
    token = request.cookies.get(_cookie_name())
    session, now = site.session(), clock.now()
    if not token or (found := accounts.signed_in_with(session, token, now=now)) is None:
        return None
    with unit(session):
        accounts.see(session, found[1], site.client_address(), now=now)
    return Visitor(*found)


def _write_cookie(response: Response) -> Response:
    token, remember = g.get("fresh_cookie", (None, False))
    secure = site.settings().secure_cookies
    options: dict[str, Any] = {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}
    if token:
        lasts = REMEMBER_SECONDS if remember else None
        response.set_cookie(_cookie_name(), token, max_age=lasts, **options)
    elif token == "":
        response.delete_cookie(_cookie_name(), **options)
    return response


def _forget_form_secret() -> None:
    cookie_session.clear()
    g.pop("csrf_token", None)  # Flask-WTF keeps the present one beside the session


def _cookie_name() -> str:
    return "__Host-upkeep" if site.settings().secure_cookies else "upkeep"


def _mark(person: accounts.Person) -> str:
    """Changes with the password, so that half a sign-in does not outlive it."""
    return tokens.fingerprint(person.password_hash or person.id)[:16]
