"""The audit, as a page."""

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, g, render_template, request

from portal import accounts
from portal.web import site
from portal.web.guards import member
from portal.web.words import moment

room = Blueprint("audit", __name__)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(\+00:00|Z)")
WORDS = {
    "account.opened": "Opened the account",
    "account.renamed": "Renamed the account",
    "account.suspended": "Suspended the account",
    "account.resumed": "Ended the suspension",
    "account.observed": "Began to observe the account",
    "account.enforced": "Stopped observing the account",
    "account.closed": "Closed the account",
    "account.looked_at": "Looked at the account, as staff",
    "person.signed_up": "Signed up",
    "person.verified": "Confirmed their e-mail address",
    "person.renamed": "Changed their name",
    "sign_in.began": "Signed in",
    "sign_in.failed": "Failed to sign in",
    "sign_in.ended": "Signed out",
    "sign_in.others_ended": "Signed out their other browsers",
    "password.changed": "Changed their password",
    "address.change_asked": "Asked to change their e-mail address",
    "address.changed": "Changed their e-mail address",
    "codes.turned_on": "Turned sign-in codes on",
    "codes.turned_off": "Turned sign-in codes off",
    "codes.dropped": "Turned somebody's sign-in codes off",
    "account.added": "Opened the account for its owner",
    "recovery_codes.renewed": "Made new recovery codes",
    "recovery_code.used": "Used a recovery code",
    "member.invited": "Invited somebody",
    "member.joined": "Joined the team",
    "member.left": "Left the team",
    "member.removed": "Removed somebody from the team",
    "member.role_changed": "Changed somebody's role",
    "invitation.revoked": "Withdrew an invitation",
    "key.minted": "Created a key",
    "key.rotated": "Rotated a key",
    "key.revoked": "Revoked a key",
    "key.amended": "Changed a key",
    "keys.imported": "Imported keys",
    "plan.granted": "Gave the account a plan",
    "plan.ended": "Ended a plan",
    "plan.asked": "Asked for a plan",
    "plan.fulfilled": "Set up the plan that was asked for",
    "plan.declined": "Declined to set up a plan",
    "quote.accepted": "Accepted a quote",
    "quote.declined": "Declined a quote",
    "subscription.change": "Changed what is paid for",
    "subscription.cancel": "Cancelled what is paid for",
    "subscription.resume": "Resumed what is paid for",
    "billing.grace": "Set the days of grace for unpaid invoices",
    "credit.given": "Gave extra units for the billing month",
    "verification.sent_again": "Had the letter to confirm an address sent again",
    "ticket.looked_at": "Looked at a ticket, as staff",
    "plans.published": "Published the catalogue",
    "plans.brought_to_stripe": "Brought the catalogue to Stripe",
    "alert.dropped": "Removed an alert on costs",
    "alert.set": "Set an alert on costs",
    "bills.imported": "Imported bills",
    "hazard.typed": "Noted how likely the platform closes",
    "suggestion.accepted": "Accepted a suggestion",
    "suggestion.applied": "Carried out a suggestion",
    "suggestion.dismissed": "Dismissed a suggestion",
    "suggestion.reverted": "Undid a suggestion",
    "suggestion.snoozed": "Put a suggestion aside",
    "cost.added": "Added a monthly cost",
    "cost.ended": "Ended a monthly cost",
    "cash.counted": "Counted the cash",
    "ticket.answered": "Answered a ticket",
    "ticket.closed": "Closed a ticket",
    "ticket.reopened": "Opened a ticket again",
    "ticket.quote_offered": "Offered a quote",
    "ticket.quote_withdrawn": "Withdrew a quote",
    "ticket.taken": "Took a ticket",
    "ticket.assigned": "Gave a ticket to somebody",
    "ticket.released": "Gave a ticket back",
    "ticket.prioritised": "Said how urgent a ticket is",
    "ticket.tagged": "Tagged a ticket",
    "webhook.looked_at": "Looked at a webhook",
    "webhook.tried_again": "Tried a webhook again",
    "accounts.searched": "Searched the accounts",
    "bill.guarded": "Had the bill guarded at AWS",
    "key.leaked": "Found a key in public",
    "letter.looked_at": "Looked at a letter",
    "letter.read_again": "Read a received letter again",
    "letter.sent_again": "Sent a letter again",
    "service_key.leaked": "Found a service key in public",
    "service_key.minted": "Created a service key",
    "service_key.revoked": "Revoked a service key",
    "staff.added": "Added somebody to the staff",
    "staff.removed": "Removed somebody from the staff",
    "subscription.checkout": "Went to pay for a plan",
}

BY_STAFF = frozenset(
    (
        "account.looked_at",
        "account.suspended",
        "account.resumed",
        "account.observed",
        "account.enforced",
        "credit.given",
        "verification.sent_again",
        "ticket.looked_at",
        "letter.looked_at",
        "letter.sent_again",
        "ticket.answered",
        "ticket.closed",
        "ticket.reopened",
        "ticket.quote_offered",
        "ticket.quote_withdrawn",
        "plan.fulfilled",
        "plan.declined",
        "billing.grace",
    )
)
"""What staff do, present and former ones: where they sat is theirs, and no customer's business."""


@room.get("/settings/audit")
@member("see_audit")
def show() -> str:
    session = site.session()
    page = accounts.audit(session, g.account.id, page=request.args.get("page", 1, type=int))
    names = {one.person.id: one.person.email for one in accounts.members(session, g.account.id)}
    outsiders = {one.id for one in accounts.staff(session)} - names.keys()
    return render_template(
        "audit/index.html",
        audit=page,
        words=words,
        details=details,
        names=names,
        by_staff=lambda row: row.action in BY_STAFF or row.actor_id in outsiders,
    )


def words(action: str) -> str:
    """What was done, in words; what has none is read out: "tea.poured" as "Tea poured"."""
    return WORDS.get(action) or action.replace(".", " ").replace("_", " ").capitalize()


def details(row: accounts.AuditEntry, names: dict[str, str]) -> str:
    """What else is known: whom or what it was done to, what was changed, and why."""
    subject = (
        "" if row.subject in (row.account_id, row.actor_id) else names.get(row.subject or "", row.subject)
    )
    changes = "; ".join(f"{key.replace('_', ' ')}: {_said(value)}" for key, value in (row.data or {}).items())
    return "; ".join(part for part in (subject, changes, row.reason) if part)


def _said(value: Any) -> Any:
    """A value as people read it: "yes" and "no", and moments as everywhere else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return moment(datetime.fromisoformat(value))
    return value
