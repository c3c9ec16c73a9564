"""Checkout Sessions, as asked for."""

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers, checking_out, discounting, drafting
from sandbox.stripe.errors import StripeError, absent, exclusive, invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.objects.subscriptions import BILLING_MODE, TRIAL_SETTINGS
from sandbox.stripe.rendering import listed, render
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import (
    NO_PAYMENT_METHOD_TYPES,
    Boolean,
    Choice,
    Email,
    Hash,
    Integer,
    Many,
    Moment,
    Text,
    Url,
)
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

HOUR = 3600
SUBSCRIPTION_DATA = Hash(
    {
        "billing_cycle_anchor": Moment(),
        "billing_mode": BILLING_MODE,
        "description": Text(most=500),
        "proration_behavior": Choice("create_prorations", "none"),
        "trial_end": Moment(),
        "trial_period_days": Integer(1, 730),
        "trial_settings": TRIAL_SETTINGS,
        **METADATA,
    }
)
CREATE = {
    "mode": Choice("payment", "setup", "subscription"),
    "ui_mode": Choice("hosted_page", "embedded_page", "elements", "form"),
    "allow_promotion_codes": Boolean(),
    "automatic_tax": Hash({"enabled": Boolean(required=True)}),
    "billing_address_collection": Choice("auto", "required"),
    "cancel_url": Url(),
    "client_reference_id": Text(most=200),
    "currency": Currency(),
    "customer": Text(),
    "customer_creation": Choice("always", "if_required"),
    "customer_email": Email(most=800),
    "customer_update": Hash({name: Choice("auto", "never") for name in ("address", "name", "shipping")}),
    "discounts": Many(Hash({"coupon": Text(), "promotion_code": Text()}), most=1),
    "expires_at": Moment(),
    "excluded_payment_method_types": Many(Text()),
    "line_items": Many(Hash({"price": Text(required=True), "quantity": Integer(1)}), most=20),
    "locale": Choice("auto", "en", "en-GB", "de", "fr", "es", "it", "nl"),
    "payment_intent_data": Hash({"description": Text(most=1000), "receipt_email": Email(), **METADATA}),
    "payment_method_collection": Choice("always", "if_required"),
    "payment_method_types": NO_PAYMENT_METHOD_TYPES,
    "saved_payment_method_options": Hash({"payment_method_save": Choice("disabled", "enabled")}),
    "submit_type": Choice("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": SUBSCRIPTION_DATA,
    "success_url": Url(),
    "tax_id_collection": Hash({"enabled": Boolean(required=True)}),
    **METADATA,
}


@route("POST", "/v1/checkout/sessions", CREATE)
def create(world: World, params: Obj) -> Obj:
    mode = _check(world, params)
    lines = [_line(world, one, index, mode) for index, one in enumerate(params["line_items"])]
    currency = lines[0]["currency"]
    if {line["currency"] for line in lines} != {currency} or params.get("currency", currency) != currency:
        raise invalid("All line items must have the same currency.", "line_items")
    customer = params.get("customer")
    if customer:
        held = buyers.find(world, customer, "customer", status=400)
        if held["currency"] not in (None, currency):
            buyers.settle_currency(world, held, currency)
    for index, one in enumerate(params.get("discounts", [])):
        discounting.check(world, one, f"discounts[{index}]", customer=customer, currency=currency)
    expires = params.get("expires_at", world.now + 24 * HOUR)
    if not world.now + HOUR // 2 <= expires <= world.now + 24 * HOUR:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
            if expires < world.now + HOUR
            else "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            "expires_at",
        )
    id = ids.new("checkout.session", 58)
    session: Obj = {
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": customer,
        "customer_creation": None if customer else params.get("customer_creation", "if_required"),
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [
            {"coupon": one.get("coupon"), "promotion_code": one.get("promotion_code")}
            for one in params.get("discounts", [])
        ]
        or None,
        "expires_at": expires,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": merged({}, params.get("metadata") or {}),
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": params.get("payment_method_collection", "always"),
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": {
            "allow_redisplay_filters": ["always"],
            "payment_method_remove": "disabled",
            "payment_method_save": None,
        },
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{world.base}/checkout/{id}",
        "wallet_options": None,
        "_lines": lines,
        "_subscription_data": params.get("subscription_data", {}),
        "_payment_intent_data": params.get("payment_intent_data", {}),
    }
    checking_out.add_up(world, session)
    return world.save(session)


