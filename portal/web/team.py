"""The team, as pages: members, their roles, and invitations."""

from flask import Blueprint, flash, g, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal import accounts
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Conflict, Exhausted, Invalid
from portal.web import site, visitor
from portal.web.guards import member, public
from portal.web.signup import accept_terms

room = Blueprint("team", __name__)
INVITATIONS = "60 per hour"
LINKS = "60 per hour"
ROLE_WORDS = {
    "owner": "Owner: everything, closing the account too",
    "admin": "Admin: keys, plans, the team and the audit",
    "developer": "Developer: keys and usage",
    "billing": "Billing: plans and usage",
    "viewer": "Viewer: looks, changes nothing",
}


class InviteForm(FlaskForm):  # type: ignore[misc]
    """Who is asked to join, and as what."""

    email = EmailField("E-mail address", [InputRequired("Enter an e-mail address.")])
    role = SelectField("Role", choices=[SelectChoice(*pair) for pair in reversed(ROLE_WORDS.items())])


class RoleForm(FlaskForm):  # type: ignore[misc]
    """Another role for a member."""

    role = SelectField("Role", choices=[SelectChoice(role, role.capitalize()) for role in accounts.ROLES])


class NewcomerForm(FlaskForm):  # type: ignore[misc]
    """Somebody who signs up by an invitation; the link proves the address."""

    name = StringField("Your name", [InputRequired("Give your name."), Length(max=accounts.NAME_LENGTH)])
    password = PasswordField("Password", [InputRequired("Choose a password.")])
    terms = BooleanField("I accept the terms")


@room.get("/team")
@member("see")
def show() -> str:
    return _page(InviteForm(formdata=None, role="developer"))


@room.post("/team/invitations")
@site.limiter.limit(INVITATIONS)
@member("manage_team")
def invite() -> ResponseReturnValue:
    form, session = InviteForm(), site.session()
    if form.validate_on_submit():
        try:
            with unit(session, g.account.id):
                invitation = accounts.invite(
                    session,
                    g.account.id,
                    form.email.data,
                    form.role.data,
                    actor=site.actor(),
                    now=clock.now(),
                )
        except (Invalid, Conflict, Exhausted) as refusal:
            site.refuse(form, refusal)
        else:
            flash(f"An invitation is on its way to {invitation.email}.", "good")
            return redirect("/team", 303)
    return _page(form), 422


@room.post("/team/invitations/<invitation_id>/revoke")
@member("manage_team")
def revoke(invitation_id: str) -> ResponseReturnValue:
    session = site.session()
    with unit(session, g.account.id):
        accounts.revoke_invitation(session, g.account.id, invitation_id, actor=site.actor(), now=clock.now())
    flash("The invitation is withdrawn; its link does not work any more.", "good")
    return redirect("/team", 303)


@room.post("/team/<person_id>/role")
@member("manage_team")
def change_role(person_id: str) -> ResponseReturnValue:
    form, session = RoleForm(), site.session()
    if not form.validate_on_submit():
        raise Invalid("Choose one of the roles.")
    with unit(session, g.account.id):
        accounts.change_role(
            session,
            g.account.id,
            person_id,
            form.role.data,
            actor=site.actor(),
            now=clock.now(),
        )
    flash("The role is changed.", "good")
    return redirect("/team", 303)


@room.get("/team/<person_id>/remove")
@member("manage_team")
def confirm_removal(person_id: str) -> str:
    found = accounts.member_of(site.session(), g.account.id, person_id)
    return render_template("team/remove.html", member_shown=found)


@room.post("/team/<person_id>/remove")
@member("manage_team")
def remove(person_id: str) -> ResponseReturnValue:
    _remove(person_id)
    flash("They are no longer in the team.", "good")
    return redirect("/team", 303)


@room.get("/team/leave")
@member("see")
def confirm_leaving() -> str:
    return render_template("team/leave.html")


@room.post("/team/leave")
@member("see")
def leave() -> ResponseReturnValue:
    _remove(g.person.id)
    flash(f"You left {g.account.name}.", "good")
    return redirect(visitor.home(g.person), 303)


@room.get("/invitations/<token>")
@site.limiter.limit(LINKS)
@public
def invitation(token: str) -> str:
    return _invitation_page(token, NewcomerForm())


@room.post("/invitations/<token>")
@site.limiter.limit(LINKS)
@public
def accept(token: str) -> ResponseReturnValue:
    """Join as whoever is signed in, else sign up by the way."""
    session, now = site.session(), clock.now()
    if g.person is None:
        return _sign_up(token)
    with unit(session):
        account_id = accounts.join(session, token, g.person.id, address=site.client_address(), now=now)
        accounts.switch(session, visitor.sign_in_id(), g.person.id, account_id)
    flash("You are in.", "good")
    return redirect("/dashboard", 303)


def _sign_up(token: str) -> ResponseReturnValue:
    form, session, now = NewcomerForm(), site.session(), clock.now()
    if form.validate_on_submit() and accept_terms(form):
        try:
            with unit(session):
                person = accounts.join_as_new(
                    session,
                    token,
                    form.name.data,
                    form.password.data,
                    terms_version=site.settings().brand.terms_url,
                    address=site.client_address(),
                    now=now,
                )
                visitor.enter(person, now=now)
        except Invalid as refusal:
            site.refuse(form, refusal)
        else:
            return redirect("/dashboard", 303)
    return _invitation_page(token, form), 422


def _remove(person_id: str) -> None:
    session = site.session()
    with unit(session, g.account.id):
        accounts.remove(session, g.account.id, person_id, actor=site.actor(), now=clock.now())


def _page(form: InviteForm) -> str:
    session = site.session()
    return render_template(
        "team/index.html",
        form=form,
        role_form=RoleForm(formdata=None),
        members=accounts.members(session, g.account.id),
        invitations=accounts.invitations(session, g.account.id),
        roles=accounts.ROLES,
        now=clock.now(),
    )


def _invitation_page(token: str, form: NewcomerForm) -> str:
    session = site.session()
    found = accounts.invited_by_link(session, token, now=clock.now())
    return render_template(
        "team/invitation.html",
        form=form,
        token=token,
        invited=found,
        inviting=accounts.get(session, found.account_id),
        inviter=accounts.person(session, found.invited_by),
        is_known=accounts.by_email(session, found.email) is not None,
    )
