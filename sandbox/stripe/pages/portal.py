"""The customer portal: invoices, cards, and the way out."""

from sandbox.stripe.billing import ending, methods, subscribing
from sandbox.stripe.errors import StripeError
from sandbox.stripe.objects.subscriptions import FEEDBACK
from sandbox.stripe.pages import cards
from sandbox.stripe.pages.serving import Answer, Visit, lead, page, show, words
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

ENDED = ("canceled", "incomplete_expired")
LIVES_SECONDS = 3600


@page("GET", "/portal/{id}")
def open_page(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.lock:
        world = visit.world()
        session = _session(world, id)
        return _gone() if session is None else _show(visit, world, session)


@page("POST", "/portal/{id}/cards")
def add_card(visit: Visit, id: str) -> Answer:
    """A new card, which pays from now on."""
    action = visit.form.get("action", "add")
    try:
        with visit.sandbox.store.transaction():
            world = visit.world()
            session = _session(world, id)
            if session is None or not _may(world, session, "payment_method_update"):
                return _gone()
            if action == "authentication-failed":
                return _show(
                    visit, world, session, problem="We are unable to authenticate your payment method."
                )
            method = cards.read(world, visit.form)
            if method["_asks"] != "never" and action != "authenticated":
                return _ask(visit, session)
            method["_authenticated"] = action == "authenticated"
            methods.attach(world, method, session["customer"])
            _use(world, session["customer"], method)
    except StripeError as refusal:
        with visit.sandbox.store.lock:
            world = visit.world()
            return _show(visit, world, world.known("billing_portal.session", id), problem=refusal.message)
    return lead(f"/portal/{id}")


@page("POST", "/portal/{id}/cards/{method}")
def choose_card(visit: Visit, id: str, method: str) -> Answer:
    """Another card of the customer's pays from now on, or is taken away."""
    with visit.sandbox.store.transaction():
        world = visit.world()
        session = _session(world, id)
        found = world.peek("payment_method", method)
        if session is None or not _may(world, session, "payment_method_update"):
            return _gone()
        if found is None or found["customer"] != session["customer"]:
            return words(404, "There is no such card.")
        if visit.form.get("action") == "remove":
            methods.loosen(world, found)
        else:
            _use(world, session["customer"], found)
    return lead(f"/portal/{id}")


@page("POST", "/portal/{id}/subscriptions/{subscription}")
def cancel(visit: Visit, id: str, subscription: str) -> Answer:
    """Cancel a subscription as the settings say, or take the cancellation back."""
    with visit.sandbox.store.transaction():
        world = visit.world()
        session = _session(world, id)
        found = world.peek("subscription", subscription)
        if session is None or not (settings := _may(world, session, "subscription_cancel")):
            return _gone()
        if found is None or found["customer"] != session["customer"] or found["status"] in ENDED:
            return words(404, "There is no such subscription.")
        if visit.form.get("action") == "keep":
            with world.changing(found, "customer.subscription.updated"):
                subscribing.set_end(world, found, {"cancel_at_period_end": False})
            return lead(f"/portal/{id}")
        if visit.form.get("feedback") in FEEDBACK:
            found["cancellation_details"]["feedback"] = visit.form["feedback"]
        if settings["mode"] == "immediately":
            ending.cancel_now(world, found, prorate=settings["proration_behavior"] != "none")
        else:
            with world.changing(found, "customer.subscription.updated"):
                subscribing.set_end(world, found, {"cancel_at_period_end": True})
    return lead(f"/portal/{id}")


def _session(world: World, id: str) -> Obj | None:
    session = world.peek("billing_portal.session", id)
    if session is None or world.now > session["created"] + LIVES_SECONDS:
        return None
    customer = world.peek("customer", session["customer"])
    return None if customer is None or customer.get("deleted") else session


def _gone() -> Answer:
    return words(404, "This link has expired, or leads nowhere. Open the portal anew from the shop.")


def _may(world: World, session: Obj, feature: str) -> Obj | None:
    settings: Obj = world.known("billing_portal.configuration", session["configuration"])["features"][feature]
    return settings if settings["enabled"] else None


def _use(world: World, customer_id: str, method: Obj) -> None:
    customer = world.known("customer", customer_id)
    with world.changing(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for subscription in list(world.store.find("subscription", customer=customer_id)):
        if subscription["status"] not in ENDED and subscription["default_payment_method"]:
            with world.changing(subscription, "customer.subscription.updated"):
                subscription["default_payment_method"] = method["id"]


def _show(visit: Visit, world: World, session: Obj, *, problem: str | None = None) -> Answer:
    customer = world.known("customer", session["customer"])
    visit.may_lead_to.append(session["return_url"] or "")
    shows_invoices = _may(world, session, "invoice_history") is not None
    invoices = world.store.find("invoice", customer=customer["id"]) if shows_invoices else ()
    return show(
        visit,
        "portal.html",
        422 if problem else 200,
        session=session,
        customer=customer,
        subscriptions=[
            _subscription(world, one)
            for one in world.store.find("subscription", customer=customer["id"])
            if one["status"] not in ENDED
        ],
        invoices=[one for one in invoices if one["status"] != "draft"],
        methods=list(world.store.find("payment_method", customer=customer["id"])),
        used=_used(world, customer),
        may_cancel=_may(world, session, "subscription_cancel"),
        may_change_cards=_may(world, session, "payment_method_update"),
        feedback=FEEDBACK,
        choices=cards.CHOICES,
        chosen=visit.form.get("card", "pm_card_visa"),
        form=visit.form,
        problem=problem,
    )


def _used(world: World, customer: Obj) -> set[str]:
    """The cards that something is paid with."""
    held = world.store.find("subscription", customer=customer["id"])
    own = {one["default_payment_method"] for one in held if one["status"] not in ENDED}
    return own | {customer["invoice_settings"]["default_payment_method"]}


def _subscription(world: World, found: Obj) -> Obj:
    item = found["items"]["data"][0]
    price = world.known("price", item["price"]["id"])
    return {
        "id": found["id"],
        "status": found["status"],
        "name": world.known("product", price["product"])["name"],
        "amount": (price["unit_amount"] or 0) * item["quantity"],
        "currency": found["currency"],
        "interval": price["recurring"]["interval"],
        "ends": found["cancel_at"],
        "renews": item["current_period_end"],
        "pays": methods.default_for(world, world.known("customer", found["customer"]), found),
    }


def _ask(visit: Visit, session: Obj) -> Answer:
    names = ("card", "number", "expiry", "cvc")
    return show(
        visit,
        "authenticate.html",
        action=f"/portal/{session['id']}/cards",
        hidden={name: visit.form.get(name, "") for name in names},
        amount=0,
        currency="usd",
    )