@route("GET", "/v1/checkout/sessions/{session}")
def retrieve(world: World, params: Obj, session: str) -> Obj:
    return find(world, session)


@route("POST", "/v1/checkout/sessions/{session}", {**METADATA})
def update(world: World, params: Obj, session: str) -> Obj:
    found = find(world, session)
    found["metadata"] = merged(found["metadata"], params.get("metadata", {}))
    return world.save(found)


@route("POST", "/v1/checkout/sessions/{session}/expire")
def expire(world: World, params: Obj, session: str) -> Obj:
    found = find(world, session)
    if found["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of {found['status']}."
        )
    checking_out.expire(world, found)
    return found


@route("GET", "/v1/checkout/sessions/{session}/line_items", shape())
def line_items(world: World, params: Obj, session: str) -> Obj:
    return _lines(world, find(world, session))


@route(
    "GET",
    "/v1/checkout/sessions",
    shape(
        customer=Text(),
        subscription=Text(),
        payment_intent=Text(),
        status=Choice("complete", "expired", "open"),
        created=Span(),
        customer_details=Hash({"email": Email(required=True)}),
    ),
)
def index(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("customer", "subscription", "payment_intent", "status")}
    email = params.get("customer_details", {}).get("email")
    return page(
        world,
        params,
        "checkout.session",
        "/v1/checkout/sessions",
        keep=lambda one: email in (None, (one["customer_details"] or {}).get("email")),
        fields=fields,
    )


def find(world: World, id: str) -> Obj:
    """A session, or Stripe's 404."""
    found = world.peek("checkout.session", id)
    if found is None:
        raise StripeError(
            f"No such checkout.session: {id}", status=404, code="resource_missing", param="session"
        )
    return found


def _check(world: World, params: Obj) -> str:
    mode = str(params.get("mode", "payment"))
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The sandbox shows `hosted_page` alone.", "ui_mode")
    if mode == "setup":
        raise invalid("The sandbox does not know sessions in `setup` mode.", "mode")
    if "success_url" not in params:
        raise absent("success_url")
    if not params.get("line_items"):
        raise absent("line_items")
    if "customer" in params and "customer_email" in params:
        raise exclusive("customer", "customer_email")
    if "allow_promotion_codes" in params and "discounts" in params:
        raise exclusive("allow_promotion_codes", "discounts")
    if params.get("automatic_tax", {}).get("enabled") or params.get("tax_id_collection", {}).get("enabled"):
        raise invalid(
            "You must set your origin address to use Stripe Tax. The sandbox has none.", "automatic_tax"
        )
    if mode == "subscription" and "payment_intent_data" in params:
        raise invalid("You can not pass `payment_intent_data` in `subscription` mode.", "payment_intent_data")
    if mode == "payment" and "subscription_data" in params:
        raise invalid("You can not pass `subscription_data` in `payment` mode.", "subscription_data")
    if mode == "subscription" and "customer_creation" in params:
        raise invalid("`customer_creation` can only be used in `payment` mode.", "customer_creation")
    if "customer_creation" in params and "customer" in params:
        raise exclusive("customer", "customer_creation")
    if "customer_update" in params and "customer" not in params:
        raise invalid("`customer_update` can only be used with `customer`.", "customer_update")
    end = params.get("subscription_data", {}).get("trial_end")
    if end is not None and end < world.now + 48 * HOUR:
        raise invalid(
            "The `trial_end` date has to be at least 2 days in the future.", "subscription_data[trial_end]"
        )
    return mode


def _line(world: World, given: Obj, index: int, mode: str) -> Obj:
    param = f"line_items[{index}][price]"
    price = world.get("price", given["price"], param)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param)
    if mode == "payment" and price["type"] == "recurring":
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
            "mode or use "
            "only one-time prices.",
            param,
        )
    if mode == "subscription" and price["type"] != "recurring":
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices. The "
            "sandbox "
            "does not mix one-time prices in.",
            param,
        )
    if "quantity" not in given:
        raise absent(f"line_items[{index}][quantity]")
    product = world.known("product", price["product"])
    amount = drafting.price_of(price, given["quantity"])
    return {
        "id": ids.new("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": render(world, price),
        "quantity": given["quantity"],
    }


def _lines(world: World, shown: Obj) -> Obj:
    session = find(world, shown["id"])
    return listed(session["_lines"], f"/v1/checkout/sessions/{shown['id']}/line_items")


ON_REQUEST["checkout.session", "line_items"] = _lines
