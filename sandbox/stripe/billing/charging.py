"""Charging: payment intents, and the charges that they bring about."""

from datetime import UTC, datetime

from sandbox.stripe import ids
from sandbox.stripe.billing import disputing
from sandbox.stripe.billing.cards import DECLINES
from sandbox.stripe.rendering import render
from sandbox.stripe.store import Obj
from sandbox.stripe.world import DUE, World

SMALLEST = {
    "usd": 50,
    "eur": 50,
    "gbp": 30,
    "cad": 50,
    "aud": 50,
    "chf": 50,
    "jpy": 50,
    "sek": 300,
    "nok": 300,
}
LATE_SECONDS = 4 * 24 * 3600
SETTLED_SECONDS = 7 * 24 * 3600


def smallest(currency: str) -> int:
    """The least that can be charged, in minor units."""
    return SMALLEST.get(currency, 50)


def intend(
    world: World,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None = None,
    invoice: str | None = None,
    recurring: bool = False,
    method: Obj | None = None,
    metadata: Obj | None = None,
    **more: object,
) -> Obj:
    """A new payment intent, written and told. `recurring` says that its invoice is a subscription's."""
    id = ids.new("payment_intent")
    intent: Obj = {
        "id": id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True} if not invoice else None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{id}_secret_{ids.letters(25)}",
        "confirmation_method": "automatic",
        "created": world.now,
        "currency": currency,
        "customer": customer,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method["id"] if method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card", "us_bank_account"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": "off_session" if recurring else None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_confirmation" if method else "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_invoice": invoice,
        **(
            {"payment_details": {"customer_reference": None, "order_reference": invoice}} if recurring else {}
        ),
        **more,
    }
    world.save(intent)
    world.tell("payment_intent.created", intent)
    return intent


def confirm(
    world: World, intent: Obj, method: Obj, *, off_session: bool, authenticated: bool = False
) -> str | None:
    """Try to charge. Returns None when the money came or is on its way, else the decline code.

    The intent then stands at `succeeded`, `processing`, `requires_action` (None too: it waits for the
    customer) or `requires_payment_method`.
    """
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = intent["next_action"] = None
    decline = _expired(method, world.now) or (None if method.get("_good_for") else method.get("_decline"))
    if not authenticated and _asks(method):
        if not off_session:
            intent["status"] = "requires_action"
            intent["next_action"] = _action(world, intent)
            intent["_wanted_method"] = method["id"]
            world.save(intent)
            world.tell("payment_intent.requires_action", intent)
            return None
        decline = "authentication_required"
    if authenticated and not method.get("_authenticated"):
        method["_authenticated"] = True
        world.save(method)
    if decline:
        fail(world, intent, method, decline)
        return decline
    if method["type"] != "card":
        intent["status"] = "processing"
        intent["_settles_at"] = world.now + LATE_SECONDS
        charge = _charge(world, intent, method, "pending")
        intent["latest_charge"] = charge["id"]
        world.save(intent)
        world.tell("charge.pending", charge)
        world.tell("payment_intent.processing", intent)
        return None
    succeed(world, intent, method)
    return None


def succeed(world: World, intent: Obj, method: Obj) -> None:
    """The money came."""
    if method.get("_good_for"):
        method["_good_for"] -= 1
        world.save(method)
    charge = world.peek("charge", intent["latest_charge"]) if intent["status"] == "processing" else None
    charge = charge or _charge(world, intent, method, "succeeded")
    charge.update(status="succeeded", paid=True, captured=True, amount_captured=intent["amount"])
    charge["balance_transaction"] = balance(world, charge, "charge", intent["amount"])["id"]
    intent.update(
        status="succeeded",
        latest_charge=charge["id"],
        amount_received=intent["amount"],
        next_action=None,
        _settles_at=None,
    )
    world.save(charge)
    world.save(intent)
    world.tell("charge.succeeded", charge)
    world.tell("payment_intent.succeeded", intent)
    if method.get("_disputed"):
        disputing.dispute(world, charge, method["_disputed"])


def fail(world: World, intent: Obj, method: Obj, decline: str) -> None:
    """The bank said no."""
    code, message = DECLINES[decline]
    charge = world.peek("charge", intent["latest_charge"]) if intent["status"] == "processing" else None
    charge = charge or _charge(world, intent, method, "failed")
    charge.update(status="failed", failure_code=code, failure_message=message, paid=False)
    charge["outcome"] = {
        **charge["outcome"],
        "network_status": "declined_by_network",
        "reason": decline,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
        "advice_code": "try_again_later",
        "network_decline_code": "05",
    }
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        next_action=None,
        _settles_at=None,
        _failed_method=method["id"],
    )
    intent["last_payment_error"] = {
        "charge": charge["id"],
        "code": code,
        "decline_code": decline,
        "doc_url": "https://stripe.com/docs/error-codes/" + code.replace("_", "-"),
        "message": message,
        "payment_method": render(world, method),
        "type": "card_error",
    }
    world.save(charge)
    world.save(intent)
    world.tell("charge.failed", charge)
    world.tell("payment_intent.payment_failed", intent)


def cancel(world: World, intent: Obj, reason: str | None) -> None:
    """The intent is over without payment."""
    intent.update(status="canceled", canceled_at=world.now, cancellation_reason=reason, next_action=None)
    intent["_settles_at"] = None
    world.save(intent)
    world.tell("payment_intent.canceled", intent)


def balance(world: World, source: Obj, type: str, amount: int) -> Obj:
    """A movement on the account: charges cost 2.9 % and 30."""
    fee = (amount * 29 + 500) // 1000 + 30 if type == "charge" else 0
    day = 24 * 3600
    transaction = {
        "id": ids.new("balance_transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": (world.now + SETTLED_SECONDS) // day * day,
        "balance_type": "payments",
        "created": world.now,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": source["currency"],
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
        if fee
        else [],
        "net": amount - fee,
        "reporting_category": type,
        "source": source["id"],
        "status": "pending",
        "type": type,
    }
    return world.save(transaction)


def _asks(method: Obj) -> bool:
    return method["_asks"] == "always" or (method["_asks"] == "once" and not method.get("_authenticated"))


def _expired(method: Obj, now: int) -> str | None:
    card = method.get("card")
    today = datetime.fromtimestamp(now, UTC)
    if card and (card["exp_year"], card["exp_month"]) < (today.year, today.month):
        return "expired_card"
    return None


def _action(world: World, intent: Obj) -> Obj:
    return {
        "redirect_to_url": {"return_url": None, "url": f"{world.base}/authenticate/{intent['id']}"},
        "type": "redirect_to_url",
    }


def _charge(world: World, intent: Obj, method: Obj, status: str) -> Obj:
    charge: Obj = {
        "id": ids.new("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SIMULATED",
        "captured": False,
        "created": world.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 20,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, intent["amount"]),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.base}/receipts/{intent['id']}",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    return world.save(charge)


def _details(method: Obj, amount: int) -> Obj:
    if method["type"] != "card":
        bank = method["us_bank_account"]
        kept = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
        return {"type": "us_bank_account", "us_bank_account": {name: bank[name] for name in kept}}
    card = method["card"]
    names = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        "type": "card",
        "card": {
            **{name: card[name] for name in names},
            "amount_authorized": amount,
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "wallet": None,
        },
    }


DUE["payment_intent"] = lambda intent: intent.get("_settles_at")
