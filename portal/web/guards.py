"""Guards: who may reach a view. Closed by default: a view without a guard stops the start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal import accounts
from portal.kit.errors import Conflict, Forbidden
from portal.web import site, typed

View = TypeVar("View", bound=Callable[..., Any])
STAFF_ROLES = ("support", "operator")
UNGUARDED = frozenset({"static"})  # files that everyone may read
NO_ACCOUNT = "You do not belong to an account. Ask its owner for an invitation, or sign up."
OTHER_ACCOUNT = (
    "This page was drawn for another account than the one you are in now. Nothing was changed; "
    "open the page again and repeat what you meant to do."
)
SIGNED_OUT = "You are signed out, so that nothing was sent. Sign in, open the page again, and send it."


@dataclass(frozen=True)
class Guard:
    """What a view demands: anyone, a signed-in person, a member who may do a deed, or staff."""

    kind: str
    deed: str = ""
    carries_account: bool = True


def public(view: View) -> View:
    """Anyone may reach it."""
    return _mark(view, Guard("public"))


def signed_in(view: View) -> View:
    """Any signed-in person may reach it, whatever account they are in."""
    return _mark(view, Guard("signed_in"))


def member(deed: str) -> Callable[[View], View]:
    """A member of the chosen account whose role may do `deed`; its forms carry the account's id."""
    return lambda view: _mark(view, Guard("member", deed))


def staff(view: View) -> View:
    """Support staff and operators, with their second factor where it is compulsory."""
    return _mark(view, Guard("staff"))


def operator(view: View) -> View:
    """Operators alone."""
    return _mark(view, Guard("operator"))


def _mark(view: View, guard: Guard) -> View:
    view.guard = guard  # type: ignore[attr-defined]
    return view


def recognise(app: Flask) -> None:
    """Know who asks before anything can refuse: the page that says so is drawn for them too."""
    app.before_request(_recognise)


def init(app: Flask) -> None:
    """Enforce the guards before every request."""
    app.before_request(_admit)


def check(app: Flask) -> None:
    """Refuse to start with a view that nobody guards."""
    for endpoint, view in app.view_functions.items():
        assert endpoint in UNGUARDED or hasattr(view, "guard"), f"{endpoint} has no guard"


def _recognise() -> None:
    g.person = g.account = g.member = None
    if request.endpoint not in UNGUARDED and current_user.is_authenticated:
        g.person = current_user.person
        g.account, g.member = accounts.chosen(site.session(), current_user.sign_in)


def _admit() -> ResponseReturnValue | None:
    if request.endpoint is None or request.endpoint in UNGUARDED:
        return None
    guard: Guard = getattr(current_app.view_functions[request.endpoint], "guard")  # noqa: B009
    if guard.kind == "public":
        return None
    if g.person is None:
        if typed.written():
            abort(401, SIGNED_OUT)
        return redirect(url_for("login.show", next=_next()), 303)
    if guard.kind in ("staff", "operator"):
        return _admit_staff(guard)
    if guard.kind == "member":
        _admit_member(guard)
    return None


def _admit_staff(guard: Guard) -> ResponseReturnValue | None:
    role = g.person.staff_role
    if role not in STAFF_ROLES or (guard.kind == "operator" and role != "operator"):
        abort(404)  # that there is such a page is not a visitor's business
    if g.person.totp_enabled_at is None and not site.settings().is_loopback:
        return redirect(url_for("codes.show", compulsory=1), 303)
    return None


def _admit_member(guard: Guard) -> None:
    if g.account is None:
        raise Forbidden(NO_ACCOUNT)
    if request.method == "POST" and request.form.get("account") != g.account.id:
        raise Conflict(OTHER_ACCOUNT)
    if not accounts.may(g.member.role, guard.deed):
        raise Forbidden("Your role in this account does not allow that. Ask an owner or an admin.")


def _next() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" else None
