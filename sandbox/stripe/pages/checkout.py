"""The hosted page of a Checkout Session: pay, decline, authenticate, abandon, pay late."""

from sandbox.stripe.billing import checking_out
from sandbox.stripe.errors import StripeError
from sandbox.stripe.objects.coupons import code_named
from sandbox.stripe.pages import cards
from sandbox.stripe.pages.serving import Answer, Visit, lead, page, show, words
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World


@page("GET", "/checkout/{id}")
def open_page(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.transaction():
        world = visit.world()
        session = world.peek("checkout.session", id)
        if session is None:
            return words(404, "There is no such checkout.")
        return _show(visit, world, session)


@page("POST", "/checkout/{id}")
def submit(visit: Visit, id: str) -> Answer:
    with visit.sandbox.store.transaction():
        world = visit.world()
        session = world.peek("checkout.session", id)
        if session is None:
            return words(404, "There is no such checkout.")
        if session["status"] != "open":
            return _show(visit, world, session)
        action = visit.form.get("action", "pay")
        if action == "promotion":
            return _promotion(visit, world, session)
        if action == "authentication-failed":
            return _show(visit, world, session, problem="We are unable to authenticate your payment method.")
    return _pay(visit, id, authenticated=action == "authenticated")


def _pay(visit: Visit, id: str, *, authenticated: bool) -> Answer:
    store = visit.sandbox.store
    email, name = visit.form.get("email", "").strip(), visit.form.get("name", "").strip() or None
    try:
        with store.transaction():
            world = visit.world()
            session = world.known("checkout.session", id)
            customer = world.peek("customer", session["customer"])
            email = email or (customer or {}).get("email") or session["customer_email"] or ""
            if "@" not in email:
                raise StripeError("Enter your e-mail address.")
            needed = session["amount_total"] > 0 or session["payment_method_collection"] == "always"
            method = cards.read(world, visit.form) if needed else None
            done = checking_out.complete(
                world, session, method, email=email, name=name, authenticated=authenticated
            )
        return lead(done["success_url"].replace("{CHECKOUT_SESSION_ID}", id))
    except checking_out.NeedsAuthentication:
        with store.transaction():
            return _ask(visit, visit.world().known("checkout.session", id))
    except StripeError as refusal:
        with store.transaction():
            world = visit.world()
            session = world.known("checkout.session", id)
            problem = refusal.message if session["status"] == "open" else None  # another tab was faster
            if problem and session["amount_total"] and (code := refusal.more.get("decline_code")):
                checking_out.decline(world, session, cards.read(world, visit.form), code)
            return _show(visit, world, session, problem=problem)


def _promotion(visit: Visit, world: World, session: Obj) -> Answer:
    if not session["allow_promotion_codes"]:
        return _show(visit, world, session, problem="This checkout takes no promotion codes.")
    typed = visit.form.get("code", "").strip()
    if not typed:
        checking_out.apply_code(world, session, None)
        return lead(f"/checkout/{session['id']}")
    found = code_named(world, typed)
    code = next((one for one in found if one["customer"] in (None, session["customer"])), None)
    problem = None
    if code is not None:
        minimum = code["restrictions"]["minimum_amount"]
        if minimum and session["amount_subtotal"] < minimum:
            problem = "This promotion code needs a larger amount."
        else:
            try:
                checking_out.check_code(world, session, code)
            except StripeError as refusal:
                problem = refusal.message
    if code is None or problem:
        return _show(visit, world, session, problem=problem or "This code is invalid.", code=typed)
    checking_out.apply_code(world, session, code)
    return lead(f"/checkout/{session['id']}")


def _show(visit: Visit, world: World, session: Obj, *, problem: str | None = None, code: str = "") -> Answer:
    visit.may_lead_to += [session["success_url"], session["cancel_url"]]
    customer = world.peek("customer", session["customer"])
    codes = [
        world.known("promotion_code", one["promotion_code"])["code"]
        for one in session["discounts"] or []
        if one["promotion_code"]
    ]
    return show(
        visit,
        "checkout.html",
        422 if problem else 200,
        session=session,
        lines=session["_lines"],
        trial=_trial(session),
        email=visit.form.get("email") or (customer or {}).get("email") or session["customer_email"] or "",
        customer=customer,
        choices=cards.CHOICES,
        chosen=visit.form.get("card", "pm_card_visa"),
        form=visit.form,
        problem=problem,
        code=code or (codes[0] if codes else ""),
        needs_card=session["amount_total"] > 0 or session["payment_method_collection"] == "always",
    )


def _ask(visit: Visit, session: Obj) -> Answer:
    visit.may_lead_to.append(session["success_url"])
    names = ("email", "name", "card", "number", "expiry", "cvc")
    return show(
        visit,
        "authenticate.html",
        action=f"/checkout/{session['id']}",
        hidden={name: visit.form.get(name, "") for name in names},
        amount=session["amount_total"],
        currency=session["currency"],
    )


def _trial(session: Obj) -> int | None:
    days: int | None = session["_subscription_data"].get("trial_period_days")
    return days
