"""Money: plans bought on the hosted page, cards that fail, cancellations, requests, refunds, disputes.

What a customer does at Stripe is done on the sandbox's own pages over HTTP, what the operator does in
Stripe's dashboard through its API.
"""

import http.client
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from demo.people import Act, Party, Staff
from demo.stage import Stage
from portal import billing, plans

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def buy(plan: str, interval: str = "month", *, card: str | None = None, **typed: str) -> Act:
    """Through the checkout, with the card of the customer's part or another; `typed` is more of the form."""

    def act(stage: Stage, party: Party) -> None:
        purchase = stage.ask(
            billing.checkout,
            party.account_id,
            plan,
            interval,
            public_url=stage.settings.public_url,
            actor=party.actor,
        )
        fields = {"action": "pay", "card": card or party.part.card, "email": party.part.email, **typed}
        _post(stage, f"/checkout/{purchase.stripe_session_id}", fields)
        stage.follow()

    return act


def new_card(card: str) -> Act:
    """Another card pays from now on: the customer types it in Stripe's portal."""

    def act(stage: Stage, party: Party) -> None:
        link = stage.ask(billing.portal_link, party.account_id, return_url=stage.settings.public_url)
        _post(stage, f"{urlsplit(link).path}/cards", {"action": "add", "card": card})
        stage.follow()

    return act


def change(plan: str, interval: str) -> Act:
    """To another plan or interval, as the preview showed it."""

    def act(stage: Stage, party: Party) -> None:
        shown = stage.ask(billing.preview, party.account_id, plan, interval)
        as_shown = {"at": shown.at, "due_now": shown.due_now, "actor": party.actor}
        stage.ask(billing.change, party.account_id, plan, interval, **as_shown)
        stage.follow()

    return act


def cancel(line: str) -> Act:
    """For the end of the paid time."""
    return _asked(billing.cancel, line)


def resume(line: str) -> Act:
    """The cancellation is taken back."""
    return _asked(billing.resume, line)


def ask_for(plan: str, interval: str = "month") -> Act:
    """A plan that staff carry out first is asked for."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            billing.ask_for(session, party.account_id, plan, interval, actor=party.actor, now=stage.now)

    return act


def fulfil(staff: Staff) -> Act:
    """Staff say that what was asked for is ready."""
    return _answered(
        lambda session, purchase_id, now: billing.fulfil(session, purchase_id, actor=staff.agents[0], now=now)
    )


def decline(staff: Staff, reason: str) -> Act:
    """Staff say no, and why."""
    return _answered(
        lambda session, purchase_id, now: billing.decline(
            session, purchase_id, reason, actor=staff.agents[0], now=now
        )
    )


def grant(staff: Staff, plan: str, source: str = "grant", **overrides: Any) -> Act:
    """The operator gives a plan without payment, or by contract."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            plans.grant(
                session, party.account_id, plan, staff.operator, stage.now, source=source, overrides=overrides
            )

    return act


def grace(staff: Staff, days: int) -> Act:
    """The operator gives an account more days for an unpaid invoice."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            billing.set_grace(session, party.account_id, days, actor=staff.operator, now=stage.now)

    return act


def refund(cents: int) -> Act:
    """Part of the last payment is given back, in Stripe's dashboard."""

    def act(stage: Stage, party: Party) -> None:
        charge = stage.cashier.v1.charges.list({"customer": _customer(stage, party), "limit": 1}).data[0]
        stage.cashier.v1.refunds.create(
            {"charge": charge.id, "amount": cents, "reason": "requested_by_customer"}
        )
        stage.follow()

    return act


def dispute(reason: str) -> Act:
    """The customer asks their bank for the money back."""

    def act(stage: Stage, party: Party) -> None:
        charge = stage.cashier.v1.charges.list({"customer": _customer(stage, party), "limit": 1}).data[0]
        _post(stage, "/_sandbox/disputes", {"charge": charge.id, "reason": reason})
        stage.follow()

    return act


def pay_once(stage: Stage, party: Party, quote_id: str) -> None:
    """What was invoiced for accepted work is paid on the hosted page of its invoice."""
    with stage.unit() as session:
        made = billing.one_off(session, quote_id)
    assert made is not None and made.url is not None, quote_id
    _post(stage, urlsplit(made.url).path, {"action": "pay", "card": party.part.card})


def _asked(verb: Callable[..., Any], line: str) -> Act:
    def act(stage: Stage, party: Party) -> None:
        stage.ask(verb, party.account_id, line, actor=party.actor)
        stage.follow()

    return act


def _answered(verb: Callable[..., Any]) -> Act:
    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            [standing] = billing.requests_of(session, party.account_id).values()
            verb(session, standing.id, stage.now)

    return act


def _customer(stage: Stage, party: Party) -> str:
    found = stage.cashier.v1.customers.list({"limit": 100}).auto_paging_iter()
    return next(
        one.id for one in found if one.metadata and one.metadata["upkeep_account"] == party.account_id
    )


def _post(stage: Stage, path: str, fields: dict[str, str]) -> None:
    """Send a form of the sandbox's, as a browser without JavaScript would."""
    where = urlsplit(stage.payments.api_base)
    line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        line.request("POST", path, urlencode(fields), FORM)
        answer = line.getresponse()
        said = answer.read().decode("utf-8", "replace")
    finally:
        line.close()
    assert answer.status == http.HTTPStatus.SEE_OTHER, f"{path}: {answer.status} {said[:2000]}"
